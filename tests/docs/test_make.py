"""The make targets that no test can run from inside: they do what the suite does around the tests."""

from __future__ import annotations

import inspect
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.e2e.place import Place


def _recipe(target: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", ".venv/.program", "-o", ".venv/.stamp", target],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    "command", ["show NODE=a", "audit STACK=prod", "hostkeys", "forget NODE=a", "release HOST=a"]
)
def test_hosts_of_one_s_own_need_what_the_program_needs_and_no_more(command: str, tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    make = ["make", "--no-print-directory", "-n", *command.split()]
    recipe = subprocess.run(make, cwd=tmp_path, text=True, capture_output=True, check=True).stdout
    assert recipe.count("pip install") == 1
    assert "-r requirements.txt" in recipe
    assert "requirements-dev.txt" not in recipe


def test_down_is_what_ends_the_end_to_end_tests() -> None:
    assert _recipe("down").splitlines()[-1] == ".venv/bin/python -m sandbox down --force"
    assert '"down", "--force"' in inspect.getsource(Place.down)


def test_everything_runs_through_make_test() -> None:
    recipe = _recipe("test")
    for program in (
        "ruff check",
        "ruff format --check",
        "mypy",
        "shellcheck",
        "actionlint",
        "sandbox.tools build",
    ):
        assert program in recipe
    assert recipe.splitlines()[-1] == ".venv/bin/python -m pytest tests -n auto --maxprocesses 4"
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "exec make test"
