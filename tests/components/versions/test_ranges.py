"""The tables of values: they name fields that there are, and this project's own values are in them."""

from __future__ import annotations

import re
import subprocess

import pytest

from components.settings.checks_values import wrong_of
from components.settings.defaults import KUBE_PROXY, KUBELET
from components.versions.gates import FEATURE_GATES
from components.versions.kinds import STRUCTS
from components.versions.ranges import BOUNDS, CHOICES, DURATIONS, MAPS, SYNTAX
from sandbox.tools import ToolError, locate


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


@pytest.mark.parametrize("program", ["kubelet", "kube-proxy"])
def test_every_gate_that_a_program_offers_is_known(program: str) -> None:
    try:
        tools = locate([program])
    except ToolError as error:
        pytest.skip(str(error))
    shown = subprocess.run([tools.path(program), "--help"], capture_output=True, text=True, check=True).stdout
    found = set(re.findall(r"^\s+(?:kube:)?([A-Z][A-Za-z0-9]*)=true\|false", shown, re.MULTILINE))
    assert len(found) > 100
    assert found <= FEATURE_GATES[int(tools.version(program).split(".")[1])]
