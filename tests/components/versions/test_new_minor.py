"""The walk-through of docs/guides/new-minor.md with its made-up 1.38: one row, and everything follows."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import cast

import pytest

from components.settings import SettingsError
from components.versions import MINORS, Minor, flags, minors, page, supported
from components.versions.lives import Life
from tests.components import example, test_golden

GUIDE = Path(__file__).parents[3] / "docs/guides/new-minor.md"


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Minor:
    """The row of the guide, in its place."""
    block = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    made = eval(block[1].strip().removesuffix(","), vars(minors))
    assert isinstance(made, Minor)
    monkeypatch.setitem(cast("dict[int, Minor]", MINORS), made.number, made)
    return made


def test_the_row_is_one_of_the_supported(row: Minor) -> None:
    assert row.name == "1.38"
    assert supported("1.38.0") is row
    assert row.status == "rendered"
    assert "| 1.38 | rendered |" in page.page()


def test_a_node_of_it_is_rendered_as_one_of_the_minor_before(row: Minor, tmp_path: Path) -> None:
    before, now = (test_golden.minor(tmp_path, number).splitlines() for number in (37, row.number))
    changed = [line for line in difflib.ndiff(before, now) if line[0] in "+-"]
    assert changed == [
        "-   --pod-infra-container-image=registry.k8s.io/pause:3.10.2 \\",
        "+   --pod-infra-container-image=registry.k8s.io/pause:3.11 \\",
    ]


def test_a_flag_that_goes_with_it_is_refused_with_its_last_release(
    row: Minor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        cast("dict[str, Life]", flags.KUBELET), "housekeeping-interval", Life(gone=38, instead="leave it out")
    )
    changes = {"kubelet": {"extraFlags": {"housekeeping-interval": "10s"}}}
    assert example.problems(tmp_path, changes, f"{row.name}.0") == [
        "kubelet.extraFlags.housekeeping-interval: the kubelet of Kubernetes 1.38 has no flag "
        "--housekeeping-interval; it was there up to 1.37: leave it out"
    ]


def test_without_the_row_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"the nearest supported minor is 1\.37"):
        example.stack(tmp_path, version="1.38.0")
