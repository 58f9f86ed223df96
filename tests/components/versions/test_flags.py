"""The table of the kubelet's flags against the kubelet's source. The programs themselves: `test_real_binaries.py`."""

from __future__ import annotations

import re

import pytest

from components.versions import MINORS, Minor
from tests.components.versions.gotypes import module

KNOWN = [row for row in MINORS.values() if row.known_kubelet_flags]
_DEFINED = re.compile(r'\b(?:fs\.\w+Var\w*\(&[^,]+|[a-zA-Z]*[rR]egister\w*\(global, local), "([a-z_-]+)"')
# Of Windows alone.
_NOT_HERE = {"windows-service", "windows-priorityclass"}


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.name)
def test_what_the_source_defines_is_known(row: Minor) -> None:
    folder = module("kubernetes", row.name)
    if folder is None:
        pytest.skip(f"k8s.io/kubernetes of {row.name} is not in the Go module cache")
    files = [
        *(folder / "cmd/kubelet/app/options").glob("*.go"),
        folder / "pkg/kubelet/config/flags.go",
    ]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())
    found = {name.replace("_", "-") for name in _DEFINED.findall(text)} - _NOT_HERE
    assert len(found) > 100
    assert found <= row.known_kubelet_flags


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.name)
def test_a_flag_is_known_or_gone(row: Minor) -> None:
    assert not row.known_kubelet_flags & set(row.gone_kubelet_flags)
    assert set(row.kubelet_flags) <= row.known_kubelet_flags
    assert not {"help", "version"} & row.known_kubelet_flags


def test_nothing_is_said_of_the_flags_of_1_10() -> None:
    assert {row.number for row in MINORS.values()} - {row.number for row in KNOWN} == {10}
