"""What is said of a file that has new keys in it, in a checkout and without one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from components.hostkeys.review import advice


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # A checkout around the folder of temporary files is none of ours.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    return tmp_path / "Pulumi.prod.yaml"


def _git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True)


def test_without_a_checkout_nobody_is_sent_to_git(file: Path) -> None:
    assert advice(file) == f"read the new lines 'hostKey' in {file}"


def test_a_file_that_git_does_not_know_has_no_diff(file: Path) -> None:
    _git(file.parent, "init", "-q")
    assert advice(file) == f"read the new lines 'hostKey' in {file}"


def test_a_file_that_git_knows_has_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _git(file.parent, "init", "-q")
    _git(file.parent, "add", file.name)
    assert advice(file) == f"look at 'git diff {file}'"
    monkeypatch.chdir(file.parent)
    assert advice(Path(file.name)) == "look at 'git diff Pulumi.prod.yaml'"


def test_without_git_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert advice(file) == f"read the new lines 'hostKey' in {file}"
