"""The tables of values: they name fields that there are, and this project's own values are in them."""

from __future__ import annotations

import pytest

from components.settings.checks_values import wrong_of
from components.settings.defaults import KUBE_PROXY, KUBELET
from components.versions.kinds import STRUCTS
from components.versions.ranges import BOUNDS, CHOICES, DURATIONS, MAPS, SYNTAX


@pytest.mark.parametrize(
    "table", [BOUNDS, CHOICES, DURATIONS, SYNTAX], ids=["bounds", "choices", "durations", "syntax"]
)
def test_every_field_is_one(table: dict[str, dict[str, object]]) -> None:
    for struct, fields in table.items():
        assert set(fields) <= set(STRUCTS[struct]), struct


def test_every_map_is_one() -> None:
    assert set(MAPS) <= {
        name for name, kind in STRUCTS["KubeletConfiguration"].items() if kind == "map of text"
    }


@pytest.mark.parametrize(
    ("struct", "values"), [("KubeletConfiguration", KUBELET), ("KubeProxyConfiguration", KUBE_PROXY)]
)
def test_our_own_values_are_right(struct: str, values: dict[str, object]) -> None:
    assert [wrong for name, value in values.items() for wrong in wrong_of(struct, name, value, 37)] == []
