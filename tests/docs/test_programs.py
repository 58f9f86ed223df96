"""The table of the operator's programs says what each does; one without a verb for it does nothing, and asks nobody."""

from __future__ import annotations

import importlib
import re

import pytest

from components.local.__main__ import PROGRAMS, VERBS
from tests.docs.messages import ROOT

_ROWS = re.findall(
    r"^\| `([a-z-]+)` \| (.*?) ?\| (.*?) ?\|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
)
_TABLE = {program: dict(zip(VERBS, said, strict=True)) for program, *said in _ROWS if program in PROGRAMS}


def test_every_program_has_its_row() -> None:
    assert set(_TABLE) == set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_does_something_is_told_of(program: str, verb: str) -> None:
    module = importlib.import_module(f"components.local.{program.replace('-', '_')}")
    # What only reads has a function of another name.
    function = "run" if verb == "apply" and hasattr(module, "run") else verb
    assert hasattr(module, function) is bool(_TABLE[program][verb])
