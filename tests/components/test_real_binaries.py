"""The rendered files before the programs that read them on a host."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kube_proxy import files as kube_proxy
from components.kubelet import files as kubelet
from components.rendering import yaml_text
from components.versions import MINORS, flags, proxy_flags, supported
from sandbox.tools import ToolError, locate
from sandbox.tools.manifest import OLDER_MINORS
from tests.components import example


def released(program: str) -> list[Any]:
    """The program of each release: the newest with every run, the others with `make e2e-long`, which has built them."""
    older = [pytest.param(f"{program}-{minor}", marks=pytest.mark.long) for minor in OLDER_MINORS]
    return [program, *older]


def binary(name: str) -> tuple[Path, str]:
    """The program and its release without `v`."""
    try:
        tools = locate([name])
    except ToolError as error:
        pytest.skip(str(error))
    return tools.path(name), tools.version(name).removeprefix("v")


def kubelet_says(
    program: Path, directory: Path, config: dict[str, object], *flags: str
) -> tuple[str, list[str]]:
    """Everything a kubelet prints, and its complaints.

    A lease of -1 seconds makes it stop after it has checked the whole file, before it touches the machine.
    """
    file = directory / "kubelet.yaml"
    file.write_text(yaml_text({**config, "nodeLeaseDurationSeconds": -1}))
    command = [str(program), f"--config={file}", f"--root-dir={directory}/root", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    match = re.search(r"failed to validate kubelet configuration, error: (.*), path:", done.stderr)
    assert match is not None, done.stderr[-2000:]
    listed = match[1].removeprefix("[").removesuffix("]").removeprefix("invalid configuration: ")
    return done.stderr, listed.split(", ")


LEASE = "nodeLeaseDurationSeconds must be greater than 0"


def test_the_rows_that_are_tested_are_those_with_a_program_here() -> None:
    tested = {row.name for row in MINORS.values() if row.status == "tested"}
    assert tested == {MINORS[max(MINORS)].name, *OLDER_MINORS}


@pytest.mark.parametrize("name", released("kubelet"))
@pytest.mark.parametrize("node_name", ["worker-1", "worker-2"])
def test_a_kubelet_finds_nothing_wrong(name: str, node_name: str, tmp_path: Path) -> None:
    program, version = binary(name)
    # This machine may have cgroups v1; on a node the preflight looks at that.
    changes = {f"nodes/{node_name}/kubelet/extraConfig/failCgroupV1": False}
    node = example.stack(tmp_path, changes, version).nodes[node_name]
    unit = kubelet.files(node)[1].content
    flags = [
        flag for flag in re.findall(r"--[^ \n]+", unit) if not flag.startswith(("--config", "--cert-dir"))
    ]
    text, complaints = kubelet_says(program, tmp_path, kubelet.configuration(node), *flags)
    assert complaints == [LEASE]
    assert "lenient decoding" not in text
    assert "unknown field" not in text
    assert "deprecated" not in text.lower()


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({"imageGCLowThresholdPercent": 90}, "imageGCLowThresholdPercent"),
        ({"evictionSoft": {"memory.available": "10%"}, "maxPods": -1}, "maxPods"),
    ],
)
def test_the_kubelet_is_really_asked(extra: dict[str, object], complaint: str, tmp_path: Path) -> None:
    program, version = binary("kubelet")
    config = kubelet.configuration(example.stack(tmp_path, version=version).nodes["worker-1"])
    _, complaints = kubelet_says(program, tmp_path, {**config, **extra, "failCgroupV1": False})
    assert any(complaint in line for line in complaints)


def test_every_field_of_the_kubelet_is_in_the_table(tmp_path: Path) -> None:
    """The kubelet prints its whole configuration when it starts; an empty field is not among it."""
    program, version = binary("kubelet")
    node = example.stack(tmp_path, version=version).nodes["worker-1"]
    text, _ = kubelet_says(program, tmp_path, kubelet.configuration(node))
    printed = set(re.findall(r"^\t(\w+):", text, re.MULTILINE)) - {"apiVersion", "kind"}
    assert len(printed) > 60
    assert printed - {"runOnce"} <= node.minor.kubelet_fields


@pytest.mark.parametrize("name", released("kubelet"))
def test_the_flags_of_a_kubelet_are_those_of_the_table(name: str) -> None:
    program, version = binary(name)
    done = subprocess.run([str(program), "--help"], capture_output=True, text=True, timeout=60, check=True)
    printed = set(re.findall(r"^ +(?:-\w, )?--([\w-]+)", done.stdout, re.MULTILINE))
    assert printed - {"help", "version"} == supported(version).known_kubelet_flags


@pytest.mark.parametrize("name", released("kubelet"))
def test_what_a_kubelet_calls_deprecated_is_deprecated_in_the_table(name: str) -> None:
    program, version = binary(name)
    done = subprocess.run([str(program), "--help"], capture_output=True, text=True, timeout=60, check=True)
    lines = re.findall(r"^ +(?:-\w, )?--([\w-]+)(.*(?:\n(?! +(?:-\w, )?--).*)*)", done.stdout, re.MULTILINE)
    number = supported(version).number
    called = {flag for flag, text in lines if "(DEPRECATED" in text}
    assert len(called) > 90
    assert called == {flag for flag, life in flags.KUBELET.items() if life.is_deprecated(number)}


# Of a library that was linked in up to 1.36; kube-proxy does nothing with them.
_LINKED = {"boot-id-file", "machine-id-file"}


@pytest.mark.parametrize("name", released("kube-proxy"))
def test_the_flags_of_a_kube_proxy_are_those_of_the_table(name: str) -> None:
    program, version = binary(name)
    done = subprocess.run([str(program), "--help"], capture_output=True, text=True, timeout=60, check=True)
    printed = set(re.findall(r"^ +(?:-\w, )?--([\w-]+)", done.stdout, re.MULTILINE))
    row = supported(version)
    # It keeps quiet about those that are deprecated.
    told = {
        flag
        for flag in row.known_kube_proxy_flags
        if not proxy_flags.KUBE_PROXY[flag].is_deprecated(row.number)
    }
    assert printed - {"help", "version"} - _LINKED == told


@pytest.mark.parametrize("name", released("kube-proxy"))
def test_a_kube_proxy_takes_the_flags_that_stand_in_for_a_file(name: str, tmp_path: Path) -> None:
    program, version = binary(name)
    changes = {"nodes/worker-1/kubeProxy": {"configuredBy": "flags", "extraFlags": {"v": 4}}}
    node = example.stack(tmp_path, changes, version).nodes["worker-1"]
    given = [f"--{flag}={value}" for flag, value in kube_proxy.flags(node).items()]
    written = tmp_path / "written.yaml"
    done = subprocess.run(
        [str(program), *given, f"--write-config-to={written}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()
    back = yaml.safe_load(written.read_text())
    assert (back["mode"], back["clusterCIDR"]) == ("iptables", "10.244.0.0/16")
    assert back["clientConnection"]["kubeconfig"] == "/etc/kubernetes/kube-proxy.kubeconfig"


@pytest.mark.parametrize("name", released("kube-proxy"))
@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_a_kube_proxy_reads_every_value_back(name: str, mode: str, tmp_path: Path) -> None:
    program, version = binary(name)
    node = example.stack(tmp_path, {"nodes/worker-2/kubeProxy/mode": mode}, version).nodes["worker-2"]
    file, written = tmp_path / "kube-proxy.yaml", tmp_path / "written.yaml"
    file.write_text(kube_proxy.files(node)[0].content)
    done = subprocess.run(
        [str(program), f"--config={file}", f"--write-config-to={written}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "fsnotify watcher init: too many open files" in done.stderr:
        pytest.skip("no inotify instance left on this machine: raise fs.inotify.max_user_instances")
    assert done.returncode == 0, done.stderr
    assert "lenient decoding" not in done.stderr
    assert "deprecated" not in done.stderr.lower()
    back = yaml.safe_load(written.read_text())
    for key, value in kube_proxy.configuration(node).items():
        expected = {**back[key], **value} if isinstance(value, dict) else value
        assert back[key] == expected
    assert set(back) - {"apiVersion", "kind"} <= node.minor.kube_proxy_fields
