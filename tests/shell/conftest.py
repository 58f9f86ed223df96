"""A box for each test, skipped with the reason where there cannot be one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell import box as boxes
from tests.shell.box import Box


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Box]:
    """A host that nobody claimed, with the stand-ins of a whole node."""
    if reason := boxes.why_not():
        pytest.skip(reason)
    with boxes.opened(tmp_path) as box:
        box.standins("systemd", "apt", "node")
        yield box


@pytest.fixture
def host(bare: Box) -> Box:
    """The same with the claim and the toolkit."""
    bare.install()
    return bare
