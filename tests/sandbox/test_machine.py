"""The list of checkouts that are up."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.checkout import Checkout
from sandbox.machine import Machine


def test_checkouts_come_and_go(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "state", tmp_path / "run")
    one, other = Checkout(tmp_path / "one"), Checkout(tmp_path / "other")
    assert machine.checkouts() == {}
    machine.register(one)
    machine.register(one)
    machine.register(other)
    assert machine.checkouts() == {one.identifier: one.root, other.identifier: other.root}
    machine.unregister(one.identifier)
    machine.unregister(one.identifier)
    assert machine.checkouts() == {other.identifier: other.root}


def test_its_place_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBENODE_SANDBOX_STATE", str(tmp_path / "elsewhere"))
    assert Machine.here().state == tmp_path / "elsewhere"
    assert Machine.here().run.is_relative_to(tmp_path)
