"""Taints of the configuration beside those of everybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.local.taints import OWNED, Taint, with_taints

GPU = Taint("dedicated", "NoSchedule", "gpu")
NOT_READY = {
    "key": "node.kubernetes.io/not-ready",
    "effect": "NoExecute",
    "timeAdded": "2026-01-01T00:00:00Z",
}
THEIRS = {"key": "maintenance", "effect": "NoSchedule", "value": "rack-7"}


def _node(*taints: dict[str, Any], owned: list[str] | None = None) -> dict[str, Any]:
    annotations = {"other": "kept", **({} if owned is None else {OWNED: json.dumps(owned)})}
    spec = {"podCIDR": "10.244.1.0/24", **({"taints": list(taints)} if taints else {})}
    return {"metadata": {"name": "w1", "annotations": annotations}, "spec": spec}


def test_a_taint_comes_beside_the_others_and_is_noted_as_ours() -> None:
    after = with_taints(_node(NOT_READY, THEIRS), [GPU])
    assert after["spec"]["taints"] == [
        NOT_READY,
        THEIRS,
        {"key": "dedicated", "effect": "NoSchedule", "value": "gpu"},
    ]
    assert after["metadata"]["annotations"] == {"other": "kept", OWNED: '["dedicated:NoSchedule"]'}
    assert after["spec"]["podCIDR"] == "10.244.1.0/24"


def test_what_is_right_is_not_written_again() -> None:
    after = with_taints(_node(NOT_READY, THEIRS), [GPU, Taint("a", "NoExecute")])
    assert with_taints(after, [Taint("a", "NoExecute"), GPU]) == after


def test_another_value_replaces_ours_in_its_place() -> None:
    before = with_taints(_node(), [GPU, Taint("z", "NoExecute")])
    after = with_taints(before, [Taint("dedicated", "NoSchedule", "fpga"), Taint("z", "NoExecute")])
    assert after["spec"]["taints"] == [
        {"key": "dedicated", "effect": "NoSchedule", "value": "fpga"},
        {"key": "z", "effect": "NoExecute"},
    ]


def test_only_what_is_ours_goes() -> None:
    before = _node(NOT_READY, THEIRS, GPU.render(), owned=["dedicated:NoSchedule"])
    after = with_taints(before, [])
    assert after["spec"]["taints"] == [NOT_READY, THEIRS]
    assert OWNED not in after["metadata"]["annotations"]
    assert "taints" not in with_taints(_node(GPU.render(), owned=[GPU.name]), [])["spec"]


def test_one_that_was_there_before_us_is_ours_from_now_on() -> None:
    after = with_taints(_node(THEIRS), [Taint("maintenance", "NoSchedule", "rack-7")])
    assert after["spec"]["taints"] == [THEIRS]
    assert after["metadata"]["annotations"][OWNED] == '["maintenance:NoSchedule"]'


@pytest.mark.parametrize("spoiled", ["no json", "{}", "[1]", '"dedicated:NoSchedule"'])
def test_a_spoiled_note_takes_nothing_away(spoiled: str) -> None:
    before = _node(THEIRS)
    before["metadata"]["annotations"][OWNED] = spoiled
    assert with_taints(before, [])["spec"]["taints"] == [THEIRS]


def test_a_node_without_annotations_and_taints_stays_equal() -> None:
    bare = {"metadata": {"name": "w1"}, "spec": {}}
    assert with_taints(bare, []) == bare
