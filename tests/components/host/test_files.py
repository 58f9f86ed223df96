"""The host's files: what the golden files do not say by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.host import files
from tests.components import example

# Whatever the mode: a minimal host has none of them.
_ALWAYS = ("ca-certificates", "curl", "iproute2", "iptables", "kmod", "socat")


def test_forwarding_is_on_before_docker_starts(tmp_path: Path) -> None:
    assert files.sysctls(example.stack(tmp_path).nodes["worker-1"])["net.ipv4.ip_forward"] == "1"


def test_null_leaves_a_kernel_setting_alone(tmp_path: Path) -> None:
    changes = {"host": {"sysctls": {"net.ipv4.ip_forward": None, "vm.max_map_count": 262144}}}
    assert files.sysctls(example.stack(tmp_path, changes).nodes["worker-1"]) == {"vm.max_map_count": "262144"}
    # Without any of them there is no file.
    changes = {"host": {"sysctls": {"net.ipv4.ip_forward": None}}}
    made = files.files(example.stack(tmp_path, changes).nodes["worker-1"])
    assert [one.name for one in made] == ["modules.conf"]


def test_one_of_ours_in_another_spelling_is_the_same_setting(tmp_path: Path) -> None:
    for value, lines in ((1, {"net/ipv4/ip_forward": "1"}), (None, {})):
        changes = {"host": {"sysctls": {"net/ipv4/ip_forward": value}}}
        assert files.sysctls(example.stack(tmp_path, changes).nodes["worker-1"]) == lines


@pytest.mark.parametrize(
    ("mode", "packages", "modules"),
    [
        ("iptables", (), ("nf_conntrack", "overlay")),
        ("existing", (), ("nf_conntrack", "overlay")),
        ("nftables", ("nftables",), ("nf_conntrack", "nf_tables", "overlay")),
        (
            "ipvs",
            ("ipset",),
            ("ip_vs", "ip_vs_rr", "ip_vs_sh", "ip_vs_wrr", "nf_conntrack", "overlay"),
        ),
    ],
)
def test_a_mode_brings_its_packages_and_modules(
    mode: str, packages: tuple[str, ...], modules: tuple[str, ...], tmp_path: Path
) -> None:
    node = example.stack(tmp_path, {"kubeProxy": {"mode": mode}}).nodes["worker-1"]
    assert files.packages(node) == tuple(sorted((*_ALWAYS, *packages)))
    assert files.modules(node) == modules


@pytest.mark.parametrize(
    ("mode", "encapsulation", "modules"),
    [
        ("manifest", "vxlan", {"ip_set", "vxlan"}),
        ("manifest", "ipipCrossSubnet", {"ip_set", "ipip"}),
        ("operator", "vxlanCrossSubnet", {"ip_set", "vxlan"}),
        ("operator", "none", {"ip_set"}),
        ("existing", None, set()),
        ("external", None, set()),
    ],
)
def test_calico_s_tunnel_and_sets_are_modules(
    mode: str, encapsulation: str | None, modules: set[str], tmp_path: Path
) -> None:
    calico: dict[str, Any] = {"mode": mode}
    if encapsulation:
        (tmp_path / "calico.yaml").write_text(
            "{apiVersion: v1, kind: Namespace, metadata: {name: calico-system}}\n"
        )
        calico |= {
            "version": "3.33.1",
            "manifests": [{"file": "calico.yaml"}],
            "pool": {"encapsulation": encapsulation},
        }
    node = example.stack(tmp_path, {"calico": calico}).nodes["worker-1"]
    assert set(files.modules(node)) == {"nf_conntrack", "overlay", *modules}


@pytest.mark.parametrize(("version", "value"), [("3.3.0", "1"), ("3.33.1", None)])
def test_an_old_calico_does_not_start_with_a_loose_rp_filter(
    version: str, value: str | None, tmp_path: Path
) -> None:
    (tmp_path / "calico.yaml").write_text(
        "{apiVersion: v1, kind: Namespace, metadata: {name: calico-system}}\n"
    )
    calico = {"mode": "manifest", "version": version, "manifests": [{"file": "calico.yaml"}]}
    release = "1.10.2" if value else "1.37.2"
    node = example.stack(tmp_path, {"calico": calico, "nodes/worker-2": ...}, release).nodes["worker-1"]
    assert files.sysctls(node).get("net.ipv4.conf.all.rp_filter") == value


def test_a_pinned_package_replaces_ours(tmp_path: Path) -> None:
    node = example.stack(tmp_path, {"host": {"packages": ["socat=1.7.4.4-2", "jq"]}}).nodes["worker-1"]
    assert files.packages(node) == (*_ALWAYS[:-2], "jq", "kmod", "socat=1.7.4.4-2")


def test_conntrack_s_program_is_needed_until_1_31(tmp_path: Path) -> None:
    assert "conntrack" in files.packages(example.stack(tmp_path, version="1.31.1").nodes["worker-1"])
    assert "conntrack" not in files.packages(example.stack(tmp_path, version="1.32.1").nodes["worker-1"])


def test_the_familys_names_are_those_of_the_rendered_packages(tmp_path: Path) -> None:
    changes = {"host": {"osFamily": "redhat"}, "docker": {"package": "docker-ce"}, "nodes/worker-2": ...}
    node = example.stack(tmp_path, changes, "1.29.6").nodes["worker-1"]
    assert files.packages(node) == (
        "/usr/bin/curl",
        "ca-certificates",
        "conntrack-tools",
        "iproute",
        "iptables-nft",
        "kmod",
        "socat",
    )
