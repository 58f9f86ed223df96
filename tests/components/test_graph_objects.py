"""The objects that a stack makes in the cluster, and the commands that delete those that no state knows."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from components.cluster.leftovers import reference
from tests.components import example
from tests.components.graph import Graph, Registered, graph_of, is_secret

_CALICO = {"mode": "manifest", "version": "3.33.1", "manifests": [{"file": "calico.yaml"}]}


def _with_calico(directory: Path, **calico: Any) -> Graph:
    shutil.copy(Path(__file__).parents[1] / "support/calico.yaml", directory / "calico.yaml")
    return graph_of(example.stack(directory, {"calico": {**_CALICO, **calico}}))


def test_calico_s_objects_are_there_before_a_node_and_go_after_it(tmp_path: Path) -> None:
    graph = _with_calico(tmp_path)
    objects = [
        one
        for one in graph.resources.values()
        if one.parent == "calico" and one.type.startswith("kubernetes:")
    ]
    assert len(objects) == 17
    assert graph.components["calico"].type == "kubenode:index:ClusterCalico"
    assert {one.type for one in objects} >= {
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:apps/v1:DaemonSet",
        "kubernetes:crd.projectcalico.org/v1:IPPool",
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
    }
    for one in objects:
        assert graph.follows("worker-1-node", one.name)
        # A host is claimed meanwhile.
        assert not graph.follows("worker-1-claim", one.name)
    definitions = [one.name for one in objects if one.type.endswith(":CustomResourceDefinition")]
    assert all(graph.follows("calico-ippool-default-ipv4-ippool", one) for one in definitions)
    assert graph.follows("calico-daemonset-kube-system-calico-node", "calico-ippool-default-ipv4-ippool")


def test_calico_s_leftovers_go_when_the_kubelet_is_gone(tmp_path: Path) -> None:
    graph = _with_calico(tmp_path)
    assert graph.follows("worker-1-kubelet", "worker-1-calico-leftovers")
    assert graph.follows("worker-1-calico-leftovers", "worker-1-node")
    assert graph.resources["worker-1-in-service"].told()["network"] == "calico"


_EVERY_KIND = {
    "verification": {"enabled": True},
    "identity": {"approval": "rbac", "kubeProxy": "serviceAccount", "kubeletApiUser": "kube-apiserver"},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 1),
        (_EVERY_KIND, 0),
        ({"identity": {"client": "issued", "serving": "issued"}}, 5),
        ({"verification": {"enabled": True, "namespace": "ours"}}, 1),
    ],
)
def test_what_is_made_in_the_cluster_has_a_command_before_it_that_deletes_it_unknown_to_the_state(
    tmp_path: Path, changes: dict[str, Any], expected: int
) -> None:
    """Else a run that is killed as it makes an object leaves it for ever."""
    shutil.copy(Path(__file__).parents[1] / "support/calico.yaml", tmp_path / "calico.yaml")
    graph = graph_of(example.stack(tmp_path, {"calico": _CALICO, **changes}))
    about = {name: one.told() for name, one in graph.resources.items() if name.endswith("-leftovers")}
    about = {name: told for name, told in about.items() if "calico-leftovers" not in name}
    objects = [one for one in graph.resources.values() if one.type.startswith("kubernetes:")]
    assert len(objects) > 18
    for one in objects:
        kind, metadata = one.inputs["kind"], one.inputs["metadata"]
        place = metadata.get("namespace")
        if kind == "Node":
            deleting = f"{metadata['name']}-leftovers"
            assert about[deleting]["node"] == metadata["name"]
        else:
            found = reference(one.inputs)
            within = {"apiVersion": "v1", "kind": "Namespace", "name": place}
            (deleting,) = (
                name
                for name, told in about.items()
                if found in told.get("objects", ()) or within in told.get("objects", ())
            )
        assert graph.follows(one.name, deleting) or _provider_follows(graph, one, deleting), one.name
    signed = [one.name for one in graph.commands() if " signed-certificate " in one.inputs.get("create", "")]
    for name in signed:
        node = name.partition("-kubelet-")[0]
        assert graph.follows(name, f"{node}-leftovers" if "kubelet" in name else "cluster-leftovers")
    assert len(signed) == expected


def _provider_follows(graph: Graph, one: Registered, earlier: str) -> bool:
    """The engine keeps the order of a provider and its resources."""
    assert "::cluster-provider::" in one.request.provider
    return graph.follows("cluster-provider", earlier)


def test_what_has_the_stack_s_name_is_looked_for_whatever_is_configured(tmp_path: Path, graph: Graph) -> None:
    """A killed run may have had another configuration than the one after it."""
    other = graph_of(example.stack(tmp_path, _EVERY_KIND))
    assert other.resources["cluster-leftovers"].inputs == graph.resources["cluster-leftovers"].inputs


def test_what_is_left_of_calico_goes_while_there_is_who_does_what_it_waits_for(tmp_path: Path) -> None:
    graph = _with_calico(tmp_path)
    for stage, later in pairwise(("definitions", "ground", "workloads")):
        known = graph.resources[f"calico-{stage}-leftovers"].told()["objects"]
        made = [
            one.name
            for one in graph.resources.values()
            if {"kind": one.inputs.get("kind"), "name": one.inputs.get("metadata", {}).get("name")}
            in [{"kind": each["kind"], "name": each["name"]} for each in known]
        ]
        assert len(made) == len(known) > 0
        assert all(graph.follows(f"calico-{later}-leftovers", one) for one in made)


def test_a_pod_network_that_nobody_looks_at_costs_nothing(graph: Graph) -> None:
    assert not [name for name in (*graph.resources, *graph.components) if name.startswith("calico")]
    assert "worker-1-calico-leftovers" not in graph.resources
    assert "network" not in graph.resources["worker-1-in-service"].told()


def test_etcd_s_key_is_secret_and_not_compared_where_its_file_is_missing(tmp_path: Path) -> None:
    for name in ("ca", "cert"):
        (tmp_path / f"{name}.pem").write_text(example.CA_PEM)
    etcd = {
        "endpoints": ["https://10.0.0.156:2379"],
        "caFile": "ca.pem",
        "certificateFile": "cert.pem",
        "privateKeyFile": "key.pem",
    }
    for is_there in (False, True):
        if is_there:
            (tmp_path / "key.pem").write_text(example.private_key(words="PRIVATE KEY"))
        graph = _with_calico(tmp_path, datastore="etcd", etcd=etcd)
        secret = graph.resources["calico-secret-kube-system-calico-etcd-secrets"]
        assert is_secret(secret.inputs["data"])
        assert list(secret.request.ignoreChanges) == ([] if is_there else ["data"])
