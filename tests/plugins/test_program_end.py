"""How a run of the program ends when something fails: with the engine's message, and no traceback above it."""

from __future__ import annotations

from pathlib import Path

from tests.plugins.engine import Project

ROOT = Path(__file__).resolve().parents[2]
# The graph of a proof: what proves waits for what fails, and an output waits for that.
PROGRAM = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from types import SimpleNamespace
import pulumi
from pulumi_command import local
from components import stack
stack.end_quietly()
pods = local.Command("pods", create="echo the proof failed >&2; exit 3")
addresses = pods.stdout.apply(lambda text: [text])
verify = local.Command("verify", create="true", stdin=addresses.apply(str))
pulumi.export("verification", pulumi.Output.unsecret(verify.stdout))
stack.outlast_failures({{}}, PROOF)
"""

REFUSED = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
import pulumi
from components import stack
raise ERROR("refused, nothing was changed")
"""


def test_what_is_refused_is_said_once(project: Project) -> None:
    project.write(REFUSED.replace("ERROR", "stack.Refused"))
    for said in (project.run("preview", fails=True), project.up(fails=True)):
        assert said.partition("Diagnostics:")[2].count("error:") == 1
        assert "error: refused, nothing was changed" in said
        assert "exit code" not in said


def test_an_error_of_a_run_has_a_line_about_its_exit_code(project: Project) -> None:
    """Shows that the test above would notice."""
    project.write(REFUSED.replace("ERROR", "pulumi.RunError"))
    assert "exit code" in project.run("preview", fails=True)


def test_a_failed_proof_ends_with_its_message_alone(project: Project) -> None:
    project.write(PROGRAM.replace("PROOF", "SimpleNamespace(last=[verify])"))
    said = project.up("--continue-on-error", fails=True)
    assert "the proof failed" in said
    assert "Traceback" not in said


def test_what_nobody_waits_for_does_end_with_a_traceback(project: Project) -> None:
    """Shows that the test above would notice."""
    project.write(PROGRAM.replace("PROOF", "None"))
    assert "Traceback" in project.up("--continue-on-error", fails=True)
