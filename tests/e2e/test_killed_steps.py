"""SIGKILL of the engine at its own steps, of a fresh node and of an upgrade: as each begins, and when it is done but
not yet in the state. `pulumi cancel`, and the next `up` comes to the very same end as one that nobody killed; or
`destroy` gives the host back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from components.cluster import names
from tests.e2e import same
from tests.e2e.auditing import audit
from tests.e2e.cluster import is_ready, is_schedulable, unfit
from tests.e2e.killing import Running, wait_until
from tests.e2e.lab import HOSTS, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.moments import BEGINS, ENDS, Moment, spread

pytestmark = pytest.mark.sandbox

_NODE = "worker-1"
_OLD, _NEW = "1.36.3", "1.37.2"
# Moments at which a run is killed, of all that the engine tells of one that is not.
_FRESH, _BACK, _UPGRADE = 24, 10, 10
# More kinds of things are not made anew in a life: then something else differs.
_ANEW = 80


@dataclass(frozen=True)
class Unkilled:
    """A run that nobody killed: its moments, and what it came to."""

    moments: list[Moment]
    ends: same.Ends
    anew: same.Anew


def _unkilled_twice(lab: Lab, again: Callable[[], None]) -> Unkilled:
    """The same run twice; `again` leads back to where it begins. What differs between them is made anew each time."""
    lab.note_unknown()
    moments = Running(lab.stack).finish()
    first = same.ends(lab, _NODE)
    again()
    Running(lab.stack).finish()
    second = same.ends(lab, _NODE)
    anew = same.made_anew(first, second)
    name = f"{len(lab.said):03d}-made-anew.txt"
    text = "\n".join([*sorted(anew), "", *same.differences(first, second), ""])
    (lab.place.results / name).write_text(text, encoding="utf-8")
    assert len(anew) <= _ANEW, text
    assert min(len(lines) for lines in first.values()) > 10
    return Unkilled(moments, first, anew)


@contextmanager
def _killed_when(lab: Lab, moment: Callable[[Moment], bool], what: str) -> Iterator[None]:
    """An `up` was killed then, and the stack's lock taken away. What outlives it goes on meanwhile."""
    lab.note_unknown()
    run = Running(lab.stack)
    try:
        run.kill_at(moment, what)
        lab.stack.cancel().demand()
        yield
        wait_until(lambda: not run.plugins(), "plugins end by themselves", seconds=60)
    finally:
        run.end_leftovers()


def _killed_at(lab: Lab, moment: Moment) -> AbstractContextManager[None]:
    return _killed_when(lab, lambda one: one == moment, str(moment))


def _demand_same(lab: Lab, unkilled: Unkilled) -> None:
    """The next `up` comes to the same end, and there is nothing left to do."""
    result = lab.stack.up().demand()
    lab.note_canaries()
    found = same.differences(unkilled.ends, same.ends(lab, _NODE), unkilled.anew)
    assert found == [], "\n".join([*found, result.text])
    lab.stack.preview("--expect-no-changes").demand()
    assert lab.cluster.bootstrap_tokens() == []


def _demand_bare(lab: Lab) -> None:
    """Nothing is left, on the host and in the cluster."""
    lab.stack.destroy().demand()
    assert lab.differences([lab.host(_NODE)]) == {}
    assert lab.cluster.leftovers() == []
    assert lab.stack.resources() == []


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Unkilled:
    """A node's first `up`."""
    lab.bare()
    lab.only(_NODE)
    found = _unkilled_twice(lab, lambda: _demand_bare(lab))
    _demand_bare(lab)
    MEASURED.add("moments of the engine in the first up of one node", len(found.moments), "moments")
    return found


def _killed_at_every_moment(lab: Lab) -> int:
    """One run after the other, each killed at the first moment that none before it was killed at, up to the end."""
    lab.note_unknown()
    killed: set[Moment] = set()
    while True:
        run = Running(lab.stack)
        try:
            moment = run.kill_at_one_not_in(killed)
            if moment is None:
                return len(killed)
            killed.add(moment)
            lab.stack.cancel().demand()
        finally:
            # Programs on this machine that still work go with them: the harder case.
            run.end_leftovers()


@pytest.mark.long
def test_a_fresh_node_whose_every_step_was_killed_comes_to_the_same_end(bare: Lab, fresh: Unkilled) -> None:
    lab = bare
    lab.only(_NODE)
    kills = _killed_at_every_moment(lab)
    MEASURED.add("kills of the engine in the first up of one node", kills, "kills", "at least 20")
    assert kills >= 20
    _demand_same(lab, fresh)
    _demand_bare(lab)


@pytest.mark.long
@pytest.mark.parametrize("number", range(_FRESH))
def test_a_fresh_node_goes_on(bare: Lab, fresh: Unkilled, number: int) -> None:
    lab = bare
    lab.only(_NODE)
    moment = spread(fresh.moments, _FRESH)[number]
    with _killed_at(lab, moment):
        _demand_same(lab, fresh)
    _demand_bare(lab)
    MEASURED.add(f"same end after a kill at: {moment}", 1, "run")


@pytest.mark.long
@pytest.mark.parametrize("number", range(_BACK))
def test_a_fresh_node_is_given_back(bare: Lab, fresh: Unkilled, number: int) -> None:
    lab = bare
    lab.only(_NODE)
    moment = spread(fresh.moments, _BACK)[number]
    with _killed_at(lab, moment):
        _demand_bare(lab)
    MEASURED.add(f"host as before after a kill at: {moment}", 1, "run")


def test_a_node_whose_docker_was_only_begun_is_given_back(bare: Lab) -> None:
    lab = bare
    lab.only(_NODE)
    with _killed_when(lab, _of("docker", BEGINS), "docker begins"):
        _demand_bare(lab)


def test_objects_that_the_state_does_not_know_go_and_those_of_others_stay(bare: Lab) -> None:
    """Whether the provider had made one when its engine was killed is chance, so they are made here."""
    lab = bare
    lab.only(_NODE)
    claim = f"organization/kubenode/{lab.stack.name}"
    others = [
        _object("v1", "Namespace", "kubenode-e2e-of-others", "somebody/else/dev"),
        _binding("kubenode-e2e-of-others"),
    ]
    ours = {
        f"{_NODE}-node": [
            _object("v1", "Node", _NODE, claim),
            _binding(names.binding(claim, "approve")),
            _binding(names.binding(claim, "kubelet-api")),
        ],
        "verification-namespace": [_object("v1", "Namespace", "kubenode-verification", claim)],
    }
    for name, objects in ours.items():
        with _killed_when(lab, partial(_is, name), f"{name} begins"):
            for one in (*objects, *others):
                lab.cluster.kubectl("apply", "--server-side", "--filename", "-", stdin=json.dumps(one))
            _demand_bare(lab)
    for one in others:
        # An error if it is not there.
        lab.cluster.kubectl("delete", one["kind"], one["metadata"]["name"])


def _is(name: str, moment: Moment, phase: str = BEGINS) -> bool:
    return (moment.name, moment.phase) == (name, phase)


def _object(version: str, kind: str, name: str, claim: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"kubenode/claim": claim}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _binding(name: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "view"}
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": role,
    }


def test_a_node_whose_kubelet_the_state_does_not_know_goes_on(bare: Lab) -> None:
    lab = bare
    lab.only(_NODE)
    with _killed_when(lab, _of("kubelet", ENDS), "kubelet ends"):
        lab.stack.up().demand()
        lab.note_canaries()
        node = lab.cluster.nodes()[_NODE]
        assert is_ready(node)
        assert is_schedulable(node)
        lab.stack.preview("--expect-no-changes").demand()
        assert lab.cluster.bootstrap_tokens() == []
    _demand_bare(lab)


@pytest.mark.parametrize(
    ("part", "phase"),
    [
        ("kube-proxy", ENDS),
        ("prepare", BEGINS),
        pytest.param("kubelet", BEGINS, marks=pytest.mark.long),
        pytest.param("calico", ENDS, marks=pytest.mark.long),
        pytest.param("docker", BEGINS, marks=pytest.mark.long),
        pytest.param("prepare", ENDS, marks=pytest.mark.long),
    ],
)
def test_a_destroy_that_was_killed_is_made_up_for_by_an_up(bare: Lab, part: str, phase: str) -> None:
    """The state still has parts that the host has lost."""
    _demand_made_up_for(bare, _of(part, phase), f"{part} {phase}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("verification-namespace", ENDS),
        (f"{_NODE}-node", ENDS),
        ("cluster-renew", ENDS),
        (f"{_NODE}-release", BEGINS),
        (f"{_NODE}-release", ENDS),
    ],
)
def test_a_destroy_that_was_killed_as_the_cluster_s_objects_went_is_made_up_for_after_a_refresh(
    bare: Lab, name: str, phase: str
) -> None:
    """The state may still have objects that the cluster has lost; nothing but a refresh tells the engine."""
    _demand_made_up_for(bare, partial(_is, name, phase=phase), f"{name} {phase}", refresh=True)


def _demand_made_up_for(
    lab: Lab, moment: Callable[[Moment], bool], what: str, *, refresh: bool = False
) -> None:
    """A destroy is killed then; an `up` brings everything back, a destroy gives it back."""
    lab.only(_NODE)
    lab.stack.up().demand()
    run = Running(lab.stack, "destroy")
    try:
        run.kill_at(moment, what)
        lab.stack.cancel().demand()
        if refresh:
            lab.stack.refresh("--yes", "--skip-preview").demand()
        lab.stack.up().demand()
        lab.note_canaries()
        assert unfit(lab.cluster.nodes()) == {}
        assert audit(lab)[0] == 0
        lab.stack.preview("--expect-no-changes").demand()
    finally:
        run.end_leftovers()
    _demand_bare(lab)


def _of(part: str, phase: str) -> Callable[[Moment], bool]:
    return lambda one: (one.name, one.phase) == (f"{_NODE}-{part}", phase) and "Command" in one.kind


@pytest.fixture(scope="module")
def older(lab: Lab) -> Iterator[tuple[Unkilled, Unkilled]]:
    """A node of the older release, after upgrades and downgrades that nobody killed: one of each."""
    lab.bare()
    lab.place.up(HOSTS, "--older")
    lab.stack.restore_configuration()
    lab.only(_NODE)
    _release(lab, _OLD)
    lab.stack.up().demand()

    def go_to(version: str) -> Callable[[], None]:
        def go() -> None:
            _release(lab, version)
            lab.stack.up().demand()

        return go

    def back_and_forth(version: str, other: str) -> Unkilled:
        def again() -> None:
            go_to(other)()
            _release(lab, version)

        _release(lab, version)
        return _unkilled_twice(lab, again)

    yield back_and_forth(_NEW, _OLD), back_and_forth(_OLD, _NEW)
    _demand_bare(lab)
    lab.place.up(HOSTS)
    lab.stack.restore_configuration()
    lab.note_unknown()


def _release(lab: Lab, version: str) -> None:
    lab.stack.configure(
        lambda config: config["kubernetes"].update({"version": version, "allowDowngrade": True})
    )


@pytest.mark.long
def test_an_upgrade_whose_every_step_was_killed_comes_to_the_same_end(
    lab: Lab, older: tuple[Unkilled, Unkilled]
) -> None:
    for version, unkilled in zip((_NEW, _OLD), older, strict=True):
        _release(lab, version)
        kills = _killed_at_every_moment(lab)
        MEASURED.add(f"kills of the engine in the up of one node to {version}", kills, "kills")
        assert kills >= len(unkilled.moments) // 2
        _demand_same(lab, unkilled)


@pytest.mark.long
@pytest.mark.parametrize("number", range(_UPGRADE))
def test_an_upgrade_and_the_way_back_go_on(lab: Lab, older: tuple[Unkilled, Unkilled], number: int) -> None:
    for version, unkilled in zip((_NEW, _OLD), older, strict=True):
        _release(lab, version)
        moment = spread(unkilled.moments, _UPGRADE)[number]
        with _killed_at(lab, moment):
            _demand_same(lab, unkilled)
        MEASURED.add(f"same end of an up to {version} after a kill at: {moment}", 1, "run")
