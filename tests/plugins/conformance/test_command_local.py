"""Local commands, on the machine that runs pulumi.

One program: previewed, created, changed, destroyed without its program.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.behaviours import behaviour, bug, counter
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_CONTROLLER = "local/commandController.go"
_OUTPUTS = "local/commandOutputs.go"

_PROGRAM = """
    from pulumi_command import local
    def command(name, opts=None, **inputs):
        for verb in ("create", "update", "delete"):
            if inputs.get(verb) is not None:
                inputs[verb] = f"printf '%s\\\\n' '{name} {verb}' >> {LOG}; " + inputs[verb]
        return local.Command(name, opts=opts, **{**dict(logging="none"), **inputs})
    def note(text):
        return f"echo {text} >> {LOG}"

    command("all-verbs", create="cat", update="cat; echo", delete=f"cat >> {LOG}", stdin=at("one", "two"))
    command("no-update", create="cat", stdin=at("one", "two"))
    command("same", create="true", update="true", delete="true")
    command("replaced", create="true", update="false", delete="true", triggers=at([1], [2]))
    command("update-fails", create="true", update="exit 5", stdin=at("one", "two"))

    command("where", create="pwd; echo $A-$INHERITED", environment={"A": "1"})
    command("passphrase", create="echo $PULUMI_CONFIG_PASSPHRASE")
    command("elsewhere", create="pwd", dir=SUB)
    local.Command("python", create="import sys; print(sys.argv)", interpreter=[PYTHON, "-c"], logging="none")
    command("unread", create="true", stdin="much" * 1024 * 256)
    command("trimmed", create="printf ' a \\\\n\\\\n'; printf 'b\\\\n' >&2")
    command("logged", create="echo out; echo err >&2", logging=at("stdout", "stdout"))
    command("logged-both", create="echo out; echo err >&2", logging=None)

    command("fails", create='echo "one"; sleep .2; echo two >&2; exit 4')
    command("killed", create="kill -KILL $$")
    local.Command("no-program", create="true", interpreter=["no-such-program"])
    local.Command("no-file", create="true", interpreter=["/no/such/program"])
    local.Command("no-directory", create="true", dir="/no/such/directory")
    local.Command("file-for-directory", create="true", dir="Pulumi.yaml")

    command("previous", create="echo made", update="echo was $PULUMI_COMMAND_STDOUT",
        delete=f"echo last $PULUMI_COMMAND_STDOUT >> {LOG}", stdin=at("one", "two"))
    command("previous-off", create="echo made", update="echo was $PULUMI_COMMAND_STDOUT", stdin=at("one", "two"),
        add_previous_output_in_env=False)
    if RAW:
        for name, mode in (("raw-out", "none"), ("raw-error", "stderr")):
            command(name, create=r"printf 'a\\377b'; printf 'c\\377d' >&2", delete="true", logging=mode)
        command("raw-update", create="true", update=r"printf '\\377'", delete=r"printf '\\377'", stdin=at("one", "two"))
    command("logged-raw", create=r"printf 'a\\377b' >&2; exit 3", logging="stderr")
    command("nul", create=r"printf 'a\\0b'", update="true", delete="true", stdin=at("one", "two"))
    command("nul-off", add_previous_output_in_env=False,
        create=r"printf 'a\\0b'", update="true", stdin=at("one", "two"))
    command("environment-nul", create="true", environment={"A": "a\\0b"})
    command("environment-name", create='echo "$A"', environment={"A=B": "c"})
    command("here", create="pwd", dir="")

    command("hides", create="cat", stdin=Output.secret("the secret of a test"))

    ran = local.run(command=f"cat; {note('run')}", stdin="in\\n", logging="none")
    pulumi.export("ran", ran.stdout)
    set_up = local.run(command="pwd; echo $A-$INHERITED; echo $0 >&2", dir=SUB, environment={"A": "1"},
        interpreter=["/bin/sh", "-c"], logging="none")
    pulumi.export("set-up", set_up.stdout + "\\n" + set_up.stderr)
    pulumi.export("plain", local.run_output(command="cat", stdin="a plain one", logging="none").stdout)
    pulumi.export("hidden",
        local.run_output(command="cat", stdin=Output.secret("a hidden one"), logging="none").stdout)
    if FAIL:
        local.run(command="echo shown; exit 6")
"""

_NOT_BEGUN = ("no-program", "no-file", "no-directory", "file-for-directory")


@dataclass
class Life:
    planned: Phase
    created: Phase
    changed: Phase
    destroyed: Phase
    outputs: dict[str, str]
    project: Path


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    directory: Path = tmp_path_factory.mktemp("local")
    log = directory / "log"
    log.touch()
    project = new_project(directory, directory / "home")
    (project.directory / "sub").mkdir()
    project.environment["INHERITED"] = "inherited"
    scenario = Scenario(
        project,
        {"log": lambda: log.read_text().splitlines()},
        {"LOG": str(log), "SUB": "sub", "PYTHON": project.environment["PULUMI_PYTHON_CMD"]},
    )
    scenario.write(_PROGRAM)
    # With the official plugin these would end the program.
    scenario.values["RAW"] = os.environ.get("KUBENODE_TOOLS") != "system"
    planned = scenario.preview(FAIL=True, fails=None)
    created = scenario.up("--continue-on-error", FAIL=False, fails=None)
    outputs = json.loads(project.run("stack", "output", "--json", "--show-secrets"))
    changed = scenario.up("--continue-on-error", fails=None)
    project.write("raise SystemExit('the program is not needed')")
    destroyed = scenario.destroy("--continue-on-error", fails=None)
    return Life(planned, created, changed, destroyed, outputs, project.directory)


def verbs(phase: Phase, name: str) -> list[str]:
    return [line.split()[1] for line in phase.seen["log"] if line.split()[0] == name]


# Life


@behaviour(
    "a local command is created by `create`, changed by `update`, deleted by `delete`, each with its stdin",
    source=_CONTROLLER,
    but="unchanged nothing runs",
)
def test_local_verbs(life: Life) -> None:
    assert life.created.outputs("all-verbs")["stdout"] == "one"
    assert life.changed.ops("all-verbs") == ["update"]
    assert life.changed.outputs("all-verbs")["stdout"] == "two"
    assert [verbs(phase, "all-verbs") for phase in (life.created, life.changed, life.destroyed)] == [
        ["create"],
        ["update"],
        ["delete"],
    ]
    assert "two" in "".join(life.destroyed.seen["log"])
    assert verbs(life.changed, "same") == []


@counter(test_local_verbs, but="without `update`, `create` runs again")
def test_local_update_without_update(life: Life) -> None:
    assert life.changed.ops("no-update") == ["update"]
    assert verbs(life.changed, "no-update") == ["create"]


@behaviour(
    "a local command is replaced when `triggers` change: the new `create`, then the old `delete`",
    source=_CONTROLLER,
    but="other inputs are an update",
)
def test_local_triggers(life: Life) -> None:
    assert life.changed.ops("replaced") == ["create-replacement", "replace", "delete-replaced"]
    assert verbs(life.changed, "replaced") == ["create", "delete"]
    assert life.changed.ops("previous") == ["update"]


@behaviour(
    "a local `create` that fails leaves nothing in state, an `update` that fails the old inputs",
    source=_CONTROLLER,
    but="what succeeds in the same run is kept",
)
def test_local_failures(life: Life) -> None:
    assert "fails" not in life.created.state
    assert life.changed.inputs("update-fails")["stdin"] == "one"
    assert life.changed.inputs("all-verbs")["stdin"] == "two"


@behaviour(
    "a preview runs no local command",
    source=_CONTROLLER,
    but="the function `local.run` runs in a preview too, once for each evaluation",
)
def test_local_preview(life: Life) -> None:
    assert life.planned.seen["log"] == ["run"]
    assert life.created.seen["log"].count("run") == 1


# What a local command finds


@behaviour(
    "a local command runs in the project's directory, with the whole environment, PULUMI_CONFIG_PASSPHRASE included",
    source=_OUTPUTS,
    but="`dir`, relative to it, is another one; an empty one is none",
)
def test_local_directory(life: Life) -> None:
    assert life.created.outputs("where")["stdout"] == f"{life.project}\n1-inherited"
    assert life.created.outputs("elsewhere")["stdout"] == f"{life.project}/sub"
    assert life.created.outputs("here")["stdout"] == str(life.project)
    assert life.created.outputs("passphrase")["stdout"] == "test"


@behaviour("`interpreter` runs the command", source=_OUTPUTS, but="without it, `/bin/sh -c`")
def test_local_interpreter(life: Life) -> None:
    assert life.created.outputs("python")["stdout"] == "['-c']"
    assert life.created.outputs("where")["stdout"].endswith("inherited")


@behaviour(
    "a local command may leave any stdin unread",
    source="os/exec",
    but="one that reads it gets it",
)
def test_local_unread(life: Life) -> None:
    assert "unread" in life.created.state
    assert life.created.outputs("all-verbs")["stdout"] == "one"


@behaviour(
    "`update` and `delete` of a local command find the last output as PULUMI_COMMAND_STDOUT",
    source=_OUTPUTS,
    but="not with `addPreviousOutputInEnv` false",
)
def test_local_previous_output(life: Life) -> None:
    assert life.changed.outputs("previous")["stdout"] == "was made"
    assert "last was made" in life.destroyed.seen["log"]
    assert life.changed.outputs("previous-off")["stdout"] == "was"


# What comes of it


@behaviour(
    "one newline at the end of a local command's stdout and stderr is taken off",
    source=_OUTPUTS,
    but="a second one stays",
)
def test_local_trimmed(life: Life) -> None:
    outputs = life.created.outputs("trimmed")
    assert (outputs["stdout"], outputs["stderr"]) == (" a \n", "b")


@behaviour(
    "a local command's lines are logged as `logging` says, both streams by default",
    source="local/logging.go",
    but='with "none" nothing is',
)
def test_local_logging(life: Life) -> None:
    assert life.created.messages("logged") == ["out"]
    assert sorted(life.created.messages("logged-both")) == ["err", "out"]
    assert life.created.messages("where") == []


@behaviour(
    "a local error tells how the command ended, the command quoted, and both streams as they came",
    source=_OUTPUTS,
    but="one that cannot begin says why instead",
)
def test_local_errors(life: Life) -> None:
    text = life.created.error("fails")
    assert text.startswith("exit status 4: running ")
    assert text.rstrip("\n").endswith(r'; echo \"one\"; sleep .2; echo two >&2; exit 4":' + "\none\ntwo")
    assert life.created.error("killed").startswith("signal: killed: running ")
    begun = {name: life.created.error(name) for name in _NOT_BEGUN}
    assert begun["no-program"].startswith(
        'exec: "no-such-program": executable file not found in $PATH: running '
    )
    assert begun["no-file"].startswith("fork/exec /no/such/program: no such file or directory: running ")
    assert begun["file-for-directory"].startswith("fork/exec /bin/sh: not a directory: running ")
    assert begun["no-directory"].startswith("chdir /no/such/directory: no such file or directory: running ")


@behaviour(
    "a secret stdin of a local command stays secret",
    source="pulumi-go-provider infer/resource.go, markSecret",
    but="stdout is not secret, even if it repeats it",
)
def test_local_secrets(life: Life) -> None:
    assert "ciphertext" in life.created.inputs("hides")["stdin"]
    assert life.created.outputs("hides")["stdout"] == "the secret of a test"


@behaviour(
    "what is logged, or told by an error, has a mark in the place of what is not UTF-8",
    source="seen",
    but="an output is not mended so",
)
def test_local_log_that_is_not_utf8(life: Life) -> None:
    assert life.created.messages("logged-raw", "info", "info#err") == ["a\ufffdb"]
    assert life.created.error("logged-raw").rstrip("\n").endswith(":\na\ufffdb")


@bug(
    "stdout or stderr that is not UTF-8 goes into state as it is, and the program, being one of Python, ends with an "
    "error there, in this run and in every later one",
    source="local/commandOutputs.go, remote/commandOutputs.go; seen",
    decision="refused",
    here="an error that says so; `delete` may print what it likes, as nobody keeps it",
)
def test_local_output_that_is_not_utf8(life: Life) -> None:
    for name in ("raw-out", "raw-error"):
        error = life.created.error(name)
        assert error.startswith(
            "stdout is not UTF-8 (byte 2). The official command plugin hands it on as it is"
        )
        assert name not in life.created.state
    assert "stdout is not UTF-8 (byte 1)" in life.changed.error("raw-update")
    assert life.changed.inputs("raw-update")["stdin"] == "one"
    assert "raw-update" not in life.destroyed.state


@bug(
    "an output with a NUL makes `update` and `delete` of a local command fail for ever: no variable can hold it",
    source="local/commandOutputs.go, os/exec; seen",
    decision="copied",
    here="the same; `addPreviousOutputInEnv` false is the way out",
)
def test_local_nul(life: Life) -> None:
    assert life.created.outputs("nul")["stdout"] == "a\0b"
    assert life.changed.error("nul").startswith("exec: environment variable contains NUL: running ")
    assert "exec: environment variable contains NUL: running " in life.destroyed.error("nul")
    assert "nul" in life.destroyed.state
    assert life.changed.inputs("nul-off")["stdin"] == "two"
    assert life.created.error("environment-nul").startswith(
        "exec: environment variable contains NUL: running "
    )


@behaviour(
    "the name of a variable ends at its first `=`",
    source="os/exec",
    but="`A=B` with the value `c` is `A` with the value `B=c`",
)
def test_local_variable_names(life: Life) -> None:
    assert life.created.outputs("environment-name")["stdout"] == "B=c"


# The function


@behaviour(
    "`local.run` gives the command's stdout to the program, trimmed as a command's",
    source="local/runController.go",
    but="a command that fails ends the program with its error",
)
def test_run(life: Life) -> None:
    assert life.outputs["ran"] == "in"
    assert 'exit status 6: running "echo shown; exit 6":' in life.planned.output
    assert "shown\n" in life.planned.output


@behaviour(
    "`local.run` has `dir`, `environment` and `interpreter` of a command, and gives its stderr too",
    source="local/runController.go",
    but="without them it runs in the project's directory",
)
def test_run_elsewhere(life: Life) -> None:
    assert life.outputs["set-up"] == f"{life.project}/sub\n1-inherited\n/bin/sh"
    assert life.created.outputs("where")["stdout"].startswith(f"{life.project}\n")


@behaviour(
    "`local.run_output` with a secret argument has a secret result",
    source="pulumi SDK",
    but="with none the result is plain",
)
def test_run_output(life: Life) -> None:
    assert life.outputs["hidden"] == "a hidden one"
    assert "a hidden one" not in life.created.output + life.created.text_of_state
    assert life.created.outputs("test-test")["plain"] == "a plain one"
