"""A fingerprint holds nothing of a configuration, and tells which of its fields is otherwise."""

from __future__ import annotations

import pytest

from components.local.fingerprint import differing, fingerprint
from components.settings.defaults import KUBELET


def test_it_is_short_and_says_nothing() -> None:
    configuration = {"kind": "KubeletConfiguration", "maxPods": 55, "systemReserved": {"memory": "200Mi"}}
    text = fingerprint(configuration)
    assert len(text) == 20
    assert int(text, 16)
    assert text == fingerprint(dict(reversed(configuration.items())))
    assert text != fingerprint({**configuration, "maxPods": 56})


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
    assert differing(fingerprint({"maxPods": 55}), {}) == [("a field that is not there", None)]


def test_a_field_inside_another_is_named_in_full() -> None:
    wanted = fingerprint({"authentication": {"anonymous": {"enabled": False}}})
    running = {"authentication": {"anonymous": {"enabled": True}, "webhook": {}}}
    assert differing(wanted, running) == [("authentication.anonymous.enabled", True)]
