"""What commands take, and how wrong inputs are refused.

A preview ends at the first resource that is refused, so each case has one of its own; then the right inputs are made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.behaviours import behaviour, bug
from tests.plugins.hosts import hosts, scenario_on
from tests.plugins.scenario import Phase

_MAPPER = "pulumi sdk/go/common/util/mapper"
_INFER = "pulumi-go-provider infer/resource.go"
_SECRET = "a-secret-of-a-test"

_PROGRAM = """
    def hidden(value):
        return Output.secret(value)
    def here(name, opts=None, **inputs):
        local.Command(name, opts=opts, **{"create": "true", "logging": "none", **inputs})
    def there(name, **connection):
        remote.Command(name, create="true", connection={"host": "127.0.0.1", **connection})

    if CASE == "types":
        here(CASE, create=3, update={"a": "b"}, add_previous_output_in_env="false", interpreter=["sh", 1],
            environment={"A": 1}, logging=3, triggers="x")
    elif CASE == "lists":
        here(CASE, interpreter="sh", environment="A")
    elif CASE == "connection":
        there(CASE, port="22", host=3, dial_error_limit="2", hostkey="x", user="root", proxy={"port": 22})
    elif CASE == "secret":
        there(CASE, port=hidden(SECRET))
    elif CASE == "secret-local":
        here(CASE, add_previous_output_in_env=hidden(SECRET))
    elif CASE == "run":
        local.run(command="true", dir=1)
    elif CASE == "null":
        here(CASE, interpreter=["sh", None], environment={"A": None})
    elif CASE == "logging":
        here(CASE, logging="no such mode")
    else:
        here("right", create="echo $0 $A", interpreter=["sh", "-c"], environment={"A": "1"},
            triggers=[1, None, {"a": 2}])
        first = local.Command("first", create="echo sh", logging="none", stdin=at("one", "two"))
        here("later", create="echo said", interpreter=[first.stdout, "-c"])
        here("later-all", create="echo said", interpreter=first.stdout.apply(lambda word: [word, "-c"]))
        command("cut", create="true", connection=host(dial_error_limit=at(1.9, 1), per_dial_timeout=at(5.5, 5)))
"""


@dataclass
class Inputs:
    """`told` is what was said in the preview of each case."""

    told: dict[str, str]
    created: Phase
    planned: Phase


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inputs]:
    directory: Path = tmp_path_factory.mktemp("inputs")
    cases = ["types", "lists", "connection", "secret", "secret-local", "run"]
    if os.environ.get("KUBENODE_TOOLS") != "system":  # there it would panic
        cases += ["null", "logging"]
    with hosts(one={}) as servers:
        scenario = scenario_on(directory, servers, _PROGRAM, SECRET=_SECRET)
        told = {case: scenario.preview(fails=None, CASE=case).output for case in cases}
        created = scenario.up(CASE="")
        yield Inputs(told, created, scenario.preview())


@behaviour(
    "an input of another type than its own is refused in the preview, by the names of both types as Go has them",
    source=_MAPPER,
    but="the right one is taken, and `triggers` hold anything",
)
@pytest.mark.parametrize(
    ("name", "wanted", "held"),
    [
        ("create", "string", "float64"),
        ("addPreviousOutputInEnv", "bool", "string"),
        ("logging", "local.Logging", "float64"),
        ("triggers", "[]interface {}", "string"),
    ],
)
def test_types(inputs: Inputs, name: str, wanted: str, held: str) -> None:
    text = f"Field '{name}' on 'local.CommandInputs' must be a '{wanted}'; got '{held}' instead"
    assert text in inputs.told["types"]
    assert inputs.created.outputs("right")["stdout"] == "sh 1"


@behaviour(
    "an object in the place of anything else is refused in words of its own",
    source=_MAPPER,
    but="where an object belongs, what is in it is looked at",
)
def test_objects(inputs: Inputs) -> None:
    assert "Cannot decode Object{} to type string; it isn't a struct" in inputs.told["types"]
    assert "Cannot decode" not in inputs.told["connection"]


@behaviour(
    "`interpreter` is a list of texts, `environment` an object of them",
    source=_MAPPER,
    but="texts in them are taken",
)
def test_items(inputs: Inputs) -> None:
    for where, held in (("interpreter[1]", "float64"), ("environment[A] value", "float64")):
        text = f"Field '{where}' on 'local.CommandInputs' must be a 'string'; got '{held}' instead"
        assert text in inputs.told["types"]
    for where, wanted in (("interpreter", "[]string"), ("environment", "map[string]string")):
        text = f"Field '{where}' on 'local.CommandInputs' must be a '{wanted}'; got 'string' instead"
        assert text in inputs.told["lists"]
    assert inputs.created.outputs("right")["stdout"] == "sh 1"


@bug(
    "a null in `interpreter` or `environment`: the plugin panics, and every command of the run is lost with it",
    source=f"{_MAPPER}; seen",
    decision="refused",
    here="an error that says so",
)
def test_null_items(inputs: Inputs) -> None:
    for where in ("interpreter[1]", "environment[A] value"):
        text = (
            f"Field '{where}' on 'local.CommandInputs' is null, at which the official command plugin panics"
        )
        assert text in inputs.told["null"]


@behaviour(
    "what is wrong in `connection` is told with its name there, in `proxy` too, all of it at once",
    source=_MAPPER,
    but="what is right in it is not",
)
def test_connections(inputs: Inputs) -> None:
    for text in (
        "port: Field 'port' on 'remote.Connection' must be a 'float64'; got 'string' instead",
        "host: Field 'host' on 'remote.Connection' must be a 'string'; got 'float64' instead",
        "dialErrorLimit: Field 'dialErrorLimit' on 'remote.Connection' must be a 'int'; got 'string'",
        "hostkey: Unrecognized field 'hostkey' on 'remote.Connection'",
        "host: Missing required field 'host' on 'remote.ProxyConnection'",
    ):
        assert text in inputs.told["connection"]
    assert "Field 'user'" not in inputs.told["connection"]


@behaviour(
    "a limit with a fraction is cut to a whole number, in the state too",
    source=_MAPPER,
    but="to write the whole number later is no change",
)
def test_fractions(inputs: Inputs) -> None:
    assert "cut" in inputs.created.state
    assert inputs.planned.ops("cut") == ["same"]


@bug(
    "a text of `logging` that means nothing is taken, and the program, being one of Python, ends with an error, in "
    "this run and in every later one",
    source="remote/logging.go; pulumi SDK; seen",
    decision="refused",
    here="an error that says so",
)
def test_unknown_logging(inputs: Inputs) -> None:
    assert "it is none of stdout, stderr, stdoutAndStderr, none" in inputs.told["logging"]


@behaviour(
    "an `interpreter` that is not known yet is left out of a preview",
    source=f"{_INFER}; seen",
    but="one in which an item is not known is shown",
)
def test_unknown_interpreter(inputs: Inputs) -> None:
    assert inputs.created.outputs("later-all")["stdout"] == "said"
    assert "interpreter" not in inputs.planned.step("later-all").new["inputs"]
    assert len(inputs.planned.step("later").new["inputs"]["interpreter"]) == 2


@behaviour(
    "wrong arguments of `local.run` are refused",
    source=_INFER,
    but="right ones are not told",
)
def test_arguments_of_run(inputs: Inputs) -> None:
    assert "Field 'dir' on 'local.RunInputs' must be a 'string'; got 'float64' instead" in inputs.told["run"]
    assert "Field 'command' on 'local.RunInputs'" not in inputs.told["run"]


@bug(
    "an input that is refused is shown with its value, also if it is secret",
    source="engine; seen",
    decision="not copied",
    here="the reason stands alone, and holds no value",
)
def test_refused_secrets(inputs: Inputs) -> None:
    text = "Field 'port' on 'remote.Connection' must be a 'float64'; got 'string'"
    assert text in inputs.told["secret"]
    assert (
        "Field 'addPreviousOutputInEnv' on 'local.CommandInputs' must be a 'bool'"
        in inputs.told["secret-local"]
    )
    assert _SECRET not in "".join(inputs.told.values())
