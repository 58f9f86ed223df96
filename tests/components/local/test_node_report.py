"""What the stack's outputs say of a node."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from components.local.node_report import report

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
METRICS = """\
# TYPE kubelet_certificate_manager_client_ttl_seconds gauge
kubelet_certificate_manager_client_ttl_seconds 3.1536e+07
kubelet_certificate_manager_server_ttl_seconds 86400
process_start_time_seconds 1.7e+09
"""


def _node(**spec: Any) -> dict[str, Any]:
    info = {
        "kubeletVersion": "v1.37.2",
        "containerRuntimeVersion": "docker://20.10.24",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
        "kernelVersion": "6.1.0",
        "architecture": "amd64",
    }
    ready = [{"type": "Ready", "status": "True"}]
    return {"metadata": {"name": "w1"}, "spec": spec, "status": {"nodeInfo": info, "conditions": ready}}


def test_a_healthy_node() -> None:
    assert report(_node(), METRICS, NOW) == {
        "kubelet": "1.37.2",
        "runtime": "docker://20.10.24",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0",
        "architecture": "amd64",
        "state": "Ready",
        "clientCertificateExpires": "2027-03-01T12:00Z",
        "servingCertificateExpires": "2026-03-02T12:00Z",
        "readAt": "2026-03-01T12:00Z",
    }


def test_a_cordon_is_part_of_the_state() -> None:
    assert report(_node(unschedulable=True), METRICS, NOW)["state"] == "Ready, cordoned"


@pytest.mark.parametrize("value", ["+Inf", "NaN", "many", "9e99"])
def test_an_end_that_nobody_knows_is_left_open(value: str) -> None:
    found = report(_node(), f"kubelet_certificate_manager_server_ttl_seconds {value}\n", NOW)
    assert found["servingCertificateExpires"] is None


def test_a_kubelet_that_could_not_be_asked_leaves_only_its_certificates_open() -> None:
    found = report(_node(), "", NOW)
    assert [name for name, value in found.items() if value is None] == [
        "clientCertificateExpires",
        "servingCertificateExpires",
    ]
