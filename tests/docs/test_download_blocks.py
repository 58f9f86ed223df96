"""The blocks that fetch what hosts download, run with stand-ins for curl and docker."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from components.settings.sources import checksums_of
from tests.components import example
from tests.docs.commands import run_by
from tests.docs.pages import ROOT, blocks

_CURL = """\
#!/bin/sh
# Serves each address as its own content; .sha256 as the sum of the address without it.
target=
while [ $# -gt 0 ]; do
    case $1 in -o) target=$2; shift ;; -*) ;; *) url=$1 ;; esac
    shift
done
echo "$url" >>"$ASKED"
case $url in
    *.sha256) printf '%s' "${url%.sha256}" | sha256sum | cut -d' ' -f1 | tr -d '\\n' ;;
    *) printf '%s' "$url" >"${target:-/dev/stdout}" ;;
esac
"""
_DOCKER = """\
#!/bin/sh
echo "docker $*" >>"$ASKED"
[ "$1" != save ] || echo archive >"$3"
"""
_UPSTREAM = "https://github.com/Mirantis/cri-dockerd/releases/download/v0.4.3/cri-dockerd-0.4.3.amd64.tgz"


def _run(page: str, needle: str, folder: Path) -> str:
    """Run the one block of a page that has `needle`; what was asked for."""
    (block,) = [
        found.text for found in blocks((ROOT / page).read_text(encoding="utf-8")) if needle in found.text
    ]
    stand_ins = folder / "bin"
    stand_ins.mkdir()
    for name, text in (("curl", _CURL), ("docker", _DOCKER)):
        (stand_ins / name).write_text(text, encoding="utf-8")
        (stand_ins / name).chmod(0o755)
    asked = folder / "asked"
    environment = {**os.environ, "PATH": f"{stand_ins}:{os.environ['PATH']}", "ASKED": str(asked)}
    done = subprocess.run(
        ["sh", "-eu", "-c", block], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return asked.read_text(encoding="utf-8")


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _problems(
    folder: Path, file: str, mirror: str | None, images: list[dict[str, str]] | None = None
) -> list[str]:
    """What the settings say of one node, with this checksums file."""
    text = (folder / file).read_text(encoding="utf-8")
    changes = {
        "downloads/mirror": mirror if mirror else ...,
        "downloads/checksumsFile": "reviewed",
        "docker": {"images": images or []},
        "nodes/worker-2": ...,
    }
    (folder / "reviewed").write_text(text, encoding="utf-8")
    return example.problems(folder, changes)


def test_the_checksums_of_the_first_node(tmp_path: Path) -> None:
    assert run_by("tests/docs/test_download_blocks.py::test_the_checksums_of_the_first_node")
    asked = _run("docs/guides/first-node.md", "done >checksums", tmp_path)
    sums = checksums_of((tmp_path / "checksums").read_text(encoding="utf-8"))
    release = "release/v1.37.2/bin/linux/amd64"
    assert sums == {
        f"{release}/kubelet": _sum(f"https://dl.k8s.io/{release}/kubelet"),
        f"{release}/kube-proxy": _sum(f"https://dl.k8s.io/{release}/kube-proxy"),
        "cri-dockerd/v0.4.3/cri-dockerd-0.4.3.amd64.tgz": _sum(_UPSTREAM),
    }
    assert _UPSTREAM in asked
    # What the guide writes is what the settings ask for, and all of it.
    assert _problems(tmp_path, "checksums", mirror=None) == []


def test_the_mirror_of_an_air_gapped_site(tmp_path: Path) -> None:
    assert run_by("tests/docs/test_download_blocks.py::test_the_mirror_of_an_air_gapped_site")
    asked = _run("docs/guides/air-gapped.md", "docker save", tmp_path)
    sums = checksums_of((tmp_path / "mirror" / "SHA256SUMS").read_text(encoding="utf-8"))
    assert len(sums) == 4
    for name, found in sums.items():
        assert found == hashlib.sha256((tmp_path / "mirror" / name).read_bytes()).hexdigest()
    assert "docker pull registry.k8s.io/pause:3.10.2" in asked
    images = [{"name": "registry.k8s.io/pause:3.10.2", "path": "images/pause-3.10.2.tar"}]
    problems = _problems(
        tmp_path, "mirror/SHA256SUMS", mirror="https://mirror.example.org/kubernetes", images=images
    )
    assert problems == []


def test_a_missing_line_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "checksums").write_text("", encoding="utf-8")
    found = _problems(tmp_path, "checksums", mirror=None)
    assert len(found) == 3
