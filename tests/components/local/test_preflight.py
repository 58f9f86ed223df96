"""What can be told of a control plane from outside: of answers, and of a real API server with flags left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.local.preflight import answer, flags_of
from tests.components.local.cluster import GROUP, STACK, TOKENS, new_name, new_token
from tests.components.local.conftest import environment, runner
from tests.support import apiserver
from tests.support.apiserver import ApiServer

RESTRICTED = (
    'Error from server (Forbidden): nodes "kubenode-preflight-other" is forbidden: node "kubenode-preflight" '
    'is not allowed to modify node "kubenode-preflight-other"'
)
NO_NODES = (
    'Error from server (Forbidden): nodes is forbidden: User "system:node:kubenode-preflight" cannot create resource '
    '"nodes" in API group "" at the cluster scope'
)
NO_IMPERSONATION = (
    'Error from server (Forbidden): users "system:node:kubenode-preflight" is forbidden: User "x" cannot impersonate '
    'resource "users" in API group "" at the cluster scope'
)
TAKEN = "Error from server (Forbidden): Forbidden (user=kube-apiserver, verb=get, resource=nodes)"
NOT_TAKEN = "error: You must be logged in to the server (Unauthorized)"

PAGE = (
    "\napiserver flagz\nWarning: This endpoint is not meant to be parsed.\nauthorization-mode:[Node,RBAC]\n"
)


def told(**given: Any) -> dict[str, bool | None]:
    values: dict[str, Any] = {
        "made": NO_IMPERSONATION,
        "flags": "",
        "static": [],
        "probe": None,
        "requests": [],
    }
    return answer(**{**values, "authentication": {}, **given})


def static(component: str, *flags: str) -> dict[str, Any]:
    container = {"command": [component, *flags]}
    return {"metadata": {"labels": {"component": component}}, "spec": {"containers": [container]}}


def manager(*flags: str) -> dict[str, Any]:
    return {"static": [static("kube-controller-manager", *flags)]}


def issued(signer: str) -> dict[str, Any]:
    return {"spec": {"signerName": f"kubernetes.io/{signer}"}, "status": {"certificate": "x"}}


SIGNING = ("--cluster-signing-cert-file=a", "--cluster-signing-key-file=b")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"made": RESTRICTED}, {"nodeAuthorizer": True, "nodeRestriction": True}),
        ({"made": ""}, {"nodeAuthorizer": True, "nodeRestriction": False}),
        ({"made": NO_NODES}, {"nodeAuthorizer": False, "nodeRestriction": None}),
        ({"made": NO_IMPERSONATION}, {"nodeAuthorizer": None, "nodeRestriction": None}),
        ({"made": "Unable to connect"}, {"nodeAuthorizer": None, "nodeRestriction": None}),
        ({"flags": f"{PAGE}enable-bootstrap-token-auth true\n"}, {"bootstrapTokens": True}),
        ({"flags": f"{PAGE}enable-bootstrap-token-auth=false\n"}, {"bootstrapTokens": False}),
        ({"static": [static("kube-apiserver", "--v=2")]}, {"bootstrapTokens": False}),
        (
            {"static": [static("kube-apiserver", "--enable-bootstrap-token-auth=true")]},
            {"bootstrapTokens": True},
        ),
        ({"flags": "<html>another page: of another server"}, {"bootstrapTokens": None}),
        ({"static": [static("another")]}, {"bootstrapTokens": None}),
        ({"probe": NOT_TAKEN}, {"kubeletClient": False}),
        ({"probe": TAKEN}, {"kubeletClient": True}),
        ({"probe": ""}, {"kubeletClient": True}),
        ({"probe": "dial tcp: i/o timeout"}, {"kubeletClient": None}),
        ({"probe": None}, {"kubeletClient": None}),
        ({"flags": f"{PAGE}kubelet-client-certificate:\n"}, {"kubeletClient": False}),
        (
            {"authentication": {"data": {"client-ca-file": "PEM"}}},
            {"clientAuthority": True},
        ),
        ({"flags": f"{PAGE}client-ca-file\n"}, {"clientAuthority": False}),
        ({"authentication": {}}, {"clientAuthority": None}),
        (manager(*SIGNING), {"clientSigner": True, "servingSigner": True}),
        (manager("--v=2"), {"clientSigner": False, "servingSigner": False}),
        (manager(*SIGNING, "--controllers=*,-csrsigning"), {"clientSigner": False, "servingSigner": False}),
        (manager(*SIGNING, "--controllers=csrsigning,x"), {"clientSigner": True, "servingSigner": True}),
        (manager(*SIGNING, "--controllers=namespace"), {"clientSigner": False, "servingSigner": False}),
        (
            manager("--cluster-signing-kubelet-serving-cert-file=a"),
            {"clientSigner": False, "servingSigner": True},
        ),
        ({"requests": [issued("kubelet-serving")]}, {"clientSigner": None, "servingSigner": True}),
        ({"requests": [issued("kube-apiserver-client")]}, {"clientSigner": True, "servingSigner": None}),
    ],
)
def test_what_an_answer_shows(given: dict[str, Any], expected: dict[str, bool | None]) -> None:
    found = told(**given)
    assert {key: found[key] for key in expected} == expected


def test_a_page_of_flags_is_read_whatever_parts_them() -> None:
    found = flags_of(
        ["", "Warning: not parseable", "client-ca-file=/a:b", " v:2", "address 10.0.0.7", "empty"]
    )
    assert found == {"client-ca-file": "/a:b", "v": "2", "address": "10.0.0.7", "empty": ""}


# ---------------------------------------------------------------------------------------------------------------------
# Real API servers: one as the tests' others have it, and one without all that a node needs.

_LEFT_OUT = (
    "--enable-bootstrap-token-auth",
    "--enable-admission-plugins",
    "--kubelet-client",
    "--client-ca-file",
    "--authorization-mode",
)


def read(server: ApiServer, directory: Path, *names: str) -> dict[str, Any]:
    run = runner(environment(directory, Path(server.kubectl_path).parent))
    given = {"nodes": list(names), "stack": STACK, "kubeconfigFile": str(directory / "kubeconfig")}
    found: dict[str, Any] = json.loads(run("api-read", "apply", **given).stdout)
    return found


def everything(server: ApiServer) -> list[str]:
    """Identities of what a preflight could have left."""
    paths = ("/api/v1/nodes", TOKENS, "/apis/certificates.k8s.io/v1/certificatesigningrequests")
    return [one["metadata"]["uid"] for path in paths for one in server.admin.get(path)["items"]]


@pytest.mark.sandbox
def test_a_cluster_that_has_it_all_is_told_so_and_keeps_no_trace(
    api_server: ApiServer, tmp_path: Path
) -> None:
    (tmp_path / "kubeconfig").write_text(api_server.kubeconfig.read_text())
    before = everything(api_server)
    found = read(api_server, tmp_path, new_name())["preflight"]
    assert everything(api_server) == before
    wanted = ("nodeAuthorizer", "nodeRestriction", "clientAuthority", "bootstrapTokens", "kubeletClient")
    assert {key: found[key] for key in wanted} == dict.fromkeys(wanted, True)
    # Nothing is asked once all have joined.
    assert read(api_server, tmp_path)["preflight"] is None


@pytest.fixture(scope="module")
def poor_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """RBAC, and nothing else of what a node needs; the admin comes with a token, for no authority is trusted."""
    directory = tmp_path_factory.mktemp("poor")
    server = apiserver._prepared(directory, apiserver.CONTROLLERS)
    (directory / "tokens.csv").write_text('admin-of-the-test,admin,1,"system:masters"\n')
    given = [one for one in server.commands["kube-apiserver"] if not one.startswith(_LEFT_OUT)]
    server.commands["kube-apiserver"] = [
        *given,
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=NodeRestriction",
        f"--token-auth-file={directory}/tokens.csv",
    ]
    server.__dict__["admin"] = server.client(token="admin-of-the-test")
    (directory / "kubeconfig").write_text(server.kubeconfig_for(token="admin-of-the-test"))
    try:
        for name in ("etcd", "kube-apiserver"):
            server.start(name)
        server.wait_ready()
        yield server
    finally:
        for name in reversed(list(server.processes)):
            server.stop(name)


@pytest.mark.sandbox
def test_what_a_cluster_lacks_is_found(poor_server: ApiServer) -> None:
    found = read(poor_server, poor_server.directory, "w1")["preflight"]
    assert found == {
        "nodeAuthorizer": False,
        "nodeRestriction": None,
        "clientAuthority": False,
        "bootstrapTokens": False,
        "kubeletClient": False,
        "clientSigner": None,
        "servingSigner": None,
    }


@pytest.mark.sandbox
def test_a_token_that_the_api_server_does_not_take_ends_the_run_before_any_host_waits(
    poor_server: ApiServer,
) -> None:
    directory = poor_server.directory
    run = runner(environment(directory, Path(poor_server.kubectl_path).parent))
    given = {"node": "w1", "stack": STACK, **new_token(), "groups": [GROUP]}
    kubeconfig = str(directory / "kubeconfig")
    outcome = run("bootstrap-token", "apply", **given, kubeconfigFile=kubeconfig, expect=1)
    assert "--enable-bootstrap-token-auth=true" in outcome.stderr
    assert str(given["tokenSecret"]) not in outcome.stderr
    run("bootstrap-token", "remove", **given, kubeconfigFile=kubeconfig)
