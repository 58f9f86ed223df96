"""Identities that are not the default: a token of all nodes by every approval, kube-proxy by ServiceAccount, and the
way from each to the default and back.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable

import pytest

from tests.e2e import control_plane
from tests.e2e.cluster import Json, http_status, is_ready, unfit
from tests.e2e.hosts import Host, each
from tests.e2e.lab import Lab
from tests.support.apiserver import new_key
from tests.support.would_be_kubelet import CLIENT_SIGNER, request_pem, signing_request

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_BOOTSTRAP = "/etc/kubernetes/bootstrap.kubeconfig"
_PROXY = "/etc/kubernetes/kube-proxy.kubeconfig"
_FILE = ".sandbox/bootstrap-token"
_SERVICES = "/api/v1/services"
_BINDING = "e2e-bootstrap"
_BOOT_SECONDS = 240


@pytest.fixture
def token(bare: Lab) -> str:
    """The token of the sandbox's token file, in a file of the operator's."""
    line = control_plane.read(bare.place, "/etc/kubernetes/token.csv")
    text, user, *_ = line.strip().split(",")
    assert user == "kubelet-bootstrap"
    path = bare.place.root / _FILE
    path.touch(mode=0o600)
    path.write_text(f"{text}\n", encoding="utf-8")
    bare.canaries["token of all nodes"] = text
    return text


def _choose(lab: Lab, **identity: object) -> None:
    def edit(config: Json) -> None:
        config["identity"] = identity

    lab.stack.configure(edit)


def _static(lab: Lab, **more: object) -> None:
    _choose(lab, client="static", static={"tokenFile": _FILE, "binding": True}, **more)


def _until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def _in_service(lab: Lab) -> None:
    nodes = lab.cluster.nodes()
    assert sorted(nodes) == [host.name for host in lab.hosts]
    assert unfit(nodes) == {}
    for name in lab.cluster.pods():
        lab.cluster.kubectl("logs", "-n", "kubenode-verification", name)


def _nowhere(lab: Lab, secret: str) -> None:
    """Neither in the state as it is written nor in anything that pulumi printed; and it is there to be found."""
    assert secret in lab.state(show_secrets=True)
    assert secret not in lab.state(show_secrets=False)
    assert [text for text in lab.said if secret in text] == []


def _left_no_token(host: Host) -> bool:
    return not host.exists(_BOOTSTRAP) and host.run("systemctl list-units 'kubenode-*' --no-legend") == ""


def _status(lab: Lab, token: str, path: str) -> int:
    context = ssl.create_default_context(cadata=lab.cluster.ca_pem)
    return http_status(lab.cluster.server + path, context, token=token)


def _ask(lab: Lab, node: str) -> str:
    """A request for a node's client certificate by the user of all nodes; returns its name."""
    pem = request_pem(new_key(), f"system:node:{node}")
    body = signing_request(pem, CLIENT_SIGNER, ["digital signature", "client auth"])
    words = ("create", "-o", "name", "--as", "kubelet-bootstrap", "-f", "-")
    return lab.cluster.kubectl(*words, stdin=json.dumps(body)).strip().rpartition("/")[2]


def _pending(lab: Lab) -> list[Json]:
    return [one for one in lab.cluster.items("csr") if not one.get("status")]


def _gone(lab: Lab) -> None:
    """Nothing of the stack's is left in the cluster."""
    lab.bare()
    assert lab.cluster.leftovers() == []


def test_by_hand_the_token_of_all_nodes_leaves_each_host_with_its_certificate(bare: Lab, token: str) -> None:
    lab = bare
    lab.stack.configure_nodes(lambda nodes: nodes.pop("worker-2"))
    _static(lab, approval="manual")
    host = lab.host("worker-1")
    assert "identity.client is static" in lab.stack.preview().demand().text
    for signer in ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"):
        stopped = lab.stack.up().demand_failure().text
        assert f"signer: {signer}" in stopped
        assert host.exists(_BOOTSTRAP) == (signer == CLIENT_SIGNER)
        if signer == CLIENT_SIGNER:
            # What waits for the approval waits over a boot.
            lab.cut_power(host)
            assert host.exists(_BOOTSTRAP)
            # A kubelet that starts anew asks anew, and has given up what it asked for before.
            _until(lambda: len(_pending(lab)) > 1, _BOOT_SECONDS)
        newest = max(_pending(lab), key=lambda one: str(one["metadata"]["creationTimestamp"]))
        lab.cluster.kubectl("certificate", "approve", newest["metadata"]["name"])
        # Nobody runs anything meanwhile.
        _until(lambda: _left_no_token(host), _BOOT_SECONDS)
    lab.stack.up().demand()
    assert is_ready(lab.cluster.nodes()["worker-1"])
    assert host.run("systemctl --failed --no-legend") == ""
    _nowhere(lab, token)
    lab.stack.preview("--expect-no-changes").demand()
    lab.stack.refresh("--yes", "--skip-preview", "--expect-no-changes").demand()
    _gone(lab)
    assert lab.differences([host]) == {}


@pytest.mark.parametrize("approval", ["exact", "rbac"])
def test_the_token_of_all_nodes_and_what_else_it_is_used_for(bare: Lab, token: str, approval: str) -> None:
    lab = bare
    _static(lab, approval=approval)
    # Who has the token asks for a node that is none of this stack's: before there are any, or when all is done.
    role = "--clusterrole=system:node-bootstrapper"
    lab.cluster.kubectl("create", "clusterrolebinding", _BINDING, role, "--user=kubelet-bootstrap")
    name = _ask(lab, "stranger") if approval == "exact" else ""
    result = lab.stack.up().demand()
    lab.note_deployed()
    _in_service(lab)
    if approval == "rbac":
        name = _ask(lab, "stranger")
        _until(lambda: lab.cluster.get("csr", name).get("status"))
    conditions = lab.cluster.get("csr", name).get("status", {}).get("conditions") or []
    if approval == "exact":
        assert conditions == []
        assert f"request {name} of others left alone: requestor: kubelet-bootstrap asks" in result.text
    else:
        # What rbac means, and the warning says: nobody looks.
        assert [one["reason"] for one in conditions] == ["AutoApproved"]
        assert "with approval rbac nobody looks" in result.text
    assert all(each(lab.hosts, _left_no_token).values())
    _nowhere(lab, token)
    lab.stack.preview("--expect-no-changes").demand()
    # To the default and back, in place.
    started = each(lab.hosts, lambda host: host.unit("kubelet", "MainPID"))
    for way in ("bootstrap", "static"):
        if way == "bootstrap":
            _choose(lab)
        else:
            _static(lab, approval=approval)
        lab.stack.up().demand()
        assert each(lab.hosts, lambda host: host.unit("kubelet", "MainPID")) == started
        assert all(each(lab.hosts, _left_no_token).values())
        _in_service(lab)
    lab.cluster.kubectl("delete", "csr", name)
    lab.cluster.kubectl("delete", "clusterrolebinding", _BINDING)
    _gone(lab)


def test_a_lost_token_of_kube_proxy(bare: Lab) -> None:
    """From certificate to ServiceAccount and back; and a token that nobody is to have any longer."""
    lab = bare
    lab.deployed()
    kubelets = each(lab.hosts, lambda host: host.unit("kubelet", "MainPID"))

    def chosen(kind: str) -> dict[str, str]:
        before = each(lab.hosts, lambda host: host.unit("kube-proxy", "MainPID"))
        _choose(lab, kubeProxy=kind)
        lab.stack.up().demand()
        lab.note_deployed()
        _in_service(lab)
        assert not set(before.items()) & set(
            each(lab.hosts, lambda h: h.unit("kube-proxy", "MainPID")).items()
        )
        lab.stack.preview("--expect-no-changes").demand()
        lab.stack.refresh("--yes", "--skip-preview", "--expect-no-changes").demand()
        assert set(each(lab.hosts, lambda host: host.run(f"stat -c '%a %U' {_PROXY}")).values()) == {
            "600 root"
        }
        return each(lab.hosts, lambda host: host.run(f"sed -n 's/^ *token: //p' {_PROXY}"))

    (first,) = set(chosen("serviceAccount").values())
    lab.canaries["token of kube-proxy"] = first
    lab.canaries["token of kube-proxy, base64"] = base64.b64encode(first.encode()).decode()[48:200]
    _nowhere(lab, first)
    assert _status(lab, first, _SERVICES) == 200
    for path in ("/api/v1/secrets", "/api/v1/pods", "/api/v1/namespaces/kube-system/configmaps"):
        assert _status(lab, first, path) == 403
    # As docs/operations.md has it.
    (account,) = [
        one["metadata"]["name"]
        for one in lab.cluster.items("serviceaccounts", "-n", "kube-system")
        if one["metadata"]["name"].startswith("kubenode-")
    ]
    lab.cluster.kubectl("delete", "serviceaccount", "--namespace", "kube-system", account)
    lab.stack.up("--refresh").demand()
    (second,) = set(each(lab.hosts, lambda host: host.run(f"sed -n 's/^ *token: //p' {_PROXY}")).values())
    assert second != first
    assert (_status(lab, first, _SERVICES), _status(lab, second, _SERVICES)) == (401, 200)
    _in_service(lab)
    assert set(chosen("certificate").values()) == {""}
    assert _status(lab, second, _SERVICES) == 401
    assert each(lab.hosts, lambda host: host.unit("kubelet", "MainPID")) == kubelets
    _gone(lab)


def test_the_api_server_s_user_is_bound_to_what_it_needs_of_kubelets(bare: Lab) -> None:
    lab = bare
    _choose(lab, kubeletApiUser="a-user-of-the-api-server")
    lab.deployed()

    def may(*words: str) -> bool:
        asked = ("auth", "can-i", *words, "--as", "a-user-of-the-api-server")
        return lab.cluster.kubectl(*asked, check=False).startswith("yes")

    assert may("get", "nodes", "--subresource=proxy")
    assert not may("list", "secrets")
    _choose(lab)
    lab.deployed()
    assert not may("get", "nodes", "--subresource=proxy")
