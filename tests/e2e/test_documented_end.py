"""What the pages tell a user to type in the end. Nothing is deployed any more: what a destroy does is seen before."""

from __future__ import annotations

import pytest

from tests.docs.commands import run_by
from tests.e2e import documented
from tests.e2e.lab import Lab

pytestmark = [pytest.mark.sandbox, pytest.mark.long]


@pytest.mark.parametrize("command", run_by("tests/e2e/test_documented_end.py::test_as_it_is_written"))
def test_as_it_is_written(bare: Lab, command: str) -> None:
    documented.run(bare, command)
    assert bare.stack.resources() == [] or all(
        one["type"] == "pulumi:pulumi:Stack" for one in bare.stack.resources()
    )
