"""Certificates that end soon: who is asked, and what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pulumi
import pytest

from components import expiry, outputs, stack
from components.cluster import facts as cluster_facts
from components.cluster.facts import Facts
from tests.components import example, graph
from tests.components.authorities import certificate_pem, new_key

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "hours", "soon"),
    [
        ("2026-02-14T11:59Z", 336, True),
        ("2026-02-14T12:01Z", 336, False),
        ("2026-02-14T11:59Z", 24, False),
        ("2025-12-31T00:00Z", 1, True),
        (None, 336, False),
    ],
)
def test_soon(end: str | None, hours: int, soon: bool) -> None:
    assert expiry.is_soon(end, NOW, hours) is soon


def test_a_warning_has_node_certificate_end_and_command() -> None:
    assert expiry.warning(expiry.serving("worker-1", "2026-02-03T15:30Z", "prod"), NOW) == (
        "nodes.worker-1: the kubelet's serving certificate ends on 2026-02-03T15:30Z, in 3 days and 3 hours. "
        "Renew it: STACK=prod ci/renew, which approves what the kubelet has asked for."
    )
    assert "ended on 2026-01-30T15:30Z. " in expiry.warning(expiry.client("w", "2026-01-30T15:30Z"), NOW)
    told = expiry.warning(
        expiry.given("cluster", "kube-proxy's certificate", "2026-02-03T15:30Z", "prod"), NOW
    )
    assert told.startswith("cluster: kube-proxy's certificate ends on 2026-02-03T15:30Z, ")
    assert "pulumi up --stack prod" in told


class _Mocks(graph.Mocks):
    """The nodes' own certificates end at `read`, kube-proxy's is `proxy`."""

    def __init__(self, read: str, proxy: str) -> None:
        self._read, self._proxy = read, proxy

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, object]]:
        name, outputs = super().new_resource(args)
        if args.name.endswith("-in-service"):
            outputs["stdout"] = f'{{"clientCertificateExpires": "{self._read}"}}'
        if args.name == "cluster-kube-proxy":
            outputs["stdout"] = self._proxy
        return name, outputs


def _warned(
    directory: Path, monkeypatch: pytest.MonkeyPatch, read: str, proxy: str = "none", **fresh: str
) -> tuple[list[str], list[list[str]]]:
    """What a run says, and which kubelets it asks; `fresh`: the ends of serving certificates by now."""
    said: list[str] = []
    asked: list[list[str]] = []

    def ends(_: object, nodes: Sequence[str]) -> dict[str, dict[str, str | None]]:
        asked.append(sorted(nodes))
        return {name.replace("_", "-"): {"client": None, "serving": end} for name, end in fresh.items()}

    monkeypatch.setattr(cluster_facts, "certificate_ends", ends)
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    settings = example.stack(directory)
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(
        _Mocks(read, proxy), project="kubenode", stack="test", organization="organization"
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        cluster = stack.cluster(settings)
        nodes = stack.nodes(settings, Facts(reachable=True), cluster)
        outputs.warn_of_ends(settings, cluster, nodes)

    with mock.patch("pulumi.export"):
        program()
    return [line for line in said if "kubeconfig" not in line], asked


def _in(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%MZ")


def test_kubelets_whose_certificates_last_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _warned(tmp_path, monkeypatch, _in(15)) == ([], [])


def test_one_that_renewed_by_itself_since_is_asked_and_not_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, asked = _warned(tmp_path, monkeypatch, _in(1), worker_1=_in(300), worker_2=_in(300))
    assert (said, asked) == ([], [["worker-1", "worker-2"]])


def test_one_that_did_not_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, _ = _warned(tmp_path, monkeypatch, _in(1), worker_1=_in(1), worker_2=_in(300))
    (line,) = said
    assert line.startswith("nodes.worker-1: the kubelet's serving certificate ends on ")
    assert "STACK=test ci/renew" in line


def test_kube_proxy_s_that_ends_before_its_clock_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = datetime.now(UTC) + timedelta(days=2)
    said, _ = _warned(tmp_path, monkeypatch, _in(15), proxy=certificate_pem(new_key(), end=end))
    (line,) = said
    assert line.startswith("cluster: kube-proxy's certificate ends on ")
    assert "--cluster-signing-duration" in line
