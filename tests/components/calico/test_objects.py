"""Calico's manifest with settings laid over it, object by object."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.calico.images import path_of
from components.calico.objects import ClusterObject, cluster_objects
from components.settings import load
from tests.components import example

FIXTURE = Path(__file__).parents[2] / "support/calico.yaml"
CLAIM = "organization/kubenode/test"
MANIFEST = {"mode": "manifest", "version": "3.33.1", "manifests": [{"file": "calico.yaml"}]}
OPERATOR = {"mode": "operator", "version": "3.33.1", "manifests": [{"file": "operator.yaml"}]}
OPERATOR_YAML = """\
apiVersion: v1
kind: Namespace
metadata: {name: tigera-operator}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: tigera-operator, namespace: tigera-operator}
spec:
  template:
    spec:
      containers: [{name: tigera-operator, image: "quay.io/tigera/operator:v1.42.0"}]
"""


def objects(directory: Path, calico: dict[str, Any], **changes: Any) -> dict[str, ClusterObject]:
    shutil.copy(FIXTURE, directory / "calico.yaml")
    (directory / "operator.yaml").write_text(OPERATOR_YAML)
    for name in ("ca", "cert"):
        (directory / f"{name}.pem").write_text(example.CA_PEM)
    (directory / "key.pem").write_text(example.private_key(words="PRIVATE KEY"))
    settings = example.stack(directory, {"calico": calico, **changes})
    return {one.name: one for one in cluster_objects(settings.calico, CLAIM)}


def pod(found: dict[str, ClusterObject]) -> dict[str, Any]:
    spec: dict[str, Any] = found["calico-daemonset-kube-system-calico-node"].body["spec"]["template"]["spec"]
    return spec


def variables(found: dict[str, ClusterObject]) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in pod(found)["containers"][0]["env"]}


def config(found: dict[str, ClusterObject]) -> dict[str, str]:
    data: dict[str, str] = found["calico-configmap-kube-system-calico-config"].body["data"]
    return data


def pool(found: dict[str, ClusterObject]) -> dict[str, Any]:
    spec: dict[str, Any] = found["calico-ippool-default-ipv4-ippool"].body["spec"]
    return spec


@pytest.mark.parametrize("mode", ["external", "existing"])
def test_a_network_of_others_is_no_object_of_ours(mode: str, tmp_path: Path) -> None:
    assert objects(tmp_path, {"mode": mode}) == {}


def test_definitions_come_first_and_pods_last(tmp_path: Path) -> None:
    found = list(objects(tmp_path, MANIFEST).values())
    stages = {one.body["kind"]: one.stage for one in found}
    assert stages["CustomResourceDefinition"] < stages["IPPool"] < stages["DaemonSet"]
    assert stages["ServiceAccount"] < stages["DaemonSet"] == stages["Deployment"]
    assert [one.stage for one in found] == sorted(one.stage for one in found)


def test_each_object_says_whose_it_is_and_no_pod_is_waited_for(tmp_path: Path) -> None:
    for one in objects(tmp_path, MANIFEST).values():
        notes = one.body["metadata"]["annotations"]
        assert notes["kubenode/claim"] == CLAIM
        awaited = one.body["kind"] in ("DaemonSet", "Deployment")
        assert (notes.get("pulumi.com/skipAwait") == "true") is awaited, one.name


def test_the_pool_is_the_pod_range_and_an_object_of_its_own(tmp_path: Path) -> None:
    found = objects(tmp_path, {**MANIFEST, "pool": {"natOutgoing": False, "blockSize": 24}})
    assert pool(found) == {
        "cidr": "10.244.0.0/16",
        "blockSize": 24,
        "ipipMode": "Always",
        "vxlanMode": "Never",
        "natOutgoing": False,
        "nodeSelector": "all()",
        "allowedUses": ["Workload", "Tunnel"],
    }
    # calico-node makes no second one, and no variable of it is a second place to change.
    assert variables(found)["NO_DEFAULT_POOLS"] == "true"
    assert not [name for name in variables(found) if name.startswith("CALICO_IPV4POOL")]


@pytest.mark.parametrize(
    ("word", "ipip", "vxlan", "backend"),
    [
        ("ipip", "Always", "Never", "bird"),
        ("ipipCrossSubnet", "CrossSubnet", "Never", "bird"),
        ("vxlan", "Never", "Always", "vxlan"),
        ("vxlanCrossSubnet", "Never", "CrossSubnet", "vxlan"),
        ("none", "Never", "Never", "bird"),
    ],
)
def test_encapsulation(word: str, ipip: str, vxlan: str, backend: str, tmp_path: Path) -> None:
    found = objects(tmp_path, {**MANIFEST, "pool": {"encapsulation": word}})
    assert (pool(found)["ipipMode"], pool(found)["vxlanMode"]) == (ipip, vxlan)
    assert config(found)["calico_backend"] == backend
    probes = [
        pod(found)["containers"][0][name]["exec"]["command"] for name in ("livenessProbe", "readinessProbe")
    ]
    asks_bgp = [any(word.startswith("-bird") for word in probe) for probe in probes]
    assert asks_bgp == [backend == "bird"] * 2


def test_without_bgp_no_probe_asks_for_it_in_either_family(tmp_path: Path) -> None:
    text = FIXTURE.read_text(encoding="utf-8")
    for word in ("live", "ready"):
        text = text.replace(f"-bird-{word}]", f"-bird-{word}, -bird6-{word}]")
    (tmp_path / "both.yaml").write_text(text)
    both = {**MANIFEST, "manifests": [{"file": "both.yaml"}]}
    for encapsulation, words in (("vxlan", 0), ("ipip", 2)):
        found = objects(tmp_path, {**both, "pool": {"encapsulation": encapsulation}})
        for name in ("livenessProbe", "readinessProbe"):
            command = pod(found)["containers"][0][name]["exec"]["command"]
            assert len([word for word in command if "-bird" in word]) == words


def test_a_pool_of_the_manifest_is_the_one_and_keeps_what_no_setting_is(tmp_path: Path) -> None:
    (tmp_path / "pool.yaml").write_text(
        "apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: default-ipv4-ippool}\n"
        "spec: {cidr: 192.168.0.0/16, disabled: false}\n"
    )
    calico = {**MANIFEST, "manifests": [{"file": "calico.yaml"}, {"file": "pool.yaml"}]}
    found = objects(tmp_path, calico)
    assert [name for name in found if "-ippool-" in name] == ["calico-ippool-default-ipv4-ippool"]
    assert (pool(found)["cidr"], pool(found)["disabled"]) == ("10.244.0.0/16", False)


def test_a_pool_is_of_the_stored_version_and_has_the_fields_that_it_knows(tmp_path: Path) -> None:
    def version(name: str, *, storage: bool, fields: tuple[str, ...]) -> dict[str, Any]:
        spec = {"type": "object", "properties": {field: {"type": "string"} for field in fields}}
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        return {"name": name, "served": True, "storage": storage, "schema": schema}

    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ippools.crd.projectcalico.org"},
        "spec": {
            "group": "crd.projectcalico.org",
            "names": {"kind": "IPPool", "plural": "ippools"},
            "scope": "Cluster",
            "versions": [
                version("v1", storage=False, fields=("cidr", "ipipMode", "allowedUses")),
                version("v2", storage=True, fields=("cidr", "ipipMode")),
            ],
        },
    }
    (tmp_path / "definition.yaml").write_text(json.dumps(definition))
    found = objects(tmp_path, {**MANIFEST, "manifests": [{"file": "definition.yaml"}]})
    assert pool(found) == {"cidr": "10.244.0.0/16", "ipipMode": "Always"}
    assert found["calico-ippool-default-ipv4-ippool"].body["apiVersion"] == "crd.projectcalico.org/v2"


def test_a_change_of_the_pool_is_a_change_of_one_object(tmp_path: Path) -> None:
    before = objects(tmp_path, {**MANIFEST, "pool": {"encapsulation": "vxlan"}})
    after = objects(tmp_path, {**MANIFEST, "pool": {"encapsulation": "vxlanCrossSubnet"}})
    assert [name for name in before if before[name] != after[name]] == ["calico-ippool-default-ipv4-ippool"]


def test_an_old_release_is_told_the_pool_by_variables(tmp_path: Path) -> None:
    shutil.copy(FIXTURE, tmp_path / "calico.yaml")
    example.write_project(tmp_path, "1.10.2")
    calico = {**MANIFEST, "version": "3.0.6", "pool": {"encapsulation": "none"}}
    changes = {"calico": calico, "nodes/worker-2/kubeProxy": {"mode": "iptables"}}
    settings = load(example.changed(example.raw("1.10.2"), changes), tmp_path)
    found = {one.name: one for one in cluster_objects(settings.calico, CLAIM)}
    assert variables(found)["CALICO_IPV4POOL_CIDR"] == "10.244.0.0/16"
    assert variables(found)["CALICO_IPV4POOL_IPIP"] == "Off"
    # What that release does not know yet.
    assert not {"CALICO_IPV4POOL_VXLAN", "NO_DEFAULT_POOLS", "IP_AUTODETECTION_METHOD"} & set(
        variables(found)
    )
    assert "calico-ippool-default-ipv4-ippool" not in found


def test_the_host_s_address_is_the_node_s(tmp_path: Path) -> None:
    assert variables(objects(tmp_path, MANIFEST))["IP_AUTODETECTION_METHOD"] == "kubernetes-internal-ip"
    found = objects(tmp_path, {**MANIFEST, "addressAutodetection": "interface=eth1"})
    assert variables(found)["IP_AUTODETECTION_METHOD"] == "interface=eth1"
    # Each variable stands there once.
    names = [one["name"] for one in pod(found)["containers"][0]["env"]]
    assert len(names) == len(set(names))


def test_mtu_and_registry(tmp_path: Path) -> None:
    found = objects(tmp_path, {**MANIFEST, "mtu": 1400, "registry": "registry.example.org:5000/mirror"})
    assert config(found)["veth_mtu"] == "1400"
    images = [one["image"] for key in ("initContainers", "containers") for one in pod(found)[key]]
    assert images == [
        "registry.example.org:5000/mirror/calico/cni:v3.33.1",
        "registry.example.org:5000/mirror/calico/cni:v3.33.1",
        "registry.example.org:5000/mirror/calico/node:v3.33.1",
    ]


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("quay.io/calico/node:v3", "calico/node:v3"),
        ("calico/node:v3", "calico/node:v3"),
        ("localhost:5000/node@sha256:abc", "node@sha256:abc"),
        ("node", "node"),
    ],
)
def test_an_image_without_its_registry(image: str, path: str) -> None:
    assert path_of(image) == path


def test_etcd_is_a_secret_and_words_of_the_configmap(tmp_path: Path) -> None:
    etcd = {
        "endpoints": ["https://10.0.0.156:2379", "https://10.0.0.157:2379"],
        "caFile": "ca.pem",
        "certificateFile": "cert.pem",
        "privateKeyFile": "key.pem",
    }
    found = objects(tmp_path, {**MANIFEST, "datastore": "etcd", "etcd": etcd})
    secret = found["calico-secret-kube-system-calico-etcd-secrets"]
    assert secret.secret == ("data",)
    decoded = {key: base64.b64decode(value).decode() for key, value in secret.body["data"].items()}
    assert decoded == {
        "etcd-ca": example.CA_PEM,
        "etcd-cert": example.CA_PEM,
        "etcd-key": example.private_key(words="PRIVATE KEY"),
    }
    assert config(found)["etcd_endpoints"] == "https://10.0.0.156:2379,https://10.0.0.157:2379"
    assert config(found)["etcd_key"] == "/calico-secrets/etcd-key"


def test_the_operator_is_told_by_an_installation(tmp_path: Path) -> None:
    calico = {
        **OPERATOR,
        "mtu": 1400,
        "registry": "registry.example.org",
        "pool": {"encapsulation": "vxlanCrossSubnet", "natOutgoing": False, "blockSize": 24},
        "addressAutodetection": "cidr=10.0.0.0/24,10.0.1.0/24",
    }
    found = objects(tmp_path, calico)
    order = found["calico-installation-default"]
    # Deleted while the operator runs, which undoes it.
    assert order.stage > found["calico-deployment-tigera-operator-tigera-operator"].stage
    assert order.body["spec"] == {
        "variant": "Calico",
        "registry": "registry.example.org/",
        "calicoNetwork": {
            "bgp": "Disabled",
            "mtu": 1400,
            "nodeAddressAutodetectionV4": {"cidrs": ["10.0.0.0/24", "10.0.1.0/24"]},
            "ipPools": [
                {
                    "name": "default-ipv4-ippool",
                    "cidr": "10.244.0.0/16",
                    "blockSize": 24,
                    "encapsulation": "VXLANCrossSubnet",
                    "natOutgoing": "Disabled",
                    "nodeSelector": "all()",
                }
            ],
        },
    }
    operator = found["calico-deployment-tigera-operator-tigera-operator"].body
    image = operator["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.example.org/tigera/operator:v1.42.0"


@pytest.mark.parametrize(
    ("word", "operator_word", "bgp"),
    [
        ("ipip", "IPIP", "Enabled"),
        ("ipipCrossSubnet", "IPIPCrossSubnet", "Enabled"),
        ("vxlan", "VXLAN", "Disabled"),
        ("vxlanCrossSubnet", "VXLANCrossSubnet", "Disabled"),
        ("none", "None", "Enabled"),
    ],
)
def test_the_operator_s_word_for_an_encapsulation(
    word: str, operator_word: str, bgp: str, tmp_path: Path
) -> None:
    found = objects(tmp_path, {**OPERATOR, "pool": {"encapsulation": word}})[
        "calico-installation-default"
    ].body
    assert found["apiVersion"] == "operator.tigera.io/v1"
    network = found["spec"]["calicoNetwork"]
    assert (network["ipPools"][0]["encapsulation"], network["bgp"]) == (operator_word, bgp)
    assert network["ipPools"][0]["natOutgoing"] == "Enabled"
    assert "mtu" not in network
    assert "registry" not in found["spec"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("first-found", {"firstFound": True}),
        ("kubernetes-internal-ip", {"kubernetes": "NodeInternalIP"}),
        ("cidr=10.0.0.0/24", {"cidrs": ["10.0.0.0/24"]}),
        ("can-reach=10.0.0.1", {"canReach": "10.0.0.1"}),
        ("interface=eth1", {"interface": "eth1"}),
        ("skip-interface=eth0", {"skipInterface": "eth0"}),
    ],
)
def test_the_operator_s_word_for_finding_an_address(
    method: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    found = objects(tmp_path, {**OPERATOR, "addressAutodetection": method})[
        "calico-installation-default"
    ].body
    assert found["spec"]["calicoNetwork"]["nodeAddressAutodetectionV4"] == expected


def test_an_installation_of_the_manifest_is_the_one_and_keeps_what_no_setting_is(tmp_path: Path) -> None:
    (tmp_path / "resources.yaml").write_text(
        """\
apiVersion: operator.tigera.io/v1
kind: Installation
metadata: {name: default}
spec:
  variant: Other
  controlPlaneReplicas: 2
  calicoNetwork: {linuxDataplane: Nftables, ipPools: [{cidr: 192.168.0.0/16}]}
---
apiVersion: operator.tigera.io/v1
kind: APIServer
metadata: {name: default}
"""
    )
    found = objects(
        tmp_path, {**OPERATOR, "manifests": [{"file": "operator.yaml"}, {"file": "resources.yaml"}]}
    )
    assert [name for name in found if "installation" in name] == ["calico-installation-default"]
    spec = found["calico-installation-default"].body["spec"]
    assert (spec["variant"], spec["controlPlaneReplicas"]) == ("Calico", 2)
    assert spec["calicoNetwork"]["linuxDataplane"] == "Nftables"
    assert [one["cidr"] for one in spec["calicoNetwork"]["ipPools"]] == ["10.244.0.0/16"]
    assert "spec" not in found["calico-apiserver-default"].body


def test_the_operator_of_a_dual_stack_cluster_gets_a_pool_of_each_family(tmp_path: Path) -> None:
    changes = {
        "cluster/podCidr": "10.244.0.0/16,fd00:10:244::/56",
        "cluster/serviceCidr": "10.96.0.0/16,fd00:10:96::/112",
    }
    found = objects(tmp_path, {**OPERATOR, "pool": {"encapsulation": "vxlan"}}, **changes)
    network = found["calico-installation-default"].body["spec"]["calicoNetwork"]
    assert [(one["cidr"], one["blockSize"]) for one in network["ipPools"]] == [
        ("10.244.0.0/16", 26),
        ("fd00:10:244::/56", 122),
    ]
    assert network["nodeAddressAutodetectionV6"] == {"kubernetes": "NodeInternalIP"}


def test_names_in_the_state_are_stable_and_apart(tmp_path: Path) -> None:
    text = "apiVersion: {}/v1\nkind: IPPool\nmetadata: {{name: other}}\nspec: {{}}\n"
    both = "---\n".join(text.format(group) for group in ("crd.projectcalico.org", "projectcalico.org"))
    (tmp_path / "two.yaml").write_text(both)
    found = objects(tmp_path, {**MANIFEST, "manifests": [{"file": "calico.yaml"}, {"file": "two.yaml"}]})
    assert {"calico-ippool-other-crd.projectcalico.org", "calico-ippool-other-projectcalico.org"} <= set(
        found
    )
