"""The bundle through the real shell: it arrives as it was sent, whatever is in it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.remote import toolkit
from components.remote.bundle import Bundle, HostFile
from tests.shell import bundles
from tests.shell.box import Box

_AWKS = {
    name: path
    for name in ("mawk", "gawk", "busybox", "original-awk")
    if (path := shutil.which(name)) is not None
}

# What a shell, awk, sed or echo would change if it were let near.
_NASTY = [
    *("", " ", "  two spaces", "\ttab", "trailing  ", "-n", "-e x", "--", "%s %d %%", "\x0b\x0c"),
    *(
        "$(touch /hacked)",
        "`id`",
        "${HOME}",
        '"double"',
        "'single'",
        "a\\nb",
        "\\",
        "\\\\",
        "\\0101",
        "*",
        "~",
    ),
    *("#", "# comment", "!", "&", "; exit 1", "| cat", "EOF", "end", "kubenode bundle 1", "set | key value"),
    *("file | other 0644 root:root /etc/x", "nasty | again", "nasty |", "\x01\x02\x1b[31m", "\x7f", "\x85"),
    *(
        "\u2028",
        "\u00a0",
        "\ufeffbom",
        "\u00e4\u00f6\u00fc",
        "\u65e5\u672c",
        "\U0001f600",
        "e\u0301",
        "x" * 100_000,
    ),
]

_lines = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=40),
        st.sampled_from(_NASTY),
        st.text("\\'\"$`%|-* \t", max_size=12),
    ),
    min_size=1,
    max_size=8,
)


def _bundle(*files: HostFile, **values: list[str]) -> str:
    return Bundle("docker", "worker-1", "192.0.2.7", "o/p/s", "abc", files=files, settings=values).render()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> _Reader:
    return _Reader(tmp_path_factory.mktemp("reader"))


class _Reader:
    """The library's reading of a bundle, with each awk there is; needs no root and writes to its own folder only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.folder / "lib.sh").write_text(toolkit.packed(toolkit.LIBRARY))
        for name, path in _AWKS.items():
            (self.folder / name).mkdir()
            words = f"{path} awk" if name == "busybox" else path
            (self.folder / name / "awk").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            (self.folder / name / "awk").chmod(0o755)

    def read(self, awk: str, bundle: str, *command: str) -> bytes:
        (self.folder / "bundle").write_bytes(bundle.encode())
        script = f". {self.folder}/lib.sh; KN_TMP={self.folder}; {shlex.join(command)}"
        done = subprocess.run(
            ["sh", "-euc", script],
            env={"PATH": f"{self.folder / awk}:{os.environ['PATH']}"},
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        return done.stdout


def test_several_awks_are_tried() -> None:
    assert _AWKS, "no awk here whose name says which one it is"


@pytest.mark.parametrize("awk", _AWKS)
@settings(deadline=None, max_examples=25)
@example(lines=_NASTY)
@example(lines=[""])
@example(lines=["", "", ""])
@example(lines=[" ", "  "])
@given(lines=_lines)
def test_content_arrives_byte_for_byte(reader: _Reader, awk: str, lines: list[str]) -> None:
    content = "\n".join(lines) + "\n"
    # A name that is another's beginning, before and behind it, and names that a pattern would confuse.
    around = [HostFile(name, f"/etc/{name}", f"{name}\n") for name in ("nast", "nasty.x", "n.sty", "nasty-")]
    bundle = _bundle(*around[:2], HostFile("nasty", "/etc/nasty", content), *around[2:])
    assert reader.read(awk, bundle, "kn_content", "nasty") == content.encode()


@pytest.mark.parametrize("awk", _AWKS)
@settings(deadline=None, max_examples=25)
@example(values=[line for line in _NASTY if line == line.rstrip()])
@given(values=_lines.map(lambda lines: [line.rstrip() for line in lines]))
def test_settings_arrive_one_a_line(reader: _Reader, awk: str, values: list[str]) -> None:
    bundle = _bundle(key=values, key2=["other"], ke=["other"])
    assert (
        reader.read(awk, bundle, "kn_settings", "key") == "".join(f"{value}\n" for value in values).encode()
    )


@pytest.mark.parametrize("awk", _AWKS)
def test_headers_are_read_from_the_header_only(reader: _Reader, awk: str) -> None:
    bundle = Bundle(
        "docker",
        "$(touch/hacked)`id`",
        "-e",
        "org/'quoted'/%s",
        "abc",
        files=[HostFile("x", "/etc/x", "node | other\nclaim | other\n")],
    ).render()
    assert reader.read(awk, bundle, "kn_header", "node") == b"$(touch/hacked)`id`\n"
    assert reader.read(awk, bundle, "kn_header", "host") == b"-e\n"
    assert reader.read(awk, bundle, "kn_header", "claim") == b"org/'quoted'/%s\n"


def test_a_default_stands_in_for_a_setting_that_is_not_there(reader: _Reader) -> None:
    awk = next(iter(_AWKS))
    bundle = _bundle(there=["1", "2"])
    assert reader.read(awk, bundle, "kn_setting", "there", "9") == b"1"
    assert reader.read(awk, bundle, "kn_setting", "away", "9") == b"9"
    assert reader.read(awk, bundle, "kn_setting", "away") == b""


def test_nasty_content_goes_through_a_whole_life(host: Box) -> None:
    content = "\n".join(_NASTY) + "\n"
    before = host.state()
    bundle = bundles.calico(
        host, HostFile("nasty", "/etc/nasty/-rf", content), HostFile("b", "/etc/nasty/b", "\n")
    )
    done = host.run("calico", "apply", bundle)
    assert done.returncode == 0, done.stderr
    assert host.path("/etc/nasty/-rf").read_bytes() == content.encode()
    assert host.path("/etc/nasty/b").read_bytes() == b"\n"
    assert host.run("calico", "apply", bundle).stdout == "calico: nothing to change\n"
    assert host.run("calico", "remove", bundle).returncode == 0
    assert host.state() == before
