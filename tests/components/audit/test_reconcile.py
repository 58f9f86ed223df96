"""Which nodes are marked, and what pulumi is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.audit import reconcile
from components.audit.engine import Engine
from components.audit.findings import Audit, Finding


class _Engine(Engine):
    """Notes what it is asked."""

    def __init__(self, folder: Path, code: int = 0) -> None:
        super().__init__(folder, "prod")
        object.__setattr__(self, "asked", [])
        object.__setattr__(self, "code", code)

    def mark(self, node: str, moment: str, config_file: Path | None = None) -> None:
        self.asked.append(("mark", node, moment, config_file is not None))  # type: ignore[attr-defined]

    def run(self, *words: str) -> int:
        self.asked.append(words[:2])  # type: ignore[attr-defined]
        return self.code  # type: ignore[attr-defined, no-any-return]


def _audit(node: str, *findings: Finding, error: str = "") -> Audit:
    return Audit(node, "192.0.2.7", ("claim",), findings, error)


_AUDITS = [
    _audit("clean"),
    _audit("drifted", Finding("kubelet", "x", "a", "b")),
    _audit("theirs", Finding("claim", "claim", "a", "b")),
    _audit("away", error="no answer"),
]


def test_only_drifted_nodes_of_ours_are_marked_and_then_up_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = _Engine(tmp_path)
    assert reconcile.mended(engine, _AUDITS, "now", preview=False, yes=True)
    assert engine.asked == [("mark", "drifted", "now", False), ("up", "--yes")]  # type: ignore[attr-defined]
    assert "theirs: its host does not carry this stack's claim" in capsys.readouterr().err


def test_a_preview_leaves_the_stack_file_alone(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n", encoding="utf-8")
    engine = _Engine(tmp_path)
    assert reconcile.mended(engine, _AUDITS, "now", preview=True, yes=False)
    assert engine.asked == [("mark", "drifted", "now", True), ("preview", "--diff")]  # type: ignore[attr-defined]


def test_an_up_that_failed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not reconcile.mended(_Engine(tmp_path, 1), _AUDITS, "now", preview=False, yes=True)
    assert "the next 'pulumi up' goes on with it" in capsys.readouterr().err


def test_without_a_node_to_mend_pulumi_is_not_asked(tmp_path: Path) -> None:
    engine = _Engine(tmp_path)
    assert not reconcile.mended(engine, _AUDITS[2:], "now", preview=False, yes=True)
    assert engine.asked == []  # type: ignore[attr-defined]
