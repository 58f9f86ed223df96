"""Every link of every page leads somewhere: to a file that is there, and to a heading that it has."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, without_code

_LINK = re.compile(r"\[(?:[^\][]|\[[^\][]*\])*\]\(<?([^()\s>]+)>?\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: set[str] = set()
    for heading in _HEADING.findall(without_code(page.read_text(encoding="utf-8"))):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        number, name = 0, slug
        while name in found:
            number += 1
            name = f"{slug}-{number}"
        found.add(name)
    return frozenset(found)


def _links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", without_code(page.read_text(encoding="utf-8")))
    return [target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in _links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target}: there is no such file"
        assert found.is_relative_to(ROOT), f"{target}: outside of the project"
        if anchor:
            assert anchor in anchors(found), f"{target}: no such heading; there are {sorted(anchors(found))}"


def test_anchors_are_made_as_github_makes_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# What `it` is: A, b\n## A host's end\n## A host's end\n## [Linked](x.md) (2)\n"
        "```\n# no\n```\n## 它如何工作\n",
        encoding="utf-8",
    )
    assert anchors(page) == {"what-it-is-a-b", "a-hosts-end", "a-hosts-end-1", "linked-2", "它如何工作"}


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        todo += [
            (page.parent / target.partition("#")[0]).resolve() for target in _links(page) if target[0] != "#"
        ]
    # Decisions are a folder, linked as such.
    missed = {page for page in PAGES if page.parent.name != "decisions"} - seen
    assert sorted(page.relative_to(ROOT).as_posix() for page in missed) == []
