"""`make audit` and `make reconcile` of the stack under test."""

from __future__ import annotations

import subprocess
import sys

from tests.e2e.lab import Lab


def audit(lab: Lab, *arguments: str) -> tuple[int, str]:
    """The exit code, and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "components.audit", "--stack", lab.stack.name, *arguments],
        cwd=lab.place.root,
        env=lab.place.env,
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        check=False,
        timeout=900,
    )
    lab.said.append(done.stdout + done.stderr)
    return done.returncode, done.stdout if done.returncode in (0, 1) else done.stdout + done.stderr
