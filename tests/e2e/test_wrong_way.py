"""A way to a host that does not work: an `up` fails, and the state keeps the way that does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = pytest.mark.sandbox


def test_a_key_that_the_host_does_not_know_takes_no_place_in_the_state(deployed: Lab, tmp_path: Path) -> None:
    """Otherwise a destroy could log in nowhere: it has the connections of the state alone."""
    lab = deployed
    node = lab.hosts[0].name
    key = tmp_path / "unknown_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=60)

    def edit(nodes: Json) -> None:
        nodes[node]["ssh"]["privateKeyFile"] = str(key)

    original = lab.stack.nodes_file.read_text(encoding="utf-8")
    lab.stack.configure_nodes(edit)
    try:
        result = lab.stack.up().demand_failure()
    finally:
        lab.stack.nodes_file.write_text(original, encoding="utf-8")
    MEASURED.add("up that may not log in", result.seconds, "s")
    assert f"{node}-release" in result.text
    assert "unable to authenticate" in result.text
    lab.stack.preview("--expect-no-changes").demand()
