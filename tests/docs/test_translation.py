"""README.zh-CN.md says what README.md says, as far as a program can tell: headings, blocks, tables, lists, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, without_code

_ENGLISH = ROOT / "README.md"
_CHINESE = ROOT / "README.zh-CN.md"


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _levels(page: Path) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", without_code(_text(page)), re.MULTILINE)]


def _plain(language: str, text: str) -> str:
    """A block without what a translation may change: comments, and what a diagram shows in quotes."""
    if language == "mermaid":
        return re.sub(r'"[^"]*"', '""', text)
    if language == "sh":
        return re.sub(r" +# .*$", "", text, flags=re.MULTILINE)
    return text


def _sections(page: Path) -> list[str]:
    return re.split(r"^#+ .*$", without_code(_text(page)), flags=re.MULTILINE)


def test_headings_correspond() -> None:
    assert _levels(_ENGLISH) == _levels(_CHINESE)
    assert len(_levels(_ENGLISH)) > 10


def test_code_blocks_correspond() -> None:
    english, chinese = (
        [(block.language, _plain(block.language, block.text)) for block in blocks(_text(page))]
        for page in (_ENGLISH, _CHINESE)
    )
    assert english == chinese


@pytest.mark.parametrize("mark", [r"^\|", r"^ *- ", r"\]\((?!#)"], ids=["rows", "items", "links"])
def test_sections_have_as_much_in_them(mark: str) -> None:
    english, chinese = (
        [len(re.findall(mark, section, re.MULTILINE)) for section in _sections(page)]
        for page in (_ENGLISH, _CHINESE)
    )
    assert english == chinese


def test_links_lead_to_the_same_places() -> None:
    links = re.compile(r"\]\(((?!#|README)[^)]+)\)")
    english, chinese = (sorted(links.findall(without_code(_text(page)))) for page in (_ENGLISH, _CHINESE))
    assert english == chinese


def test_what_is_code_stays_code() -> None:
    """Names, flags and values, which nobody translates."""
    code = re.compile(r"`([^`\n]+)`")
    english, chinese = (set(code.findall(without_code(_text(page)))) for page in (_ENGLISH, _CHINESE))
    assert english == chinese


def test_each_links_to_the_other() -> None:
    assert "(README.zh-CN.md)" in _text(_ENGLISH).split("##")[0]
    assert "(README.md)" in _text(_CHINESE).split("##")[0]
