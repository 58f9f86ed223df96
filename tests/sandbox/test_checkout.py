"""Names and the record of a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.checkout import LABEL, LABEL_PATH, Checkout


def test_two_checkouts_share_no_name() -> None:
    one, other = Checkout(Path("/home/a/kubenode")), Checkout(Path("/home/b/kubenode"))
    for name in ("identifier", "network", "bridge"):
        assert getattr(one, name) != getattr(other, name)
    assert one.name("worker-1") != other.name("worker-1")
    assert one.labels[LABEL] != other.labels[LABEL]


def test_a_checkout_keeps_its_names_and_a_link_to_it_has_the_same(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert Checkout(real).identifier == Checkout(real).identifier == Checkout(tmp_path / "link").identifier
    assert Checkout(tmp_path / "link").labels[LABEL_PATH] == str(real.resolve())


def test_the_bridge_fits_into_an_interface_name() -> None:
    assert len(Checkout(Path("/" + "long/" * 50)).bridge) <= 15


def test_the_record_adds_up_and_survives_garbage(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    assert checkout.read_record() == {}
    checkout.note(docker="unix:///x")
    checkout.note(privileged="no")
    record = checkout.read_record()
    assert (record["docker"], record["privileged"]) == ("unix:///x", "no")
    assert record["identifier"] == checkout.identifier
    for garbage in ("{", "[]", "\x00"):
        checkout.record_file.write_text(garbage, encoding="utf-8")
        assert checkout.read_record() == {}


def test_here_is_the_repository_whatever_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (Checkout.here().root / "sandbox" / "checkout.py").is_file()
