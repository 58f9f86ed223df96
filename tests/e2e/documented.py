"""Runs a documented command on the lab: as it is written, but for the names that an example must have.

Owns what an example's names are here, and saying yes where pulumi asks. Does not own which commands there are.
"""

from __future__ import annotations

import subprocess

from tests.e2e.lab import STACK, Lab

_SECONDS = 600
_ASKS = ("pulumi up", "pulumi destroy")


def run(lab: Lab, command: str) -> str:
    """What the command said; a failed test if it ended badly."""
    done = _done(lab, command)
    assert done.returncode == 0, f"'{done.args}' ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def fails(lab: Lab, command: str) -> str:
    """What the command said when it refused; a failed test if it went well."""
    done = _done(lab, command)
    assert done.returncode != 0, f"'{done.args}' went well, but must not:\n{done.stdout}"
    return done.stdout


def _done(lab: Lab, command: str) -> subprocess.CompletedProcess[str]:
    text = command.replace("10.0.0.11", lab.host("worker-1").address)
    for written, here in (("kubenode/prod", f"kubenode/{STACK}"), ("pulumi:prod:", f"pulumi:{STACK}:")):
        text = text.replace(written, here)
    text = text.replace("STACK=prod", f"STACK={STACK}")
    if text.startswith(_ASKS):
        text += " --yes --skip-preview"
    elif "clear-pending" in text or " state remove" in text:
        text += " --yes"
    done = subprocess.run(
        ["bash", "-e", "-c", f". .sandbox/env.sh\npulumi stack select --non-interactive {STACK}\n{text}"],
        cwd=lab.place.root,
        env=lab.place.env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_SECONDS,
        check=False,
    )
    lab.stack.said.append(done.stdout)
    return done
