"""A node over the stack, extraConfig over ours."""

from __future__ import annotations

from typing import Any

from components.settings.merge import merged, patched


def test_maps_are_merged_and_everything_else_is_replaced() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": {"f": 1}}
    over = {"a": {"c": [3]}, "d": {"x": 1}, "e": None}
    assert merged(base, over) == {"a": {"b": 1, "c": [3]}, "d": {"x": 1}, "e": None}


def test_the_examples_of_rfc_7386() -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "foo"}, {"b": {"bb": {"ccc": None}}}, {"a": "foo", "b": {"bb": {}}}),
    ]
    for base, patch, result in cases:
        assert patched(base, patch) == result


def test_a_null_of_the_stack_still_removes_under_a_node_that_says_nothing() -> None:
    stack_and_node = merged({"a": None}, {"b": 2})
    assert isinstance(stack_and_node, dict)
    assert patched({"a": 1}, stack_and_node) == {"b": 2}
