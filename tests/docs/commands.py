"""The commands of the pages' shell blocks, and what tests/docs/commands.yaml says of each.

Owns taking a block apart and reading the register. Does not own running anything.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from tests.docs.pages import PAGES, ROOT, blocks

REGISTER: Final = Path(__file__).with_name("commands.yaml")
_COMMENT: Final = re.compile(r" +# .*$|^# .*$", re.MULTILINE)


def commands_of(text: str) -> list[str]:
    """The commands of a block: as few lines each as a shell takes for something whole. Comments are left out."""
    found: list[str] = []
    lines: list[str] = []
    for line in _COMMENT.sub("", text).splitlines():
        if not line.strip() and not lines:
            continue
        lines.append(line)
        if _is_whole("\n".join(lines)):
            found.append("\n".join(lines))
            lines = []
    assert not lines, f"no shell can read {lines}"
    return found


def documented() -> dict[str, list[str]]:
    """Every command, with the pages that have it."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language == "sh":
                for command in commands_of(block.text):
                    found.setdefault(command, []).append(page.relative_to(ROOT).as_posix())
    return found


@cache
def register() -> dict[str, dict[str, list[str]]]:
    """`tests`: commands by the test that runs them. `not_here`: commands by what the sandbox lacks for them."""
    loaded: dict[str, dict[str, list[str]]] = yaml.safe_load(REGISTER.read_text(encoding="utf-8"))
    return loaded


def run_by(test: str) -> list[str]:
    """The commands that a test runs as they are written."""
    return register()["tests"][test]


def _is_whole(text: str) -> bool:
    if text.endswith("\\"):
        return False
    return (
        subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False).returncode == 0
    )
