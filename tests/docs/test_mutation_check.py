"""The page of the mutation check: what it explains is there, and what it runs."""

from __future__ import annotations

from tests import mutations


def test_every_survivor_is_a_value_that_is_there_and_has_a_reason() -> None:
    there = {one.place for file in mutations.RENDERERS for one in mutations.mutations(file)}
    explained = mutations.explained()
    assert len(explained) > 5
    assert set(explained) <= there
    assert all(len(why) > 15 for why in explained.values())


def test_every_renderer_has_tests_beside_it() -> None:
    for file, tests in mutations.RENDERERS.items():
        assert (mutations.COMPONENTS / file).is_file()
        assert tests
        assert all((mutations.ROOT / "tests/components" / test).exists() for test in tests), file


def test_there_are_enough_changes() -> None:
    assert sum(len(mutations.mutations(file)) for file in mutations.RENDERERS) > 900
