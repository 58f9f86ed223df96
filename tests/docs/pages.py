"""The project's pages, and their code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda page: page.relative_to(ROOT).as_posix()
)
_FENCE: Final = re.compile(r"^( *)(`{3,})([\w-]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block. `language` is what stands after the fence, `text` is without the fence's indentation."""

    language: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in lists too."""
    found = []
    for indent, _, language, body in _FENCE.findall(text):
        found.append(
            Block(language, "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True)))
        )
    return found


def without_code(text: str) -> str:
    return _FENCE.sub("", text)
