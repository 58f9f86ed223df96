"""After all the others: nothing that any of them saw or did left a trace."""

from __future__ import annotations

import pytest

from tests.e2e.hosts import Host, each
from tests.e2e.lab import Lab

pytestmark = pytest.mark.sandbox


def test_no_output_of_any_run_held_a_secret(bare: Lab) -> None:
    assert bare.said
    texts = {f"output {number}": text for number, text in enumerate(bare.said)}
    texts |= {f"journal of {name}": journal for name, journal in each(bare.hosts, Host.journal).items()}
    found = [
        f"{what} in {where}"
        for what, canary in bare.canaries.items()
        for where, text in texts.items()
        if canary in text
    ]
    assert found == []


def test_the_tree_is_as_committed(bare: Lab) -> None:
    assert bare.place.changed_files() in ([], ["Pulumi.dev.yaml"])
    bare.stack.restore_configuration()
    assert bare.place.changed_files() == []
