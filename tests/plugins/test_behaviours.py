"""docs/plugins.md and the conformance tests agree, and every behaviour has its counter-proof."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.plugins.behaviours.__main__ import PAGE, ROOT, main
from tests.plugins.behaviours.page import MODULES, PLUGINS, Section, page, sections

SECTIONS = list(sections())
_BY_MODULE = pytest.mark.parametrize("section", SECTIONS, ids=[Path(each.file).stem for each in SECTIONS])


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), f"{PAGE} is out of date: run make docs"


def test_the_command_writes_what_is_stale_and_its_check_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err == f"{PAGE} is out of date: run make docs\n"
    assert not (tmp_path / PAGE).exists()
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


@_BY_MODULE
def test_every_test_states_something_and_is_in_the_table(section: Section) -> None:
    assert section.unstated == []
    assert section.title
    assert section.plugin in PLUGINS
    in_file = re.findall(r"^def (test_\w+)", (ROOT / section.file).read_text(encoding="utf-8"), re.MULTILINE)
    stated = section.tests
    assert sorted(in_file) == sorted(stated)
    assert all(f"`{test}`" in page() for test in stated)


def test_the_table_has_no_test_that_is_not_there() -> None:
    stated = {test for section in SECTIONS for test in section.tests}
    assert set(re.findall(r"`(test_\w+)`", page())) == stated


@_BY_MODULE
def test_every_behaviour_has_a_case_in_which_it_must_not_show(section: Section) -> None:
    assert [each.text for each in section.behaviours if not each.but] == []
    assert [each.text for each in section.behaviours if not each.source] == []


def test_each_behaviour_is_stated_once() -> None:
    texts = [each.text for section in SECTIONS for each in section.behaviours]
    assert sorted(texts) == sorted(set(texts))


@pytest.mark.parametrize("file", sorted(MODULES.glob("*.py")), ids=lambda file: file.stem)
def test_conformance_tests_know_nothing_of_the_sandboxs_plugins(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.split(".")[0] == "sandbox" or name == "tests.plugins.rpc"]
