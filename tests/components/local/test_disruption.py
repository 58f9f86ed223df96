"""Going out of service and coming back: what is decided, and what is written to the Node."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.local.disruption import (
    plan_out_of_service,
    taint_value,
    with_in_service,
    with_set_aside,
    with_set_aside_undone,
)

FOREIGN_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
OURS = {"key": "kubenode/out-of-service", "value": "change", "effect": "NoSchedule"}


def node(
    annotations: dict[str, str] | None = None, unschedulable: bool = False, taints: Any = ()
) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if unschedulable:
        spec["unschedulable"] = True
    if taints:
        spec["taints"] = list(taints)
    return {"metadata": {"name": "w", "uid": "u", "annotations": annotations or {}}, "spec": spec}


@pytest.mark.parametrize(
    ("annotations", "has_pods", "set_aside", "drain"),
    [
        ({}, False, True, False),
        ({}, True, True, True),
        ({"kubenode/in-service": "wanted"}, True, False, False),
        ({"kubenode/in-service": "older"}, False, True, True),
        ({"kubenode/in-service": ""}, False, True, True),
        # Set aside by a failed upgrade that was reverted: in-service lifts the cordon, no drain.
        ({"kubenode/in-service": "wanted", "kubenode/cordoned": "kubenode"}, False, False, False),
    ],
)
def test_plan(annotations: dict[str, str], has_pods: bool, set_aside: bool, drain: bool) -> None:
    plan = plan_out_of_service(node(annotations), "wanted", has_pods=has_pods)
    assert (plan.set_aside, plan.drain) == (set_aside, drain)


def test_setting_aside_cordons_taints_and_remembers_whose_cordon_it_is() -> None:
    before = node({"a": "b"}, taints=[FOREIGN_TAINT])
    after = with_set_aside(before, "change")
    assert after["spec"] == {"unschedulable": True, "taints": [FOREIGN_TAINT, OURS]}
    assert after["metadata"]["annotations"] == {"a": "b", "kubenode/cordoned": "kubenode"}
    assert before == node({"a": "b"}, taints=[FOREIGN_TAINT]), "the given object stays as it is"


def test_a_cordon_that_was_there_before_is_not_ours() -> None:
    after = with_set_aside(node(unschedulable=True), "change")
    assert after["metadata"]["annotations"] == {"kubenode/cordoned": "others"}
    back = with_in_service(after, "d")
    assert back["spec"] == {"unschedulable": True}
    assert back["metadata"]["annotations"] == {"kubenode/in-service": "d"}


def test_setting_aside_twice_changes_nothing() -> None:
    once = with_set_aside(node(), "change")
    assert with_set_aside(once, "other reason") == once


def test_a_cordon_lifted_by_hand_meanwhile_is_ours_when_we_cordon_again() -> None:
    again = with_set_aside(node({"kubenode/cordoned": "others"}), "change")
    assert again["metadata"]["annotations"]["kubenode/cordoned"] == "kubenode"


def test_coming_into_service_lifts_our_cordon_and_our_taint_only() -> None:
    aside = with_set_aside(node({"kubenode/claim": "o/p/s"}, taints=[FOREIGN_TAINT]), "change")
    back = with_in_service(aside, "digest")
    assert back["spec"] == {"taints": [FOREIGN_TAINT]}
    assert back["metadata"]["annotations"] == {"kubenode/claim": "o/p/s", "kubenode/in-service": "digest"}


def test_a_cordon_that_nobody_noted_is_left_alone() -> None:
    assert with_in_service(node(unschedulable=True), "d")["spec"] == {"unschedulable": True}


def test_no_empty_taint_list_is_left() -> None:
    assert with_in_service(node(taints=[OURS]), "d")["spec"] == {}


@pytest.mark.parametrize(
    "before",
    [
        node(),
        node(unschedulable=True),
        node(taints=[FOREIGN_TAINT]),
        node({"kubenode/in-service": "old"}),
        # An earlier run had set it aside: what it did stays.
        node({"kubenode/cordoned": "kubenode"}, unschedulable=True, taints=[OURS]),
        node({"kubenode/cordoned": "others"}, unschedulable=True, taints=[OURS]),
    ],
)
def test_undoing_restores_exactly_what_was(before: dict[str, Any]) -> None:
    assert with_set_aside_undone(with_set_aside(before, "change"), before) == before


@pytest.mark.parametrize("earlier", [{}, {"kubenode/removal": "2026-01-31T10:00:00Z"}])
def test_undoing_a_removal_takes_back_that_it_began(earlier: dict[str, str]) -> None:
    before = node(earlier)
    aside = with_set_aside(before, "removal", "2026-02-01T10:00:00Z")
    assert aside["metadata"]["annotations"]["kubenode/removal"] == "2026-02-01T10:00:00Z"
    assert with_set_aside_undone(aside, before) == before


def test_undoing_keeps_what_others_did_meanwhile() -> None:
    before = node()
    current = with_set_aside(before, "change")
    current["spec"]["taints"].append(FOREIGN_TAINT)
    current["metadata"]["annotations"]["x"] = "y"
    undone = with_set_aside_undone(copy.deepcopy(current), before)
    assert undone["spec"] == {"taints": [FOREIGN_TAINT]}
    assert undone["metadata"]["annotations"] == {"x": "y"}


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("docker 20 -> 24", "docker-20-24"),
        ("...", "change"),
        ("", "change"),
        ("x" * 70, "x" * 63),
        ("a" * 62 + "-b", "a" * 62),
    ],
)
def test_taint_value(reason: str, value: str) -> None:
    assert taint_value(reason) == value
