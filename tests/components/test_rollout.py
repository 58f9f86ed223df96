"""Waves: only nodes that will drain wait for each other."""

from __future__ import annotations

from components.rollout import predecessors, waves


def test_a_node_that_never_served_is_in_no_wave() -> None:
    assert waves({"a": None}, {"a": "new", "b": "new"}, 1) == []


def test_a_node_that_serves_as_wanted_is_in_no_wave() -> None:
    assert waves({"a": "same", "b": "old"}, {"a": "same", "b": "new"}, 1) == [["b"]]


def test_a_node_that_leaves_the_configuration_is_in_no_wave() -> None:
    assert waves({"gone": "old"}, {}, 1) == []


def test_batches_are_cut_in_the_order_of_names() -> None:
    serving = dict.fromkeys(["c", "a", "e", "b", "d"], "old")
    assert waves(serving, dict.fromkeys(serving, "new"), 2) == [["a", "b"], ["c", "d"], ["e"]]


def test_each_node_waits_for_the_whole_batch_before_it() -> None:
    before = predecessors([["a", "b"], ["c", "d"], ["e"]])
    assert before == {"a": [], "b": [], "c": ["a", "b"], "d": ["a", "b"], "e": ["c", "d"]}
    assert list(before) == ["a", "b", "c", "d", "e"]
