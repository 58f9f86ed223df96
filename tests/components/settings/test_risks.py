"""What a configuration gives away is said."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from components.settings.identity_sections import IdentitySection
from components.settings.risks import risks
from tests.components import example, program

STATIC = {"client": "static", "static": {"tokenFile": "token"}}


def said(**identity: object) -> str:
    return "\n".join(risks(IdentitySection.model_validate(identity)))


def test_by_default_nothing_is_given_away() -> None:
    assert said() == ""
    assert said(client="issued", approval="rbac") == ""


def test_a_token_without_an_end_is_told_of_and_what_stands_in_between() -> None:
    assert "only the approval stands in between" in said(**STATIC)
    assert "with approval rbac nobody looks" in said(**STATIC, approval="rbac")
    assert "same on every node and has no end" in said(kubeProxy="serviceAccount")


def test_the_other_ways_of_the_walkthrough_are_told_of() -> None:
    assert said(approval="manual").startswith("identity.approval is manual: who approves a request")
    assert said(client="issued", issuer="ca").startswith("identity.issuer is ca: its key makes a certificate")


@pytest.mark.parametrize(
    ("changes", "said_of"),
    [
        ({"kubelet": {"extraConfig": {"authorization": {"mode": "AlwaysAllow"}}}}, "every node"),
        ({"nodes/worker-1/kubelet": {"extraConfig": {"authorization": {"mode": "AlwaysAllow"}}}}, "worker-1"),
        ({"kubelet": {"extraFlags": {"authorization-mode": "AlwaysAllow"}}}, "every node"),
        ({"nodes/worker-1/kubeProxy": {"configuredBy": "flags"}}, "worker-1"),
    ],
)
def test_what_a_node_lets_in_is_told_of_once(
    changes: dict[str, object], said_of: str, tmp_path: Path
) -> None:
    loaded = example.stack(tmp_path, changes)
    texts = risks(loaded.identity, loaded.nodes.values())
    assert len(texts) == 1
    assert f" on {said_of}: " in texts[0]


def test_by_default_no_node_lets_anybody_in(tmp_path: Path) -> None:
    loaded = example.stack(tmp_path)
    assert risks(loaded.identity, loaded.nodes.values()) == []


def test_a_preview_says_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example.write_project(tmp_path)
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef\n")
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warnings.append(text))
    raw = example.changed(example.raw(), {"identity": {**STATIC, "kubeProxy": "serviceAccount"}})
    ran = program.run(raw, tmp_path, monkeypatch)
    assert ran.error == ""
    assert [one.split(":")[0] for one in warnings] == [
        "identity.client is static",
        "identity.kubeProxy is serviceAccount",
        # Of the example's second node, which has ipvs.
        "nodes.worker-2.kubeProxy.mode",
    ]
