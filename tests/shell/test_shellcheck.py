"""The scripts as a linter and the shells see them, in the tree and as they are sent."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.remote import toolkit

ROOT = Path(__file__).resolve().parents[2]
_SCRIPTS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("components/**/*.sh"))
_LIBRARY = "components/remote/lib.sh"
# The library's subjects, which are read as one.
_SUBJECTS = [path for path in _SCRIPTS if path.startswith("components/remote/lib/")]
# What goes to a host as a command by itself, and is no part.
_BY_ITSELF = ["components/audit/host.sh"]
_STANDINS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/shell/standins/*.sh"))
_NAMES = [toolkit.LIBRARY, *toolkit.SCRIPTS]


def _shellcheck() -> str:
    beside = Path(sys.executable).with_name("shellcheck")
    found = str(beside) if beside.exists() else shutil.which("shellcheck")
    if found is None:
        pytest.skip("shellcheck is not installed; requirements-dev.txt brings it")
    return found


@pytest.mark.parametrize("path", sorted({*_SCRIPTS} - {*_SUBJECTS}))
def test_shellcheck_has_nothing_to_say(path: str) -> None:
    command = [_shellcheck(), "-s", "sh", "-x", "-P", "components/remote", path]
    command += ["-a"] if path == _LIBRARY else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_sent_is_sound_too(name: str, tmp_path: Path) -> None:
    """Comments go on the way; with them the exceptions, so only errors count here."""
    (tmp_path / name).write_text(toolkit.packed(name))
    command = [_shellcheck(), "-s", "sh", "-S", "error", "-e", "SC1091", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
@pytest.mark.parametrize("name", _NAMES)
def test_every_shell_can_read_it(name: str, shell: str) -> None:
    words = shell.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    for text in (toolkit.source(name), toolkit.packed(name)):
        done = subprocess.run([*words, "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_sent_does_what_is_in_the_tree(name: str) -> None:
    """Bash prints both as it understood them. A line that looks like a comment inside a text would differ."""
    if shutil.which("bash") is None or not _pretty(""):
        pytest.skip("bash 5.2 or later is not installed")
    assert _pretty(_without_blank_in_awk(toolkit.source(name))) == _pretty(
        _without_blank_in_awk(toolkit.packed(name))
    )


def _pretty(text: str) -> str:
    done = subprocess.run(
        ["bash", "--posix", "--pretty-print", "/dev/stdin"],
        input=text + "\n:\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        "\n".join(line for line in done.stdout.splitlines() if line.strip()) if done.returncode == 0 else ""
    )


def _without_blank_in_awk(text: str) -> str:
    """Comments of awk's own stand inside a text of the shell; awk does not mind that they go."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("                # "))


@pytest.mark.parametrize(
    "path", [path for path in _SCRIPTS if path not in (*_BY_ITSELF, _LIBRARY, *_SUBJECTS)]
)
def test_a_part_begins_and_ends_as_all_do(path: str) -> None:
    lines = (ROOT / path).read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[1].startswith("# ")
    assert "set -eu" in lines
    assert lines[lines.index("set -eu") + 1] == '. "${0%/*}/lib.sh"'
    part = Path(path).stem
    assert lines[-1] == f'kn_main {part} "$@"'
    assert {"kn_part_apply() {", "kn_part_remove() {"} <= {line.replace("{ :; }", "{") for line in lines}


def test_every_script_is_in_the_toolkit_and_none_other() -> None:
    assert sorted(_SCRIPTS) == sorted(
        [
            _LIBRARY,
            *_SUBJECTS,
            *_BY_ITSELF,
            *(f"components/{path}" for path in toolkit.SCRIPTS.values()),
        ]
    )


def test_every_subject_is_in_the_library_once_and_says_what_it_owns() -> None:
    assert sorted(_SUBJECTS) == sorted(
        f"components/remote/{path}" for path in re.findall(r"lib/[a-z-]+\.sh", (ROOT / _LIBRARY).read_text())
    )
    for path in _SUBJECTS:
        text = (ROOT / path).read_text()
        assert toolkit.source(toolkit.LIBRARY).count(text) == 1
        lines = text.splitlines()
        assert lines[0] == "# shellcheck shell=sh"
        assert lines[1].startswith("# ")
        assert len(lines) < 300, path


@pytest.mark.parametrize("path", _SCRIPTS)
def test_no_word_that_only_some_shells_know(path: str) -> None:
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        code = line.partition("# ")[0]
        for word in ("[[ ", "<<<", "&>", "echo -e"):
            assert word not in code, f"{path}:{number}: {word}"
        # As commands; in a text, and in awk's own language, they are other words.
        found = re.search(r"(?:^|[;&|({!]|then|else|do)\s*(?:local|declare|source) |function \w+ *\{", code)
        assert not found, f"{path}:{number}: {found}"


@pytest.mark.parametrize("path", _SCRIPTS)
def test_no_reader_leaves_before_its_writer(path: str) -> None:
    """SIGPIPE is ignored, so the writer says "write error: Broken pipe" in the middle of a part's words."""
    lines = (ROOT / path).read_text().splitlines()
    assert [line for line in lines if re.search(r"\| *head\b", line)] == []


@pytest.mark.parametrize("path", _STANDINS)
def test_the_stand_ins_are_sound_as_well(path: str) -> None:
    command = [_shellcheck(), "-s", "sh", "-S", "warning", "-e", "SC1090,SC1091", path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
