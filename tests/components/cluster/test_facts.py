"""What is read of the cluster, and what of it a node's commands are told."""

from __future__ import annotations

import pytest

from components.cluster.facts import Facts, NodeFacts, marks
from components.cluster.marks import Marks

CLAIM = "organization/kubenode/prod"
HEAL = "2025-12-31T10:00:00Z+1h"


def test_what_was_healed_stays_an_input_so_that_nothing_changes() -> None:
    nodes = {
        "worker-1": NodeFacts(CLAIM, "d", True, True, HEAL),
        "worker-2": NodeFacts(CLAIM, "d", True, True),
    }
    found = marks(Facts(reachable=True, nodes=nodes), {})
    assert found == {"worker-1": Marks(healed=HEAL), "worker-2": Marks()}


@pytest.mark.parametrize(
    ("in_service", "aside", "returned", "word"),
    [
        ("wanted", True, 0, "1"),
        ("wanted", True, 3, "4"),
        # As before, so that nothing changes.
        ("wanted", False, 3, "3"),
        ("wanted", False, 0, ""),
        # On its way to something else, or new.
        ("other", True, 0, ""),
        (None, True, 0, ""),
    ],
)
def test_a_node_that_a_run_left_out_of_service_returns(
    in_service: str | None, aside: bool, returned: int, word: str
) -> None:
    node = NodeFacts(CLAIM, in_service, True, True, out_of_service=aside, returned=returned)
    found = marks(Facts(reachable=True, nodes={"worker-1": node}), {"worker-1": "wanted"})
    assert found == {"worker-1": Marks(returned=word)}


def test_a_removal_that_did_not_end_is_remembered() -> None:
    began = "2026-01-31T10:00:00Z"
    node = NodeFacts(CLAIM, "d", True, True, removal=began)
    assert marks(Facts(reachable=True, nodes={"worker-1": node}), {}) == {"worker-1": Marks(removal=began)}


def test_what_the_api_says_is_newer_than_what_the_stack_knows() -> None:
    known = {"worker-1": Marks(healed="x"), "worker-2": Marks(returned="2")}
    node = NodeFacts(CLAIM, "d", True, True, HEAL)
    facts = Facts(reachable=True, nodes={"worker-1": node}, marks_before=known)
    assert marks(facts, {}) == {"worker-1": Marks(healed=HEAL), "worker-2": Marks(returned="2")}
