"""The drain's command line, and its error."""

from __future__ import annotations

from typing import Any

import pytest

from components.local.drain import DrainPolicy, advice, drain_arguments, explain, movable, refusals

POLICY = DrainPolicy(300, -1, delete_empty_dir_data=True, force=False)


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", **metadata}, "status": {"phase": "Running"}}


def test_an_ordinary_drain_respects_budgets() -> None:
    assert drain_arguments("w", POLICY, 300, beyond_budgets=False, abandoned=False) == [
        "drain", "w", "--ignore-daemonsets", "--timeout=300s", "--grace-period=-1", "--delete-emptydir-data",
    ]  # fmt: skip


def test_empty_dirs_and_bare_pods_only_when_allowed() -> None:
    words = drain_arguments(
        "w",
        DrainPolicy(9, 30, delete_empty_dir_data=False, force=True),
        9,
        beyond_budgets=False,
        abandoned=False,
    )
    assert words == ["drain", "w", "--ignore-daemonsets", "--timeout=9s", "--grace-period=30", "--force"]


@pytest.mark.parametrize(
    ("beyond", "abandoned", "grace"), [(True, True, 0), (True, False, -1), (False, True, -1)]
)
def test_pods_are_cut_short_only_by_force_on_an_abandoned_node(
    beyond: bool, abandoned: bool, grace: int
) -> None:
    words = drain_arguments("w", POLICY, 300, beyond_budgets=beyond, abandoned=abandoned)
    assert f"--grace-period={grace}" in words
    assert ("--disable-eviction" in words) is beyond


def test_never_without_a_name() -> None:
    with pytest.raises(ValueError, match="exact name"):
        drain_arguments("", POLICY, 300, beyond_budgets=False, abandoned=False)


def test_movable_leaves_out_what_a_drain_leaves() -> None:
    pods = [
        pod("web"),
        pod("agent", ownerReferences=[{"kind": "DaemonSet", "controller": True}]),
        pod("static", annotations={"kubernetes.io/config.mirror": "x"}),
        pod("adopted", ownerReferences=[{"kind": "DaemonSet", "controller": False}]),
        {**pod("done"), "status": {"phase": "Succeeded"}},
        {**pod("failed"), "status": {"phase": "Failed"}},
        pod("replica", ownerReferences=[{"kind": "ReplicaSet", "controller": True}]),
    ]
    assert [one["metadata"]["name"] for one in movable(pods)] == ["web", "adopted", "replica"]


def test_explain_names_each_pod_with_its_reason() -> None:
    stderr = (
        'error when evicting pods/"web-1" -n "default" (will retry after 5s): '
        "Cannot evict pod as it would violate the pod's disruption budget.; more; "
        'error when evicting pods/"web-1" -n "default": global timeout reached: 4s'
    )
    text = explain(
        [pod("web-1"), pod("web-2", deletionTimestamp="2026-01-31T12:00:00Z"), pod("web-3")], stderr
    )
    assert text == (
        "default/web-1 (Cannot evict pod as it would violate the pod's disruption budget.), "
        "default/web-2 (deleted, but its kubelet has not ended it), default/web-3"
    )


def test_explain_is_short() -> None:
    assert explain([pod(f"p{number}") for number in range(30)], "").endswith("default/p9, and 20 more")


@pytest.mark.parametrize(
    ("stderr", "force", "words"),
    [
        ("would violate the pod's disruption budget", False, "kubectl get pdb -A"),
        ("global timeout reached", False, "drain.timeoutSeconds"),
        ("global timeout reached", True, "spec.nodeName=w"),
    ],
)
def test_advice_speaks_the_configuration_s_words(stderr: str, force: bool, words: str) -> None:
    assert words in advice(stderr, "w", force=force)


def test_a_node_that_is_given_up_may_be_dead_replaced_or_only_silent() -> None:
    said = advice("", "w", force=False, claim="organization/kubenode/prod", abandoned=True)
    assert "make forget NODE=w STACK=prod (FORCE=yes if another machine has its address by now)" in said
    assert "bring the kubelet back, or set drain.force" in said
    assert "make forget NODE=w (" in advice("", "w", force=False, abandoned=True)


def test_whose_kubelet_takes_its_time_is_ended_by_hand() -> None:
    left = explain([pod("slow", deletionTimestamp="2026-01-31T12:00:00Z")], "")
    assert "kubectl delete pod -n NAMESPACE NAME --grace-period=0 --force" in advice(
        "", "w", force=True, left=left
    )
    assert "--grace-period=0" not in advice("", "w", force=False, left=left)


@pytest.mark.parametrize(
    ("force", "deletes", "expected"),
    [
        (False, True, {"default/bare": "no controller would make it again"}),
        (
            False,
            False,
            {
                "default/bare": "no controller would make it again, it has data in an emptyDir",
                "default/scratch": "it has data in an emptyDir",
            },
        ),
        (
            True,
            False,
            {"default/bare": "it has data in an emptyDir", "default/scratch": "it has data in an emptyDir"},
        ),
        (True, True, {}),
    ],
)
def test_every_pod_that_no_drain_may_move_is_told_with_its_reasons(
    force: bool, deletes: bool, expected: dict[str, str]
) -> None:
    volumes = {"volumes": [{"name": "x", "emptyDir": {}}]}
    owner = {"ownerReferences": [{"kind": "ReplicaSet", "controller": True}]}
    pods = [
        {**pod("bare"), "spec": volumes},
        {**pod("scratch", **owner), "spec": volumes},
        pod("web", **owner),
    ]
    assert refusals(pods, DrainPolicy(9, -1, delete_empty_dir_data=deletes, force=force)) == expected
