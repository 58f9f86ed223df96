"""What hosts download, and its checksums."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from sandbox import artifacts
from sandbox.checkout import Checkout
from sandbox.errors import SandboxError
from sandbox.tools import Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    names = {
        "kubelet": ("kubernetes/kubelet", "v1.37.2"),
        "kube-proxy": ("kubernetes/kube-proxy", "v1.37.2"),
        "kube-apiserver": ("kubernetes/kube-apiserver", "v1.37.2"),
        "kubelet-1.36": ("older/kubelet", "v1.36.3"),
        "cri-dockerd": ("cri/cri-dockerd", "v0.4.3"),
    }
    for path, version in names.values():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"{path} {version}", encoding="utf-8")
    return Tools(
        {name: tmp_path / path for name, (path, _) in names.items()},
        {name: version for name, (_, version) in names.items()},
    )


@pytest.mark.parametrize(
    ("debian", "upstream"), [("1.1.1+ds1-3+b5", "v1.1.1"), ("1:2.0-1", "v2.0"), ("1.6.2-1~bpo1", "v1.6.2")]
)
def test_the_version_of_the_cni_plugins_is_upstreams(debian: str, upstream: str) -> None:
    assert artifacts.upstream_version(debian) == upstream


def test_a_version_that_is_none_is_an_error() -> None:
    with pytest.raises(SandboxError):
        artifacts.upstream_version("unknown")


def test_paths_are_those_of_the_upstream_projects(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBENODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(artifacts, "_package_version", lambda _: "1.1.1+ds1-3")
    monkeypatch.setattr(artifacts, "pack_plugins", lambda _, target: target.touch())
    monkeypatch.setattr("os.uname", lambda: type("U", (), {"machine": "x86_64"}))
    package = tmp_path / "p.deb"
    package.touch()
    assert sorted(artifacts.layout(tools, package, Path("pause"), Path("nginx"))) == [
        "cni-plugins/v1.1.1/cni-plugins-linux-amd64-v1.1.1.tgz",
        "cri-dockerd/v0.4.3/cri-dockerd-0.4.3.amd64.tgz",
        "images/nginx.tar",
        "images/pause-3.10.2.tar",
        "release/v1.36.3/bin/linux/amd64/kubelet",
        "release/v1.37.2/bin/linux/amd64/kube-proxy",
        "release/v1.37.2/bin/linux/amd64/kubelet",
    ]


def test_an_archive_is_packed_once_and_again_for_a_new_source(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBENODE_CACHE", str(tmp_path / "cache"))
    source = tools.path("cri-dockerd")
    first = artifacts.packed("cri-dockerd.tgz", source, artifacts.pack_cri_dockerd)
    with tarfile.open(first) as archive:
        assert archive.getnames() == ["cri-dockerd/cri-dockerd"]
    assert artifacts.packed("cri-dockerd.tgz", source, lambda *_: pytest.fail("packed again")) == first
    source.write_text("a newer program", encoding="utf-8")
    assert artifacts.packed("cri-dockerd.tgz", source, artifacts.pack_cri_dockerd) != first
    assert not [path for path in first.parent.iterdir() if path.name.startswith(".")]


def test_a_packing_that_fails_leaves_nothing_to_be_taken_for_whole(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBENODE_CACHE", str(tmp_path / "cache"))

    def fail(_: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    source = tools.path("cri-dockerd")
    with pytest.raises(OSError, match="disk full"):
        artifacts.packed("cri-dockerd.tgz", source, fail)
    whole = artifacts.packed("cri-dockerd.tgz", source, artifacts.pack_cri_dockerd)
    assert whole.read_bytes() != b"half"


def _served(tools: Tools) -> dict[str, Path]:
    return {"release/kubelet": tools.path("kubelet"), "made/text": tools.path("kube-proxy")}


def test_the_sums_are_what_sha256sum_checks(tmp_path: Path, tools: Tools) -> None:
    checkout = Checkout(tmp_path / "checkout")
    assert artifacts.ensure(checkout, _served(tools), lambda _: None) == "2 files"
    run = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=checkout.artifacts,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "made/text: OK\nrelease/kubelet: OK\n"


def test_a_second_run_touches_nothing(tmp_path: Path, tools: Tools) -> None:
    checkout = Checkout(tmp_path / "checkout")
    artifacts.ensure(checkout, _served(tools), lambda _: None)
    before = {path: path.stat().st_mtime_ns for path in checkout.artifacts.rglob("*")}
    assert artifacts.ensure(checkout, _served(tools), lambda _: None) == "there already"
    assert {path: path.stat().st_mtime_ns for path in checkout.artifacts.rglob("*")} == before


def test_a_lost_file_comes_back(tmp_path: Path, tools: Tools) -> None:
    checkout = Checkout(tmp_path / "checkout")
    artifacts.ensure(checkout, _served(tools), lambda _: None)
    (checkout.artifacts / "made/text").unlink()
    assert artifacts.ensure(checkout, _served(tools), lambda _: None) == "2 files"
    assert (checkout.artifacts / "made/text").exists()


def test_what_is_no_longer_served_goes_and_the_folder_stays(tmp_path: Path, tools: Tools) -> None:
    checkout = Checkout(tmp_path / "checkout")
    artifacts.ensure(checkout, _served(tools), lambda _: None)
    inode = checkout.artifacts.stat().st_ino
    artifacts.ensure(checkout, {"release/kubelet": tools.path("kubelet")}, lambda _: None)
    assert sorted(path.name for path in checkout.artifacts.rglob("*") if path.is_file()) == [
        "SHA256SUMS",
        "kubelet",
    ]
    assert "made" not in (checkout.artifacts / "SHA256SUMS").read_text(encoding="utf-8")
    # A container has this very folder mounted.
    assert checkout.artifacts.stat().st_ino == inode


def test_the_cache_is_not_written_through_a_link(tmp_path: Path, tools: Tools) -> None:
    checkout = Checkout(tmp_path / "checkout")
    artifacts.ensure(checkout, _served(tools), lambda _: None)
    newer = tmp_path / "newer"
    newer.write_text("newer kubelet", encoding="utf-8")
    original = tools.path("kubelet").read_bytes()
    artifacts.ensure(checkout, {"release/kubelet": newer}, lambda _: None)
    assert tools.path("kubelet").read_bytes() == original
    assert (checkout.artifacts / "release/kubelet").read_bytes() == b"newer kubelet"


def test_the_key_changes_with_any_source(tools: Tools) -> None:
    first = artifacts.digest(_served(tools))
    assert artifacts.digest(_served(tools)) == first
    tools.path("kubelet").write_text("rebuilt kubelet", encoding="utf-8")
    assert artifacts.digest(_served(tools)) != first
