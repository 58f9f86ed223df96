"""What a container is told about the pod network."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sandbox import podnetwork


def _read_by_a_shell(tmp_path: Path, text: str, name: str) -> str:
    file = tmp_path / "pod-network.env"
    file.write_text(text, encoding="utf-8")
    script = f'. "{file}"; printf %s "${name}"'
    return subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True).stdout


def test_a_host_is_told_of_all_others_but_not_of_itself(tmp_path: Path) -> None:
    text = podnetwork.parameters(2, "10.0.0.12", ["10.0.0.2", "10.0.0.11", "10.0.0.12"], 1500)
    assert _read_by_a_shell(tmp_path, text, "PEERS") == "10.0.0.2 10.0.0.11"
    assert _read_by_a_shell(tmp_path, text, "INDEX") == "2"
    assert _read_by_a_shell(tmp_path, text, "CNI") == "yes"


def test_packets_leave_room_for_their_wrapping(tmp_path: Path) -> None:
    assert _read_by_a_shell(tmp_path, podnetwork.parameters(1, "a", [], 1400), "MTU") == "1350"


def test_the_control_plane_runs_no_pods(tmp_path: Path) -> None:
    assert _read_by_a_shell(tmp_path, podnetwork.parameters(0, "a", [], 1500), "CNI") == "no"
