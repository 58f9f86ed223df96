"""The words of a node, and how the stack's outputs keep them."""

from __future__ import annotations

from dataclasses import fields

from components.cluster.marks import Marks


def test_what_is_kept_in_the_outputs_is_read_again() -> None:
    whole = Marks(**{one.name: f"word {number}" for number, one in enumerate(fields(Marks))})
    for marks in (whole, Marks(), Marks(returned="2")):
        assert Marks.of_outputs({"address": "10.0.0.12", **marks.outputs()}) == marks
    # Outputs that a user looks at name only what there was.
    assert Marks().outputs() == {}
