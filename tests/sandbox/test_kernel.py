"""Global kernel settings come back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import kernel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A kernel with a few of the settings."""
    for name, value in {
        "kernel.panic": "0",
        "vm.overcommit_memory": "0",
        "net.ipv4.ip_forward": "0",
        "net.ipv4.conf.all.forwarding": "0",
        "fs.inotify.max_user_instances": "128",
        "fs.inotify.max_user_watches": "1000000",
    }.items():
        _set(tmp_path, name, value)
    return tmp_path


def _set(root: Path, name: str, value: str) -> None:
    file = root / "proc/sys" / name.replace(".", "/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{value}\n", encoding="utf-8")


def _get(root: Path, name: str) -> str:
    return (root / "proc/sys" / name.replace(".", "/")).read_text(encoding="utf-8").strip()


def test_only_what_the_kernel_has_is_noted(root: Path) -> None:
    noted = kernel.read(root)
    assert noted["kernel.panic"] == "0"
    assert "net.netfilter.nf_conntrack_max" not in noted


def test_what_a_kubelet_changes_is_put_back(root: Path) -> None:
    before = kernel.read(root)
    _set(root, "kernel.panic", "10")
    _set(root, "vm.overcommit_memory", "1")
    restored, failed = kernel.restore(before, root)
    assert restored == ["kernel.panic: 10 -> 0", "vm.overcommit_memory: 1 -> 0"]
    assert failed == []
    assert kernel.read(root) == before


def test_what_did_not_change_is_not_written(root: Path) -> None:
    before = kernel.read(root)
    for file in (root / "proc/sys").rglob("*"):
        if file.is_file():
            file.chmod(0o444)
    assert kernel.restore(before, root) == ([], [])


def test_forwarding_in_all_comes_before_its_parts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kernel.read(root)
    _set(root, "net.ipv4.ip_forward", "1")
    _set(root, "net.ipv4.conf.all.forwarding", "1")
    restored, _ = kernel.restore(before, root)
    assert [line.split(":")[0] for line in restored] == [
        "net.ipv4.ip_forward",
        "net.ipv4.conf.all.forwarding",
    ]


def test_what_cannot_be_put_back_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kernel.read(root)
    _set(root, "kernel.panic", "10")

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", denied)
    restored, failed = kernel.restore(before, root)
    assert restored == []
    assert failed == ["kernel.panic is 10, was 0: Permission denied"]


def test_a_setting_that_went_away_is_no_failure(root: Path) -> None:
    assert kernel.restore({"kernel.gone": "1"}, root) == ([], [])


def test_room_is_made_but_never_taken(root: Path) -> None:
    kernel.make_room(root)
    assert _get(root, "fs.inotify.max_user_instances") == "8192"
    assert _get(root, "fs.inotify.max_user_watches") == "1000000"


def test_what_is_raised_is_also_noted_and_so_put_back() -> None:
    assert set(kernel.ROOM) <= set(kernel.SETTINGS)
