"""The table of feature gates: against Kubernetes' own source, and before the programs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from components.settings.checks_gates import wrong_gates
from components.versions import MINORS
from components.versions.gate_table import NEEDS, TABLE
from components.versions.gates import GATES, LIVES, Stage, feature_gates
from components.versions.lives import OLDEST
from tests.components.test_real_binaries import binary, released
from tests.components.versions import gogates
from tests.components.versions.gogates import table


@pytest.mark.parametrize("number", range(OLDEST, max(MINORS) + 1))
def test_the_gates_of_a_release_are_those_of_its_source(number: int) -> None:
    folders = gogates.folders(number)
    if not folders:
        pytest.skip(f"not all modules of 1.{number} with gates are in the Go module cache")
    assert len(table(number)) > 40
    assert table(number) == gogates.declared(number, *folders)
    assert gogates.needed(number) == gogates.dependencies(folders[0])
    assert bool(gogates.needed(number)) is (number >= 35)


@pytest.mark.parametrize("name", [*released("kubelet"), *released("kube-proxy")])
def test_the_gates_that_a_program_offers_are_those_of_the_table(name: str) -> None:
    """It lists those that are neither generally available nor deprecated."""
    program, version = binary(name)
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    lines = re.findall(
        r"^\s+(?:kube:)?([A-Z]\w+)=true\|false \((ALPHA|BETA) - default=(true|false)\)", shown, re.MULTILINE
    )
    found = {gate: stage[0] if default == "true" else stage[0].lower() for gate, stage, default in lines}
    assert len(found) > 100
    assert found == {
        gate: stage for gate, stage in table(_minor(version)).items() if stage[0].lower() in "ab"
    }


@pytest.mark.parametrize("name", released("kubelet"))
def test_a_kubelet_takes_every_gate_of_the_table(name: str, tmp_path: Path) -> None:
    program, version = binary(name)
    gates = _flag(_defaults(_minor(version)).items())
    # It reads its gates before its file, which is not there.
    said = _says(program, gates, f"--config={tmp_path}/none")
    assert "feature gate:" not in said
    assert "failed to load kubelet config file" in said
    assert "unrecognized feature gate: Nonesuch" in _says(
        program, gates + ",Nonesuch=true", f"--config={tmp_path}/none"
    )


@pytest.mark.parametrize("name", released("kube-proxy"))
def test_a_kube_proxy_refuses_another_value_of_those_that_are_locked_alone(name: str, tmp_path: Path) -> None:
    program, version = binary(name)
    number = _minor(version)
    written = f"--write-config-to={tmp_path}/written"
    turned = ((gate, not default) for gate, default in _defaults(number).items())
    said = _says(program, _flag(turned), written)
    refused = set(re.findall(r"cannot set feature gate (\w+) to", said))
    assert "unrecognized" not in said
    assert refused == {gate for gate, stage in table(number).items() if stage.endswith("!")}
    assert len(refused) > 20
    _says(program, _flag(_defaults(number).items()), written)
    assert (tmp_path / "written").is_file()


@pytest.mark.parametrize("name", released("kube-proxy"))
@pytest.mark.parametrize(
    "gates",
    [
        {"AllAlpha": True},
        {"AllBeta": False},
        {"GracefulNodeShutdown": False},
        {"PodLevelResources": False},
        {"InPlacePodLevelResourcesVerticalScaling": True, "PodLevelResources": False},
        {"ImageVolumeWithDigest": True, "AllBeta": False},
    ],
    ids=str,
)
def test_what_a_gate_needs_is_what_a_program_wants(name: str, gates: dict[str, bool], tmp_path: Path) -> None:
    program, version = binary(name)
    number = _minor(version)
    gates = {gate: value for gate, value in gates.items() if gate in feature_gates(number)}
    said = _says(program, _flag(gates.items()), f"--write-config-to={tmp_path}/written")
    wanted = re.findall(r"(\w+) is enabled, but depends on features that are disabled: \[([\w ]+)\]", said)
    told = [f"{gate} {message}" for gate, message in wrong_gates(gates, number, {})]
    assert len(told) == len(wanted)
    for gate, others in wanted:
        assert [line for line in told if re.search(rf"\b{gate}\b", line) and others.split()[0] in line], gate


def _says(program: Path, gates: str, *flags: str) -> str:
    command = [str(program), f"--feature-gates={gates}", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr


def _flag(gates: Iterable[tuple[str, bool]]) -> str:
    return ",".join(f"{gate}={str(value).lower()}" for gate, value in gates)


def _defaults(number: int) -> dict[str, bool]:
    """Without those that turn many on and off at once."""
    return {
        name: stage.default
        for name, gate in GATES.items()
        if (stage := gate.at(number)) and name not in ("AllAlpha", "AllBeta")
    }


def _minor(version: str) -> int:
    return int(version.split(".")[1])


@pytest.mark.parametrize("number", sorted(MINORS))
def test_a_supported_minor_has_gates(number: int) -> None:
    assert {"AllAlpha", "RotateKubeletServerCertificate"} <= feature_gates(number)
    for name, value in MINORS[number].kubelet_feature_gates.items():
        stage = GATES[name].at(number)
        assert stage is not None
        assert not stage.is_locked or stage.default is value


def test_a_gate_is_read_with_its_stages() -> None:
    gate = GATES["NodeSwap"]
    assert gate.at(21) is None
    assert gate.at(29) == Stage(28, "beta", default=False, is_locked=False)
    assert gate.at(37) == Stage(34, "generally available", default=True, is_locked=True)
    assert LIVES["NodeSwap"].span == "from 1.22 on"
    assert LIVES["RotateKubeletClientCertificate"].span == "up to 1.20"
    assert GATES["KMSv2"].at(32) is None
    assert GATES["KMSv1"].since(Stage(29, "deprecated", default=False, is_locked=False)) == 28


def test_stages_follow_each_other() -> None:
    for name, gate in GATES.items():
        since = [stage.since for stage in gate.stages]
        assert since == sorted(set(since)), name
        assert gate.stages[0].name, name
        assert all(stage.name for stage in gate.stages[:-1]), name


def test_the_table_is_written_as_it_is_read() -> None:
    minors = {number: table(number) for number in range(OLDEST, max(MINORS) + 1)}
    assert list(gogates.words(minors)) == TABLE.split()
    pairs = {number: gogates.needed(number) for number in minors}
    assert list(gogates.edges(pairs)) == NEEDS.split()
