"""The resources of a stack: the order of one node, waves, and the rules that every command keeps."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import pytest

from components.cluster.facts import Facts, NodeFacts
from tests.components import example
from tests.components.graph import Graph, graph_of, is_secret

_ORDER = (
    ("release", "claim"),
    ("node", "prepare"),
    ("claim", "node"),
    ("leftovers", "node"),
    ("node", "out-of-service"),
    ("out-of-service", "bootstrap-token"),
    ("prepare", "docker"),
    ("out-of-service", "docker"),
    ("docker", "calico"),
    ("bootstrap-token", "credentials"),
    ("docker", "kubelet"),
    ("calico", "kubelet"),
    ("credentials", "kubelet"),
    ("credentials", "csr-approval"),
    ("kubelet", "kube-proxy"),
    ("kube-proxy", "in-service"),
    ("csr-approval", "in-service"),
)

_ON_THE_OPERATOR_S_MACHINE = ("leftovers", "out-of-service", "bootstrap-token", "csr-approval", "in-service")


@pytest.mark.parametrize(("earlier", "later"), _ORDER)
def test_the_order_of_one_node(graph: Graph, earlier: str, later: str) -> None:
    for node in ("worker-1", "worker-2"):
        assert graph.follows(f"{node}-{later}", f"{node}-{earlier}")


def test_the_approval_runs_beside_the_kubelet_that_waits_for_it(graph: Graph) -> None:
    assert not graph.follows("worker-1-csr-approval", "worker-1-kubelet")
    assert not graph.follows("worker-1-kubelet", "worker-1-csr-approval")


def test_fresh_nodes_do_not_wait_for_each_other(graph: Graph) -> None:
    ours = [name for name in graph.resources if name.startswith("worker-1-") and not name.endswith("verify")]
    theirs = [
        name for name in graph.resources if name.startswith("worker-2-") and not name.endswith("verify")
    ]
    assert len(ours) == len(theirs) > 10
    assert not any(graph.follows(mine, other) for mine in ours for other in theirs)


def test_a_node_that_will_drain_waits_for_the_one_before_it(tmp_path: Path) -> None:
    settings = example.stack(tmp_path)
    serving = {name: NodeFacts("organization/kubenode/test", "old", True, True) for name in settings.nodes}
    graph = graph_of(settings, Facts(reachable=True, nodes=serving))
    assert graph.follows("worker-2-out-of-service", "worker-1-in-service")
    assert not graph.follows("worker-1-out-of-service", "worker-2-in-service")
    # Claiming and preparing disturb no pod.
    assert not graph.follows("worker-2-prepare", "worker-1-in-service")


def test_a_node_whose_kube_proxy_is_the_cluster_s_gets_none(tmp_path: Path) -> None:
    changes = {"nodes/worker-1/kubeProxy": {"mode": "existing"}}
    graph = graph_of(example.stack(tmp_path, changes))
    assert "worker-1-kube-proxy" not in graph.resources
    assert "worker-2-kube-proxy" in graph.resources
    assert graph.follows("worker-1-in-service", "worker-1-kubelet")
    assert "kube-proxy.kubeconfig" not in str(graph.resources["worker-1-credentials"].inputs["stdin"])
    assert "kube-proxy.kubeconfig" in str(graph.resources["worker-2-credentials"].inputs["stdin"])


def test_without_a_kube_proxy_of_ours_there_is_no_identity_for_one(tmp_path: Path) -> None:
    changes = {section: {"mode": "existing"} for section in ("kubeProxy", "nodes/worker-2/kubeProxy")}
    graph = graph_of(example.stack(tmp_path, changes))
    assert not [name for name in (*graph.resources, *graph.components) if "kube-proxy" in name]


def test_taints_reach_in_service_and_the_proof_tolerates_them(tmp_path: Path) -> None:
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    changes = {"verification": {"enabled": True}, "nodes/worker-1/taints": [taint]}
    graph = graph_of(example.stack(tmp_path, changes))
    assert graph.resources["worker-1-in-service"].told()["taints"] == [taint]
    assert graph.resources["worker-2-in-service"].told()["taints"] == []
    pod = graph.resources["verification-deployment"].inputs["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"key": "dedicated", "effect": "NoSchedule", "operator": "Exists"}]


def test_in_service_follows_every_run_of_out_of_service(graph: Graph) -> None:
    assert "stdout worker-1-out-of-service" in str(graph.resources["worker-1-in-service"].inputs["stdin"])


def test_every_command_keeps_the_rules(graph: Graph) -> None:
    commands = graph.commands()
    assert len(commands) > 20
    for one in commands:
        # The claim's update asks for more than its create: that the host is claimed already. A release does nothing
        # but try a connection that changed, so that one which does not work is not the state's only one.
        assert (one.inputs.get("create") == one.inputs.get("update")) is not one.name.endswith(
            ("-claim", "-release")
        ), one.name
        assert "triggers" not in one.inputs, one.name
        assert "environment" not in one.inputs, one.name
        # What leaves nothing needs no removal; a claim's is the release, which does nothing else.
        assert ("delete" in one.inputs) is not one.name.endswith(("-verify", "-claim")), one.name
        assert ("create" in one.inputs) is not one.name.endswith("-release"), one.name
        assert "update" in one.inputs, one.name
        assert not list(one.request.replaceOnChanges) or list(one.request.replaceOnChanges) == ["triggers[*]"]
        assert not one.request.deleteBeforeReplace, one.name
        # Only the signer gets its last answer back.
        assert one.inputs["addPreviousOutputInEnv"] is (one.name == "cluster-kube-proxy"), one.name


def test_the_lines_of_a_command_do_not_depend_on_the_node(graph: Graph) -> None:
    lines: dict[str, set[str]] = {}
    for one in graph.commands():
        if one.name.startswith("worker-"):
            part = one.name[len("worker-1-") :]
            line = f"{one.inputs.get('create')} {one.inputs.get('delete')}"
            lines.setdefault(part, set()).add(line)
    # One of the two users is root.
    for part, found in lines.items():
        expected = 1 if part in _ON_THE_OPERATOR_S_MACHINE else 2
        assert len(found) == expected, part
        assert len({re.sub("' sudo ", "' root ", line.replace("sudo -n ", "")) for line in found}) == 1


def test_connections_are_spelled_out_and_pin_the_host_key(graph: Graph) -> None:
    for one in graph.commands():
        if one.type == "command:remote:Command":
            found = one.inputs["connection"]
            connection = found["value"] if is_secret(found) else found
            assert {"host", "port", "user", "hostKey", "dialErrorLimit", "perDialTimeout"} <= set(
                connection
            ), one.name


def test_what_is_secret_is_secret_and_what_a_preview_must_show_is_not(graph: Graph) -> None:
    secret = {one.name for one in graph.commands() if is_secret(one.inputs["stdin"])}
    assert secret == {f"worker-{n}-{part}" for n in (1, 2) for part in ("credentials", "bootstrap-token")}


def test_a_registry_s_password_stands_in_the_secret_input_of_credentials_only(tmp_path: Path) -> None:
    word = "s3cret-of-a-registry"
    encoded = base64.b64encode(f"puller:{word}".encode()).decode()
    login = {"registries": {"registry.example.org": {"username": "puller", "password": word}}}
    graph = graph_of(example.stack(tmp_path, {"nodes/worker-1/docker": login}))
    for one in [*graph.resources.values(), *graph.components.values()]:
        public = {key: value for key, value in one.inputs.items() if not is_secret(value)}
        assert word not in str(one.inputs), one.name
        assert encoded not in str(public), one.name
        assert (encoded in str(one.inputs)) is (one.name == "worker-1-credentials" and one.custom)


def test_the_state_keeps_where_in_the_program_a_resource_was_made_and_little_more(graph: Graph) -> None:
    """Every frame is 70 bytes in each resource; those below the program are as many again."""
    for one in graph.resources.values():
        places = [frame.pc.uri.rpartition("/")[2] for frame in one.request.stackTrace.frames]
        assert 3 <= len(places) <= 5, (one.name, places)
    assert graph.resources["worker-1-docker"].request.sourcePosition.uri.endswith("/remote/command.py")
    assert not hasattr(sys, "tracebacklimit"), "an error's traceback would be cut"


def test_outputs_are_secret_but_for_what_others_are_made_of(graph: Graph) -> None:
    public = {one.name for one in graph.commands() if "stdout" not in one.request.additionalSecretOutputs}
    assert public == {
        "worker-1-out-of-service",
        "worker-2-out-of-service",
        "worker-1-in-service",
        "worker-2-in-service",
        "cluster-kube-proxy",
        "verification-pods",
    }


def test_a_preview_of_the_proof_shows_which_field_of_a_kubelet_changes_and_no_value(graph: Graph) -> None:
    asked = graph.resources["verification-pods"].told()["kubelets"]
    assert set(asked) == {"worker-1", "worker-2"}
    assert {"clusterDNS", "authentication.anonymous.enabled"} <= set(asked["worker-2"])
    assert all(re.fullmatch("[0-9a-f]{4}", mark) for mark in asked["worker-2"].values())


def test_the_stack_s_outputs_say_what_was_read_of_each_node_and_hold_no_secret(graph: Graph) -> None:
    assert graph.outputs["nodes"]["worker-1"] == {
        "address": "10.0.0.7",
        "nodeIp": "10.0.0.7",
        "kubernetes": "1.37.2",
        "state": "Ready",
        "readAt": "2026-01-01T00:00Z",
    }
    assert graph.outputs["cluster"] == {
        "server": "https://10.0.0.1:6443",
        "caExpires": None,
        # The mocks' certificate is none.
        "kubeProxyCertificateExpires": None,
    }
    assert "${outputs.cluster.server}" in graph.outputs["readme"]
    assert not is_secret(graph.outputs["nodes"])


def test_children_belong_to_their_component(graph: Graph) -> None:
    assert graph.components["worker-1"].type == "kubenode:index:Node"
    for part, token in (
        ("docker", "Docker"),
        ("calico", "Calico"),
        ("kubelet", "Kubelet"),
        ("kube-proxy", "KubeProxy"),
    ):
        component = graph.components[f"worker-1-{part}"]
        assert component.type == f"kubenode:index:{token}"
        assert component.parent == "worker-1"
        assert graph.resources[f"worker-1-{part}"].parent == f"worker-1-{part}"


def test_the_node_object_holds_claim_and_role_and_no_spec(graph: Graph) -> None:
    node = graph.resources["worker-1-node"].inputs
    assert "spec" not in node
    assert node["metadata"]["annotations"]["kubenode/claim"] == "organization/kubenode/test"
    assert any(label.startswith("node-role.kubernetes.io/") for label in node["metadata"]["labels"])


def test_a_user_who_is_not_root_gets_sudo(graph: Graph) -> None:
    docker = graph.resources["worker-2-docker"].inputs
    assert docker["create"] == "sudo -n /usr/local/lib/kubenode/docker apply"
    assert docker["delete"].startswith("sudo -n sh -c 'if [ -x /usr/local/lib/kubenode/docker ]; then ")
    assert graph.resources["worker-2-claim"].inputs["create"].endswith("' sudo")
    assert "sudo" not in graph.resources["worker-1-claim"].inputs["create"]


def test_a_bastion_is_spelled_out_with_its_key_and_everything_is_secret(tmp_path: Path) -> None:
    bastion = {
        "address": "10.0.0.1",
        "user": "jump",
        "privateKeyFile": "id_ed25519",
        "hostKey": example.HOST_KEYS[0],
    }
    made = graph_of(example.stack(tmp_path, {"ssh/bastion": bastion}))
    for one in made.commands():
        if one.type == "command:remote:Command":
            found = one.inputs["connection"]
            assert is_secret(found), one.name
            proxy = found["value"]["proxy"]
            assert proxy["privateKey"] == example.private_key()
            del proxy["privateKey"]
            assert proxy == {
                "host": "10.0.0.1",
                "port": 22,
                "user": "jump",
                "hostKey": example.HOST_KEYS[0],
                "dialErrorLimit": 3,
                "perDialTimeout": 5,
            }


def test_a_proxys_password_hides_what_is_made_of_it_and_nothing_else(tmp_path: Path) -> None:
    def hidden(url: str) -> set[str]:
        made = graph_of(example.stack(tmp_path, {"host": {"proxy": {"https": url}}}))
        for one in made.commands():
            if not is_secret(one.inputs["stdin"]):
                assert "pa%40ss" not in str(one.inputs["stdin"]), one.name
        return {one.name for one in made.commands() if is_secret(one.inputs["stdin"])}

    plain = hidden("http://proxy.example.org:3128")
    more = hidden("http://kube:pa%40ss@proxy.example.org:3128") - plain
    assert more == {f"worker-{n}-{part}" for n in (1, 2) for part in ("prepare", "docker")}


@pytest.mark.parametrize("missing", ["ssh", "bastion", "both", "none"])
def test_a_key_that_is_not_there_says_nothing_about_a_change(missing: str, tmp_path: Path) -> None:
    def key(of: str) -> str:
        return "nowhere" if missing in (of, "both") else "id_ed25519"

    bastion = {
        "address": "10.0.0.1",
        "user": "jump",
        "privateKeyFile": key("bastion"),
        "hostKey": example.HOST_KEYS[0],
    }
    settings = example.stack(tmp_path, {"ssh/bastion": bastion, "ssh/privateKeyFile": key("ssh")})
    expected = {
        "ssh": ["connection.privateKey"],
        "bastion": ["connection.proxy.privateKey"],
        "both": ["connection.privateKey", "connection.proxy.privateKey"],
        "none": [],
    }[missing]
    for one in graph_of(settings).commands():
        if one.type == "command:remote:Command":
            wanted = expected if one.name.startswith("worker-1") else None
            assert wanted is None or list(one.request.ignoreChanges) == wanted, one.name
