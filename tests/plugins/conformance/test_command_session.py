"""What passes between a remote command and its host.

One program: created, changed, destroyed. Host `one` takes variables (AcceptEnv), host `strict` takes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.behaviours import behaviour, counter
from tests.plugins.hosts import hosts, ran, scenario_on
from tests.plugins.scenario import Phase
from tests.plugins.sshd import DROP, Run

_OUTPUTS = "remote/commandOutputs.go"
_MUCH = (
    8 * 1024 * 1024
)  # more than a host takes before anybody reads: its buffer, and as much again on the way

_PROGRAM = """
    quiet = dict(logging="none")
    command("all-verbs", create="cat", update="cat", delete="cat", stdin=at("one", "two"), **quiet)
    command("no-stdin", create="cat; echo end", **quiet)
    command("unread-little", create="true", stdin="a little", **quiet)
    if PHASE == 0:
        # It runs until the host takes no more: only then is the rest of the stdin stuck.
        command("unread-much", create="sleep 2", stdin=MUCH * "x", **quiet)
        command("unread-failed", create="exit 7", stdin=MUCH * "x", **quiet)

    command("trimmed", create="printf ' a \\\\n\\\\n'; printf 'b\\\\n' >&2", **quiet)
    command("untrimmed", create="printf 'a\\\\n '", **quiet)

    command("fails", create='echo "one"; sleep 1; echo two >&2; exit 3', stdin="not shown", **quiet)
    command("killed", create="kill -KILL $$", **quiet)
    command("lost", create=DROP, **quiet)

    both = "echo out; echo err >&2"
    command("log-default", create=both)
    command("log-both", create=both, logging="stdoutAndStderr")
    command("log-stdout", create=both, logging="stdout")
    command("log-stderr", create=both, logging="stderr")
    command("log-none", create=both, logging="none")
    command("log-order", create="seq 1 200", logging="stdout")
    command("log-windows", create="printf 'a\\\\r\\\\n'; printf 'rest'", logging="stdout")
    command("log-secret", create="cat", stdin=Output.secret("logged secret"), logging="stdout")
    command("no-log-secret", create="cat", stdin=Output.secret("unlogged secret"), logging="none")

    command("variables", create="echo $A-$B", environment={"A": "1", "B": "two words"}, **quiet)
    command("refused", create="echo $A", connection=host("strict"), environment={"A": "1"}, **quiet)
    previous = dict(create="echo out; echo err >&2", delete="true", stdin=at("one", "two"), **quiet)
    command("previous", update="echo new", **previous)
    command("previous-off", update="echo new", add_previous_output_in_env=False, **previous)
    command("previous-refused", update="echo new", connection=host("strict"), **previous)
"""


@dataclass
class Sessions:
    created: Phase
    changed: Phase
    destroyed: Phase


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    directory: Path = tmp_path_factory.mktemp("sessions")
    with hosts(one={"accept_environment": True}, strict={}) as servers:
        scenario = scenario_on(directory, servers, _PROGRAM, DROP=DROP, MUCH=_MUCH)
        created = scenario.up("--continue-on-error", fails=None)
        changed = scenario.up("--continue-on-error", fails=None)
        yield Sessions(created, changed, scenario.destroy(fails=None))


def environment(phase: Phase, host: str, name: str, verb: str) -> dict[str, str]:
    run: Run
    (run,) = [each for each in phase.seen[host] if each.command.startswith(f": {name} {verb};")]
    return run.environment


# Standard input


@behaviour(
    "stdin reaches `create`, `update` and `delete`",
    source=_OUTPUTS,
    but="without stdin the command reads the end at once",
)
def test_stdin(sessions: Sessions) -> None:
    assert ran(sessions.created, "all-verbs") == [("create", "one", "one")]
    assert ran(sessions.changed, "all-verbs") == [("update", "one", "two")]
    assert ran(sessions.destroyed, "all-verbs") == [("delete", "one", "two")]
    assert sessions.created.outputs("no-stdin")["stdout"] == "end"


@behaviour(
    "a command that ends well and leaves much of its stdin unread fails with `EOF`",
    source=f"{_OUTPUTS}; golang.org/x/crypto ssh/session.go",
    but="a little may stay unread, and a failed command's own status is told; with the official plugin one that ends "
    "before the host has taken all that it takes unread may succeed, by chance, which it never does here",
)
def test_unread_stdin(sessions: Sessions) -> None:
    assert sessions.created.error("unread-much").startswith('EOF: running ": unread-much create; sleep 2":')
    assert "unread-little" in sessions.created.state
    assert sessions.created.error("unread-failed").startswith("Process exited with status 7: running ")


# Output


@behaviour(
    "one newline at the end of stdout and stderr is taken off",
    source=_OUTPUTS,
    but="a second one, and any other space, stays",
)
def test_trimmed(sessions: Sessions) -> None:
    outputs = sessions.created.outputs("trimmed")
    assert (outputs["stdout"], outputs["stderr"]) == (" a \n", "b")
    assert sessions.created.outputs("untrimmed")["stdout"] == "a\n "


@behaviour("a command has no terminal", source=_OUTPUTS, but="its stdin and stdout are there")
def test_no_terminal(sessions: Sessions) -> None:
    ran = [run for runs in sessions.created.seen.values() for run in runs if isinstance(run, Run)]
    assert len(ran) > 10
    assert {run.terminal for run in ran} == {None}
    assert sessions.created.outputs("no-stdin")["stdout"] == "end"


@behaviour(
    "an error tells the status, the command quoted, and both streams in the order they came",
    source=_OUTPUTS,
    but="not the stdin",
)
def test_error_text(sessions: Sessions) -> None:
    quoted = r'": fails create; echo \"one\"; sleep 1; echo two >&2; exit 3"'
    text = sessions.created.error("fails")
    assert text.rstrip("\n") == f"Process exited with status 3: running {quoted}:\none\ntwo"
    assert "not shown" not in sessions.created.output


@behaviour(
    "a command that a signal ends fails with the signal's name",
    source="golang.org/x/crypto ssh/session.go",
    but="an exit with a status names none",
)
def test_signal(sessions: Sessions) -> None:
    killed = sessions.created.error("killed")
    assert killed.startswith("Process exited with status 137 from signal KILL")
    assert "signal" not in sessions.created.error("fails")


@behaviour(
    "a connection that is lost while the command runs is an error",
    source="golang.org/x/crypto ssh/session.go",
    but="it is not retried",
)
def test_lost_connection(sessions: Sessions) -> None:
    text = sessions.created.error("lost")
    assert text.startswith("wait: remote command exited without exit status or exit signal: running ")
    assert [each.verb for each in ran(sessions.created, "lost")] == ["create"]


# Logging


@behaviour(
    "lines are shown as they come, of the streams that `logging` names; of both by default",
    source="remote/logging.go",
    but="of the others none; stdout and stderr are outputs all the same",
)
@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        ("default", ["err", "out"]),
        ("both", ["err", "out"]),
        ("stdout", ["out"]),
        ("stderr", ["err"]),
        ("none", []),
    ],
)
def test_logging(sessions: Sessions, mode: str, lines: list[str]) -> None:
    name = f"log-{mode}"
    assert sorted(sessions.created.messages(name)) == lines
    outputs = sessions.created.outputs(name)
    assert (outputs["stdout"], outputs["stderr"]) == ("out", "err")


@behaviour(
    "logged lines keep their order, and a last one without its end is logged too",
    source="util/util.go",
    but="a carriage return at the end of a line is not shown; in stdout it stays",
)
def test_logged_lines(sessions: Sessions) -> None:
    assert sessions.created.messages("log-order") == [str(number) for number in range(1, 201)]
    assert sessions.created.messages("log-windows") == ["a", "rest"]
    assert sessions.created.outputs("log-windows")["stdout"] == "a\r\nrest"


@behaviour(
    "what is logged is shown, even if stdin was secret",
    source="seen",
    but='with `logging` "none" it is not',
)
def test_logged_secret(sessions: Sessions) -> None:
    assert sessions.created.messages("log-secret") == ["logged secret"]
    assert "unlogged secret" not in sessions.created.output


# Environment


@behaviour(
    "`environment` reaches the command where the host takes variables (AcceptEnv)",
    source=_OUTPUTS,
    but="else it fails, with advice, and nothing runs",
)
def test_environment(sessions: Sessions) -> None:
    assert sessions.created.outputs("variables")["stdout"] == "1-two words"
    advice, error = sorted(sessions.created.messages("refused", "error"))
    assert advice.startswith("Unable to set 'A'. This only works if your SSH server is configured")
    assert error == 'could not set environment variable "A": ssh: setenv failed'
    assert ran(sessions.created, "refused") == []


@behaviour(
    "`update` and `delete` find the last stdout and stderr as PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR",
    source=_OUTPUTS,
    but="`create` finds none, and empty output is left out",
)
def test_previous_output(sessions: Sessions) -> None:
    assert environment(sessions.created, "one", "previous", "create") == {}
    assert environment(sessions.changed, "one", "previous", "update") == {
        "PULUMI_COMMAND_STDOUT": "out",
        "PULUMI_COMMAND_STDERR": "err",
    }
    assert environment(sessions.destroyed, "one", "previous", "delete") == {"PULUMI_COMMAND_STDOUT": "new"}


@counter(test_previous_output, but="with `addPreviousOutputInEnv` false nobody finds any")
def test_previous_output_off(sessions: Sessions) -> None:
    assert environment(sessions.changed, "one", "previous-off", "update") == {}
    assert environment(sessions.destroyed, "one", "previous-off", "delete") == {}


@behaviour(
    "a host that does not take the previous output is warned about, for each of the two variables",
    source=_OUTPUTS,
    but="the command runs",
)
def test_previous_output_refused(sessions: Sessions) -> None:
    warnings = sessions.changed.messages("previous-refused", "warning")
    assert [text[:38] for text in warnings] == [
        "Unable to set 'PULUMI_COMMAND_STDOUT'.",
        "Unable to set 'PULUMI_COMMAND_STDERR'.",
    ]
    assert sessions.changed.outputs("previous-refused")["stdout"] == "new"
    assert sessions.changed.messages("previous-off", "warning") == []
