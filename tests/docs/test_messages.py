"""Troubleshooting quotes what the program really says, and leaves nothing out that ends a run."""

from __future__ import annotations

import re

import pytest

from tests.docs import messages

_GUIDE = messages.ROOT / "docs" / "guides" / "troubleshooting.md"
_ROW = re.compile(r"^\| (`.+?`(?:, `.+?`)*) \|", re.MULTILINE)

# Sections about others' words, and about the scripts in ci/.
_NOT_OURS = "SSH and Pulumi"
_CI = "Workflows"


def _sections() -> dict[str, list[str]]:
    """Quoted messages by section."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", _GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        found[title] = [quote for row in _ROW.findall(body) for quote in re.findall(r"`(.+?)`", row)]
    return found


_SECTIONS = _sections()
_OURS = [quote for title, quotes in _SECTIONS.items() if title not in (_NOT_OURS, _CI) for quote in quotes]
_TEXTS = messages.texts()


def test_the_guide_is_read() -> None:
    assert len(_OURS) > 60
    assert len(_SECTIONS[_NOT_OURS]) >= 5
    assert len(_SECTIONS[_CI]) >= 3


@pytest.mark.parametrize("quote", _OURS)
def test_a_quoted_message_is_in_the_source(quote: str) -> None:
    looked_for = messages.pattern(quote)
    assert any(looked_for.search(text) for text in _TEXTS), "no such message: correct the guide"


@pytest.mark.parametrize("quote", _SECTIONS[_CI])
def test_a_quoted_message_of_the_workflows_is_in_ci(quote: str) -> None:
    looked_for = messages.pattern(quote)
    assert any(looked_for.search(text) for text in messages.texts("ci"))


@pytest.mark.parametrize("message", sorted(messages.endings()))
def test_what_ends_a_run_is_in_the_guide(message: str) -> None:
    quotes = [quote for quotes in _SECTIONS.values() for quote in quotes]
    where = messages.endings()[message]
    assert any(messages.pattern(quote).search(message) for quote in quotes), (
        f"add a row for '{message}' of {where}"
    )


def test_an_invented_message_is_found_out() -> None:
    looked_for = messages.pattern("the host … is haunted")
    assert not any(looked_for.search(text) for text in _TEXTS)
