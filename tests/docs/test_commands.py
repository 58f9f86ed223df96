"""Every command of README and docs is run by a test, or it is said what the sandbox lacks for it."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.docs.commands import commands_of, documented, register
from tests.docs.pages import PAGES, ROOT, blocks

_LANGUAGES = {"", "sh", "yaml", "mermaid", "python"}


def _listed() -> list[str]:
    return [command for part in register().values() for commands in part.values() for command in commands]


def test_every_command_is_in_the_register() -> None:
    missing = {command: pages for command, pages in documented().items() if command not in _listed()}
    assert missing == {}, "name its test in tests/docs/commands.yaml, or what the sandbox lacks for it"


def test_the_register_has_nothing_that_no_page_has() -> None:
    assert sorted(set(_listed()) - set(documented())) == []
    assert [command for command, count in Counter(_listed()).items() if count > 1] == []


@pytest.mark.parametrize("test", register()["tests"])
def test_the_test_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_a_reason_says_what_is_lacking() -> None:
    assert set(register()) == {"tests", "not_here"}
    assert all(len(reason) > 20 for reason in register()["not_here"])


def test_shell_blocks_are_marked_as_such() -> None:
    """Another word after the fence would hide commands from the register."""
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            assert block.language in _LANGUAGES, page
            first = block.text.split()[0] if block.text.split() else ""
            assert block.language or first not in ("pulumi", "kubectl", "make", "ssh", "ci/up"), page


def test_a_block_is_taken_apart() -> None:
    text = "one  # why\nfor a in b c; do\n    echo $a\ndone >d\n# all\ntwo \\\n    --three\n"
    text += "four |\n    five\n\nsix '#'\n"
    assert commands_of(text) == [
        "one",
        "for a in b c; do\n    echo $a\ndone >d",
        "two \\\n    --three",
        "four |\n    five",
        "six '#'",
    ]
