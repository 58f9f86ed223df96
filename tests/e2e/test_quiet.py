"""With nothing to do nothing is done: no step, no login."""

from __future__ import annotations

import pytest

from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED

pytestmark = pytest.mark.sandbox


def test_a_preview_is_empty(deployed: Lab) -> None:
    result = deployed.stack.preview("--expect-no-changes").demand()
    MEASURED.add("preview without a change", result.seconds, "s")
    assert "unchanged" in result.text


def test_a_refresh_finds_nothing(deployed: Lab) -> None:
    for how in (("--preview-only",), ("--yes", "--skip-preview")):
        deployed.stack.refresh(*how, "--expect-no-changes").demand()


def test_an_up_without_a_change_opens_no_connection(deployed: Lab) -> None:
    before = deployed.connections()
    result = deployed.stack.up("--expect-no-changes").demand()
    after = deployed.connections()
    opened = sum(after[name] - before[name] for name in before)
    MEASURED.add("up without a change", result.seconds, "s")
    MEASURED.add("SSH connections of an up without a change", opened, "connections", "0")
    assert opened == 0
    for host in deployed.hosts:
        host.ssh("true")
    assert deployed.connections() == {name: count + 1 for name, count in after.items()}, (
        "logins are not counted"
    )
