"""Other programs of this machine that a person's command runs, such as pulumi and ssh.

Owns starting one, waiting for its end, and the words where there is no such program or no end. Does not own what it is
told, nor what its exit code means. For the engine's own commands there is `components/local/kubectl.py`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(
    command: Sequence[str],
    failure: type[Exception],
    *,
    seconds: float | None = None,
    late: str = "",
    text: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    own_session: bool = False,
) -> subprocess.CompletedProcess[str]:
    """What it said, whatever its exit code; `text` is its standard input, which else is empty.

    Raises `failure` if it is not there, or has not ended after `seconds`: then with the text `late`.
    """
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            cwd=cwd,
            env=env,
            start_new_session=own_session,
            check=False,
        )
    except FileNotFoundError:
        raise failure(f"{command[0]} was not found on PATH") from None
    except subprocess.TimeoutExpired:
        raise failure(late or f"no answer in {seconds:.0f} s") from None
