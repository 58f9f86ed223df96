"""The life of a remote command.

One program through a life: previewed, created, previewed again, changed, tried again after failures, refreshed,
destroyed without its program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.behaviours import behaviour, counter
from tests.plugins.hosts import dials, hosts, ran, scenario_on, total_dials
from tests.plugins.scenario import Phase
from tests.plugins.sshd import PASSWORD

_CONTROLLER = "remote/commandController.go"
_INFER = "pulumi-go-provider infer/resource.go"

_PROGRAM = """
    same = command("same", create="echo once", update="echo again", delete="true", stdin="kept")
    command("updates", create="cat", update="echo updated; cat", delete="cat", stdin=at("one", "two"))
    command("no-update", create="echo made; cat", stdin=at("one", "two"))
    command("neither", stdin=at("one", "two"))
    command("lines", create="true", stdin=at("first line\\nsecond line\\n", "first line\\nother line\\n"))
    command("hidden-lines", create="true", stdin=Output.secret(at("first hidden", "second hidden")))
    command("edges", create="true", update="true", opts=ResourceOptions(depends_on=at([], [same])))

    def changes(name, **inputs):
        command("changes-" + name, **{**dict(create="true", update="true"), **inputs})
    changes("create", create=at("true", "echo other"))
    changes("update", update=at("true", "echo other"))
    changes("delete", delete=at("true", "echo other"))
    changes("logging", logging=at("none", "stdout"))
    changes("login", connection=host(user=at("tester", "other")))
    changes("limit", connection=host(dial_error_limit=at(0, 1)))
    changes("previous", add_previous_output_in_env=at(None, False))
    changes("environment", environment=at({"A": "1", "B": "2"}, {"A": "9", "C": "3"}))
    command("ignores", create="true", connection=host(password=Output.secret(at(PASSWORD, "another"))),
        opts=ResourceOptions(ignore_changes=["connection.password"]))

    command("moves", connection=host(at("one", "two")), create="true", update="true", delete="true")
    command("replaced", create="cat", update="false", delete="cat", triggers=at(["1"], ["2"]), stdin=at("one", "two"))
    command("not-replaced", create="true", update="true", triggers=["1", {"a": 2}], stdin=at("one", "two"))
    command("triggers-come", create="true", delete="true", triggers=at(None, ["1"]))
    command("leaves", connection=host("quiet"), create="true")

    command("fails-once", create=at("echo shown; exit 3", "true"), logging="none")
    command("update-fails", create="echo made", update=at(None, "echo half; exit 4", "echo updated"),
        stdin=at("one", "two"))
    if PHASE < 2:
        command("goes", create="true", delete="cat", stdin="the last")
        command("stuck", create="true", delete=f"test -e {GATE}")

    produces = command("produces", create="echo product", update="echo product", stdin=at("one", "two"))
    grows = command("grows", create="echo product", environment=at(None, {"A": "1"}))
    command("consumes", create="true", stdin=produces.stdout)
    command("consumes-same", create="true", stdin=same.stdout)
    command("consumes-grown", create="true", stdin=grows.stdout)

    command("hides", create="cat", stdin=Output.secret("the secret of a test"), logging="none")
    command("marked", create="cat", stdin="marked as secret", logging="none",
        opts=ResourceOptions(additional_secret_outputs=["stdout"]))
    command("short", create="true", connection=remote.ConnectionArgs(host="127.0.0.1", port=HOSTS["one"]["port"],
        password=Output.secret(PASSWORD)))
    # The SDK completes an object of its own classes, but no dictionary.
    command("shortest", create="true", connection={"host": "127.0.0.1", "port": HOSTS["one"]["port"],
        "password": Output.secret(PASSWORD)})
"""


@dataclass
class Life:
    """What was seen of the program's life, phase by phase."""

    planned: Phase
    created: Phase
    unchanged: Phase
    foreseen: Phase
    changed: Phase
    retried: Phase
    refreshed: Phase
    destroyed: Phase
    with_secrets: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    directory: Path = tmp_path_factory.mktemp("life")
    gate = directory / "gate"
    with hosts(one={"accept_environment": True}, two={}, quiet={}) as servers:
        scenario = scenario_on(directory, servers, _PROGRAM, GATE=str(gate))
        planned = scenario.preview()
        created = scenario.up("--continue-on-error", fails=None)
        exported = json.loads(scenario.project.run("stack", "export", "--show-secrets"))
        unchanged = scenario.again()
        foreseen = scenario.preview()
        changed = scenario.up("--continue-on-error", fails=None)
        retried = scenario.up("--continue-on-error", fails=None)
        refreshed = scenario.refresh("--expect-no-changes", fails=None)
        gate.touch()
        scenario.project.write("raise SystemExit('the program is not needed')")
        destroyed = scenario.destroy(fails=None)
        with_secrets = {each["urn"].rpartition("::")[2]: each for each in exported["deployment"]["resources"]}
        yield Life(
            planned, created, unchanged, foreseen, changed, retried, refreshed, destroyed, with_secrets
        )


def verbs(phase: Phase, name: str) -> list[str]:
    return [each.verb for each in ran(phase, name)]


# Create and update


@behaviour(
    "a command is created by running `create`",
    source=_CONTROLLER,
    but="unchanged it never runs again, and nobody is connected to",
)
def test_create(life: Life) -> None:
    assert life.created.ops("same") == ["create"]
    assert verbs(life.created, "same") == ["create"]
    assert life.changed.ops("same") == ["same"]
    assert verbs(life.changed, "same") + verbs(life.retried, "same") == []


@behaviour(
    "a changed input runs `update`, with the new inputs",
    source=_CONTROLLER,
    but="`create` does not run then",
)
def test_update(life: Life) -> None:
    assert life.changed.ops("updates") == ["update"]
    assert ran(life.changed, "updates") == [("update", "one", "two")]
    assert life.changed.outputs("updates")["stdout"] == "updated\ntwo"
    assert life.changed.inputs("updates")["stdin"] == "two"


@behaviour(
    "without `update` a changed input runs `create` again",
    source=_CONTROLLER,
    but="with neither nothing runs, and stdout stays",
)
def test_update_without_update(life: Life) -> None:
    assert life.changed.ops("no-update") == ["update"]
    assert verbs(life.changed, "no-update") == ["create"]
    assert life.changed.outputs("no-update")["stdout"] == "made\ntwo"
    assert life.changed.ops("neither") == ["update"]
    assert verbs(life.changed, "neither") == []
    assert life.changed.outputs("neither")["stdin"] == "two"


@behaviour(
    "any changed input is an update in place: `create`, `update`, `delete`, `logging`, `environment`, "
    "`addPreviousOutputInEnv`, each part of `connection`",
    source=f"{_INFER}, Diff",
    but="what is no input of it, such as an edge to another resource, is no change; the edge is stored",
)
@pytest.mark.parametrize(
    "which", ["create", "update", "delete", "logging", "login", "limit", "previous", "environment"]
)
def test_any_input_is_an_update(life: Life, which: str) -> None:
    assert life.changed.ops(f"changes-{which}") == ["update"]
    assert verbs(life.changed, f"changes-{which}") == ["update"]
    assert life.changed.ops("edges") == ["same"]
    assert verbs(life.changed, "edges") == []
    assert [
        len(phase.state["edges"].get("dependencies") or []) for phase in (life.created, life.changed)
    ] == [0, 1]


@behaviour(
    "a preview shows a change by its path, `environment.A`",
    source=f"{_INFER}, Diff",
    but="all of `connection` is one secret value: `[secret] => [secret]`",
)
def test_diff_paths(life: Life) -> None:
    assert life.foreseen.step("changes-environment").paths == {
        "environment.A": "update",
        "environment.B": "delete",
        "environment.C": "add",
    }
    assert set(life.foreseen.step("changes-login").paths) == {"connection"}
    assert "~ connection: [secret] => [secret]" in life.foreseen.output


@behaviour(
    "a preview shows the changed lines of stdin, with a `-` and a `+`",
    source="engine, seen",
    but="a changed secret is `[secret] => [secret]`",
)
def test_diff_lines(life: Life) -> None:
    lines = [line.strip() for line in life.foreseen.output.splitlines()]
    assert {"first line", "- second line", "+ other line"} <= set(lines)
    assert "~ stdin: [secret] => [secret]" in lines
    assert "hidden" not in life.foreseen.output.replace("hidden-lines", "")


@behaviour(
    "`ignore_changes` of a part of the connection keeps that part",
    source="engine",
    but="other parts still update",
)
def test_ignored_changes(life: Life) -> None:
    assert life.changed.ops("ignores") == ["same"]
    assert life.changed.ops("changes-login") == ["update"]


@behaviour(
    "a changed `host` is an update on the new host, and `delete` runs there in the end",
    source="seen",
    but="the old host is never asked again",
)
def test_another_host(life: Life) -> None:
    assert ran(life.created, "moves") == [("create", "one", "")]
    assert life.changed.ops("moves") == ["update"]
    assert ran(life.changed, "moves") == [("update", "two", "")]
    assert ran(life.destroyed, "moves") == [("delete", "two", "")]


@behaviour(
    "the identifier is the name and eight hexadecimal digits",
    source=_CONTROLLER,
    but="an update keeps it, only a replacement has a new one",
)
def test_identifier(life: Life) -> None:
    identifiers = {
        name: (life.created.state[name]["id"], life.changed.state[name]["id"])
        for name in ("updates", "replaced")
    }
    assert re.fullmatch("updates[0-9a-f]{8}", identifiers["updates"][0])
    assert identifiers["updates"][0] == identifiers["updates"][1]
    assert identifiers["replaced"][0] != identifiers["replaced"][1]


# Replace


@behaviour(
    "a changed element of `triggers` replaces: the new `create` first, with the new stdin; the old `delete` "
    "afterwards, with the old stdin",
    source="seen",
    but="`update` does not run, whatever the documentation says",
)
def test_triggers_replace(life: Life) -> None:
    assert life.changed.ops("replaced") == ["create-replacement", "replace", "delete-replaced"]
    assert ran(life.changed, "replaced") == [("create", "one", "two"), ("delete", "one", "one")]


@counter(test_triggers_replace, but="with the same `triggers` another input is an update")
def test_same_triggers_do_not_replace(life: Life) -> None:
    assert life.changed.ops("not-replaced") == ["update"]
    assert verbs(life.changed, "not-replaced") == ["update"]


@behaviour(
    "`triggers` that were not there before replace",
    source="common/inputs.go",
    but="other inputs that come are an update",
)
def test_triggers_that_come(life: Life) -> None:
    assert life.changed.ops("triggers-come") == ["create-replacement", "replace", "delete-replaced"]
    assert verbs(life.changed, "triggers-come") == ["create", "delete"]
    assert life.changed.ops("grows") == ["update"]


# Delete


@behaviour(
    "`delete` needs only the state: its connection and its stdin as they were last; not the program",
    source=_CONTROLLER,
    but="the inputs before the last update are forgotten",
)
def test_delete_from_state(life: Life) -> None:
    assert ran(life.destroyed, "updates") == [("delete", "one", "two")]
    assert ran(life.retried, "goes") == [("delete", "one", "the last")]
    assert not life.destroyed.failed
    assert life.destroyed.state == {}


@behaviour(
    "without `delete` a command is deleted without a connection",
    source=_CONTROLLER,
    but="one that has it connects",
)
def test_delete_without_delete(life: Life) -> None:
    assert dials(life.created, "quiet") == 1
    assert dials(life.destroyed, "quiet") == 0
    assert life.destroyed.ops("leaves") == ["delete"]
    assert dials(life.destroyed, "two") == 1


@behaviour(
    "a `delete` that fails leaves the command in state, and runs again next time",
    source=f"{_INFER}, Delete",
    but="one that succeeds takes it out",
)
def test_failed_delete(life: Life) -> None:
    assert life.retried.failed
    assert life.retried.error("stuck").startswith("Process exited with status 1: running ")
    assert verbs(life.retried, "stuck") == verbs(life.destroyed, "stuck") == ["delete"]
    assert set(life.retried.state) & {"stuck", "goes"} == {"stuck"}


# Failures


@behaviour(
    "a `create` that fails leaves nothing in state, and is a create again next time",
    source=f"{_INFER}, Create",
    but="the others of the same run are created and kept (`--continue-on-error`)",
)
def test_failed_create(life: Life) -> None:
    assert life.created.failed
    assert "fails-once" not in life.created.state
    assert life.changed.ops("fails-once") == ["create"]
    assert "fails-once" in life.changed.state
    assert "same" in life.created.state


@behaviour(
    "an `update` that fails leaves the old inputs and outputs in state, and is an update again next time",
    source=f"{_INFER}, Update",
    but="one that succeeds leaves the new ones",
)
def test_failed_update(life: Life) -> None:
    assert life.changed.failed
    assert life.changed.error("update-fails").endswith("half\n")
    for kept in (life.changed.inputs("update-fails"), life.changed.outputs("update-fails")):
        assert kept["stdin"] == "one"
    assert life.changed.outputs("update-fails")["stdout"] == "made"
    assert life.retried.ops("update-fails") == ["update"]
    assert life.retried.inputs("update-fails")["stdin"] == "two"
    assert life.retried.outputs("update-fails")["stdout"] == "updated"


# Preview and refresh


@behaviour("a preview runs nothing and connects to nobody", source=_CONTROLLER, but="an up of the same does")
def test_preview_runs_nothing(life: Life) -> None:
    assert total_dials(life.planned) + total_dials(life.unchanged) + total_dials(life.foreseen) == 0
    assert life.planned.ops("same") == ["create"]
    assert total_dials(life.created) > 20


@behaviour(
    "an unchanged program is unchanged, whatever the commands printed",
    source=f"{_INFER}, Diff",
    but="a failed create is still to be created",
)
def test_unchanged(life: Life) -> None:
    ops = {step.name: step.op for step in life.unchanged.steps}
    assert {name for name, op in ops.items() if op != "same"} == {"fails-once"}


@behaviour(
    "in a preview stdout is unknown before the first create, and as soon as an input that the state has changes, so "
    "that what uses it shows as changed",
    source=f"{_INFER}, markComputed",
    but="in the run, what uses it does not change if stdout comes out the same",
)
def test_stdout_is_unknown_in_preview(life: Life) -> None:
    unknown = life.planned.step("consumes").new["inputs"]["stdin"]
    assert re.fullmatch("[0-9a-f]{8}-.*", unknown)  # what the engine has for it
    assert life.foreseen.ops("consumes") == ["update"]
    assert life.foreseen.step("consumes").new["inputs"]["stdin"] == unknown
    assert life.changed.ops("produces") == ["update"]
    assert life.changed.ops("consumes") == ["same"]


@counter(test_stdout_is_unknown_in_preview, but="it is known if nothing changes, or an input only comes")
def test_stdout_stays_known_in_preview(life: Life) -> None:
    assert life.foreseen.ops("consumes-same") == ["same"]
    assert life.foreseen.ops("grows") == ["update"]
    assert life.foreseen.ops("consumes-grown") == ["same"]


@behaviour(
    "refresh believes the state and connects to nobody",
    source=f"{_INFER}, Read",
    but="not even a host that is another one by now is noticed",
)
def test_refresh(life: Life) -> None:
    assert not life.refreshed.failed
    assert total_dials(life.refreshed) == 0
    assert set(life.refreshed.state) == set(life.retried.state)


# Secrets


@behaviour(
    "all of `connection` is encrypted in state and hidden on the screen",
    source="remote/command.go",
    but="other inputs are as the program has them",
)
def test_connection_is_secret(life: Life) -> None:
    for kept in (life.created.inputs("short"), life.created.outputs("short")):
        assert set(kept["connection"]) >= {"ciphertext"}
    phases = (life.planned, life.created, life.unchanged, life.foreseen, life.changed, life.destroyed)
    assert not any(PASSWORD in phase.text_of_state + phase.output for phase in phases)
    assert life.created.inputs("updates")["stdin"] == "one"


@behaviour(
    "a secret stdin stays secret in inputs and outputs",
    source=f"{_INFER}, markSecret",
    but="stdout is not secret, even if it repeats the secret",
)
def test_stdout_is_not_secret(life: Life) -> None:
    for kept in (life.created.inputs("hides"), life.created.outputs("hides")):
        assert "ciphertext" in kept["stdin"]
    assert life.created.outputs("hides")["stdout"] == "the secret of a test"


@behaviour(
    "`additional_secret_outputs` make stdout secret",
    source="engine",
    but="stderr, which is not named, stays as it is",
)
def test_additional_secret_outputs(life: Life) -> None:
    assert "ciphertext" in life.created.outputs("marked")["stdout"]
    assert life.created.outputs("marked")["stderr"] == ""


@behaviour(
    "defaults of the connection become part of the inputs in state: user root, 10 retries, 15 seconds a dial",
    source="remote/connection.go, and the SDK itself for its own classes",
    but="what the program says stays",
)
@pytest.mark.parametrize("name", ["short", "shortest"])
def test_defaults_are_inputs(life: Life, name: str) -> None:
    connection = json.loads(life.with_secrets[name]["inputs"]["connection"]["plaintext"])
    expected = {"host": "127.0.0.1", "user": "root", "dialErrorLimit": 10, "perDialTimeout": 15}
    assert {key: connection[key] for key in expected} == expected
    given = json.loads(life.with_secrets["same"]["inputs"]["connection"]["plaintext"])
    assert (given["user"], given["dialErrorLimit"], given["perDialTimeout"]) == ("tester", 0, 5)
