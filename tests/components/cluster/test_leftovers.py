"""How an object is told of to the program that deletes it."""

from __future__ import annotations

from components.cluster.leftovers import reference


def test_an_object_is_told_of_by_what_finds_it() -> None:
    body = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {},
    }
    assert reference(body) == {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "a", "namespace": "b"}
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}
    assert reference(bare) == {"apiVersion": "v1", "kind": "Namespace", "name": "b"}
