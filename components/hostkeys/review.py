"""How to look at what was written into a file of the configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path


def advice(file: Path) -> str:
    """What shows the new lines: git, where it knows the file, else reading it."""
    if _is_tracked(file):
        return f"look at 'git diff {file}'"
    return f"read the new lines 'hostKey' in {file}"


def _is_tracked(file: Path) -> bool:
    command = ["git", "-C", str(file.parent), "ls-files", "--error-unmatch", "--", file.name]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
