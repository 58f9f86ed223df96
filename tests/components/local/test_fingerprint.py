"""A fingerprint holds nothing of a configuration, and tells which of its fields is otherwise."""

from __future__ import annotations

import pytest

from components.local.fingerprint import differing, fingerprint
from components.settings.defaults import KUBELET


def test_it_has_every_field_and_no_value() -> None:
    configuration = {"kind": "KubeletConfiguration", "maxPods": 55, "systemReserved": {"memory": "200Mi"}}
    found = fingerprint(configuration)
    assert list(found) == ["maxPods", "systemReserved.memory"]
    assert all(len(mark) == 4 and int(mark, 16) for mark in found.values())
    assert found == fingerprint(dict(reversed(configuration.items())))
    changed = fingerprint({**configuration, "maxPods": 56})
    assert [name for name in found if found[name] != changed[name]] == ["maxPods"]


@pytest.mark.parametrize("field", sorted(KUBELET))
def test_every_field_of_ours_that_is_otherwise_is_named_with_what_was_found(field: str) -> None:
    found = differing(fingerprint(KUBELET), {**KUBELET, field: "otherwise", "maxPods": 110})
    assert found
    if not isinstance(KUBELET[field], dict):
        assert found == [(field, "otherwise")]


def test_a_default_that_was_added_and_an_empty_value_that_was_left_out_are_no_difference() -> None:
    wanted = fingerprint({"readOnlyPort": 0, "featureGates": {"A": False}, "names": [], "factor": 1.0})
    assert differing(wanted, {"factor": 1, "maxPods": 110}) == []
    assert differing(wanted, {"factor": 1, "readOnlyPort": 10255}) == [("readOnlyPort", 10255)]


def test_a_field_that_is_missing_is_a_difference() -> None:
    assert differing(fingerprint({"maxPods": 55}), {}) == [("maxPods", None)]


def test_a_field_inside_another_is_named_in_full() -> None:
    wanted = fingerprint({"authentication": {"anonymous": {"enabled": False}}})
    running = {"authentication": {"anonymous": {"enabled": True}, "webhook": {}}}
    assert differing(wanted, running) == [("authentication.anonymous.enabled", True)]
