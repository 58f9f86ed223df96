"""Who signs the stack's certificates, and who is given one, in the graph."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import outputs
from components.api.account import decoded
from components.local.arguments import loaded
from components.rendering import digest
from components.settings import StackSettings, load
from tests.components import example
from tests.components.authorities import NOW, certificate_pem, key_pem, new_key
from tests.components.graph import Graph, graph_of, is_secret

NAME = "cluster-kube-proxy"


def with_authority(directory: Path, **identity: object) -> StackSettings:
    key = new_key()
    (directory / "ca.pem").write_text(certificate_pem(key, end=NOW + timedelta(days=36500)))
    (directory / "ca-key.pem").write_text(key_pem(key))
    ca = {"certificateFile": "ca.pem", "privateKeyFile": "ca-key.pem"}
    return example.stack(directory, {"identity": {"issuer": "ca", "ca": ca, **identity}})


def types(graph: Graph) -> dict[str, str]:
    return {
        one.type.rpartition(":")[2]: one.name for one in graph.resources.values() if one.name.startswith(NAME)
    }


def test_by_default_the_cluster_signs_and_no_authority_s_key_is_anywhere(tmp_path: Path) -> None:
    graph = graph_of(example.stack(tmp_path))
    assert sorted(types(graph)) == ["CertRequest", "Command", "PrivateKey", "SelfSignedCert"]
    assert "caPrivateKeyPem" not in str([one.inputs for one in graph.resources.values()])


def test_an_authority_signs_without_the_cluster(tmp_path: Path) -> None:
    settings = with_authority(tmp_path, certificateValidityHours=100, earlyRenewalHours=10)
    graph = graph_of(settings)
    assert sorted(types(graph)) == ["CertRequest", "LocallySignedCert", "PrivateKey"]
    signed = graph.resources[NAME].inputs
    assert is_secret(signed["caPrivateKeyPem"])
    assert settings.authority is not None
    assert signed["caCertPem"] == settings.authority.certificate_pem
    # Both change nothing by themselves, and a due renewal is pulumi-tls's to see.
    assert (signed["validityPeriodHours"], signed["earlyRenewalHours"]) == (100, 10)
    assert signed["allowedUses"] == ["digital_signature", "client_auth"]
    assert graph.follows("worker-1-credentials", NAME)
    # A new certificate restarts the one that runs with it.
    assert graph.follows("worker-1-kube-proxy", NAME)


def test_the_authority_s_key_is_in_one_secret_input_only(tmp_path: Path) -> None:
    settings = with_authority(tmp_path)
    assert settings.authority is not None
    assert settings.authority.private_key is not None
    key = settings.authority.private_key.get_secret_value()
    graph = graph_of(settings)
    holders = [one.name for one in graph.resources.values() if key[40:80] in str(one.inputs)]
    assert holders == [NAME]


def test_without_the_key_s_file_a_preview_shows_no_change(tmp_path: Path) -> None:
    with_authority(tmp_path)
    (tmp_path / "ca-key.pem").unlink()
    ca = {"certificateFile": "ca.pem", "privateKeyFile": "ca-key.pem"}
    raw = example.changed(example.raw(), {"identity": {"issuer": "ca", "ca": ca}})
    request = graph_of(load(raw, tmp_path)).resources[NAME].request
    assert list(request.ignoreChanges) == ["caPrivateKeyPem"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, {"algorithm": "ECDSA", "ecdsaCurve": "P256"}),
        ({"keyAlgorithm": "rsa"}, {"algorithm": "RSA", "rsaBits": 2048}),
    ],
    ids=["ecdsa", "rsa"],
)
def test_the_kind_of_the_keys(chosen: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    graph = graph_of(example.stack(tmp_path, {"identity": chosen}))
    assert graph.resources[f"{NAME}-key"].inputs == expected
    # A bootstrap token's key is no key of a certificate.
    assert graph.resources["worker-1-token-key"].inputs == {"algorithm": "ED25519"}


def issued(directory: Path, **identity: object) -> Graph:
    return graph_of(example.stack(directory, {"identity": identity}))


def test_a_kubelet_that_is_given_its_client_certificate_needs_neither_token_nor_approval(
    tmp_path: Path,
) -> None:
    graph = issued(tmp_path, client="issued")
    assert not [name for name in graph.resources if "token" in name]
    request = graph.resources["worker-1-kubelet-client-request"].inputs
    assert request["subject"] == {"commonName": "system:node:worker-1", "organization": "system:nodes"}
    assert "dnsNames" not in request
    asked = loaded(graph.resources["worker-1-kubelet-client"].inputs["stdin"])
    assert asked["signerName"] == "kubernetes.io/kube-apiserver-client-kubelet"
    assert asked["usages"] == ["client auth", "digital signature"]
    secret = graph.resources["worker-1-credentials"].inputs["stdin"]["value"]
    assert "file | kubelet.kubeconfig 0600 root:root /etc/kubernetes/kubelet.kubeconfig" in secret
    assert "bootstrap.kubeconfig" not in secret
    kubelet = graph.resources["worker-1-kubelet"].inputs["stdin"]
    assert "--bootstrap-kubeconfig" not in kubelet
    assert "set | client issued" in kubelet
    assert "kubelet.yaml | rotateCertificates: false" in kubelet
    # Its serving certificate it still asks for, once it runs.
    assert "kubelet.yaml | serverTLSBootstrap: true" in kubelet
    approval = graph.resources["worker-1-csr-approval"].inputs["stdin"]
    assert "tokenId" not in loaded(approval)
    assert graph.follows("worker-1-csr-approval", "worker-1-kubelet")


def test_a_serving_certificate_names_the_node_and_its_addresses_alone(tmp_path: Path) -> None:
    changes = {
        "identity": {"serving": "issued"},
        "nodes/worker-2/nodeIp": "10.0.0.8,fd00:0::8",
        "cluster/podCidr": "10.244.0.0/16,fd01::/48",
        "cluster/serviceCidr": "10.96.0.0/16,fd02::/108",
    }
    graph = graph_of(example.stack(tmp_path, changes))
    request = graph.resources["worker-2-kubelet-server-request"].inputs
    assert request["dnsNames"] == ["worker-2"]
    assert request["ipAddresses"] == ["10.0.0.8", "fd00::8"]
    asked = loaded(graph.resources["worker-2-kubelet-server"].inputs["stdin"])
    assert asked["signerName"] == "kubernetes.io/kubelet-serving"
    assert asked["usages"] == ["digital signature", "server auth"]
    kubelet = graph.resources["worker-2-kubelet"].inputs["stdin"]
    assert "kubelet.yaml | tlsCertFile: /etc/kubernetes/ssl/kubelet-server.pem" in kubelet
    assert "kubelet.yaml | serverTLSBootstrap: false" in kubelet
    assert "--bootstrap-kubeconfig" in kubelet
    approval = loaded(graph.resources["worker-2-csr-approval"].inputs["stdin"])
    assert approval["serverTlsBootstrap"] is False
    assert approval["tokenId"]


def test_a_node_that_is_named_by_an_address_serves_by_addresses(tmp_path: Path) -> None:
    node = {"10.0.0.9": {"address": "10.0.0.9", "ssh": {"insecureIgnoreHostKey": True}}}
    graph = graph_of(example.stack(tmp_path, {"identity": {"serving": "issued"}, "nodes": node}))
    request = graph.resources["10.0.0.9-kubelet-server-request"].inputs
    assert "dnsNames" not in request
    assert request["ipAddresses"] == ["10.0.0.9"]


def test_an_authority_gives_kubelets_their_certificates_without_the_cluster(tmp_path: Path) -> None:
    graph = graph_of(with_authority(tmp_path, client="issued", serving="issued"))
    for name, use in (("client", "client_auth"), ("server", "server_auth")):
        signed = graph.resources[f"worker-1-kubelet-{name}"]
        assert signed.type == "tls:index/locallySignedCert:LocallySignedCert"
        assert signed.inputs["allowedUses"] == ["digital_signature", use]
    assert not [one for one in graph.resources.values() if "signed-certificate" in str(one.inputs)]


def test_a_new_certificate_restarts_the_kubelet_and_keys_are_secret(tmp_path: Path) -> None:
    graph = issued(tmp_path, client="issued", serving="issued")
    kubelet = graph.resources["worker-1-kubelet"].inputs["stdin"]
    pems = ["stdout worker-1-kubelet-client", "stdout worker-1-kubelet-server"]
    assert f"set | certificates {digest(*pems)}" in kubelet
    assert graph.follows("worker-1-kubelet", "worker-1-kubelet-client")
    for one in graph.resources.values():
        if one.name.startswith("worker-1-kubelet") and one.type.startswith("command:"):
            assert "private" not in str(one.inputs["stdin"]), one.name
    assert is_secret(graph.resources["worker-1-credentials"].inputs["stdin"])


def test_by_default_a_kubelet_is_given_nothing(tmp_path: Path) -> None:
    graph = graph_of(example.stack(tmp_path))
    assert not [name for name in graph.resources if "kubelet-client" in name or "kubelet-server" in name]
    assert "set | certificates" not in graph.resources["worker-1-kubelet"].inputs["stdin"]
    assert "serverTlsBootstrap" not in graph.resources["worker-1-csr-approval"].inputs["stdin"]


def test_outputs_say_when_what_is_given_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The stand-ins' certificates are none.
    monkeypatch.setattr(outputs, "expiry", lambda pem: f"end of {pem.splitlines()[0]}")
    found = graph_of(with_authority(tmp_path, client="issued")).outputs
    node = found["nodes"]["worker-1"]
    assert node["clientCertificateExpires"] == "end of certificate worker-1-kubelet-client"
    assert "servingCertificateExpires" not in node, "as the kubelet reports it, which the stand-in does not"
    assert node["state"] == "Ready"
    assert found["cluster"]["authorityExpires"] == "end of -----BEGIN CERTIFICATE-----"


def bindings(graph: Graph) -> dict[str, str]:
    return {
        one.name: one.inputs["roleRef"]["name"].rpartition(":")[2]
        for one in graph.resources.values()
        if one.type.endswith(":ClusterRoleBinding")
    }


def test_by_rbac_the_cluster_approves_what_the_stack_s_own_tokens_ask_for(tmp_path: Path) -> None:
    exact, rbac = issued(tmp_path), issued(tmp_path, approval="rbac")
    assert bindings(exact) == {"cluster-join": "node-bootstrapper", "cluster-renew": "selfnodeclient"}
    assert bindings(rbac) == {**bindings(exact), "cluster-approve": "nodeclient"}
    approve, join = (rbac.resources[f"cluster-{name}"].inputs for name in ("approve", "join"))
    assert approve["subjects"] == join["subjects"]
    assert rbac.follows("worker-1-bootstrap-token", "cluster-approve")
    assert loaded(rbac.resources["worker-1-csr-approval"].inputs["stdin"])["approval"] == "rbac"
    assert "cluster-approve" not in bindings(issued(tmp_path, approval="rbac", client="issued"))


def test_by_hand_the_approval_is_looked_for_after_the_kubelet_which_waits(tmp_path: Path) -> None:
    graph = issued(tmp_path, approval="manual")
    assert "cluster-approve" not in bindings(graph)
    assert graph.follows("worker-1-csr-approval", "worker-1-kubelet")
    assert "set | approval manual" in graph.resources["worker-1-kubelet"].inputs["stdin"]
    # It makes the token anew for somebody who took longer than it lived.
    approval = graph.resources["worker-1-csr-approval"].inputs["stdin"]
    assert is_secret(approval)
    asked, minted = (
        loaded(one["value"])
        for one in (approval, graph.resources["worker-1-bootstrap-token"].inputs["stdin"])
    )
    assert {key: asked[key] for key in ("tokenId", "tokenSecret", "groups")} == {
        key: minted[key] for key in ("tokenId", "tokenSecret", "groups")
    }
    assert asked["approval"] == "manual"


@pytest.mark.parametrize("client", ["issued", "bootstrap"])
def test_by_default_nothing_tells_of_approvals(client: str, tmp_path: Path) -> None:
    graph = issued(tmp_path, client=client)
    assert "approval" not in loaded(graph.resources["worker-1-csr-approval"].inputs["stdin"])
    assert "set | approval" not in graph.resources["worker-1-kubelet"].inputs["stdin"]


TOKEN = "canary-of-the-token-file-0123456789"
SERVICE_ACCOUNT_TOKEN = "canary.of-the.service-account"


def with_static(directory: Path, **identity: object) -> Graph:
    (directory / "token").write_text(f"{TOKEN}\n")
    static = {"tokenFile": "token", **identity.pop("static", {})}  # type: ignore[dict-item]
    return issued(directory, client="static", static=static, **identity)


def test_a_token_of_all_nodes_stands_in_one_secret_and_no_other_token_is_made(tmp_path: Path) -> None:
    graph = with_static(tmp_path)
    assert not [name for name in graph.resources if "token" in name]
    holders = sorted(one.name for one in graph.resources.values() if TOKEN in str(one.inputs))
    assert holders == ["worker-1-credentials", "worker-2-credentials"]
    stdin = graph.resources["worker-1-credentials"].inputs["stdin"]
    assert is_secret(stdin)
    assert f"bootstrap.kubeconfig |     token: {TOKEN}" in stdin["value"]
    approval = graph.resources["worker-1-csr-approval"]
    asked = loaded(approval.inputs["stdin"])
    assert asked["bootstrapUser"] == "kubelet-bootstrap"
    assert {"tokenId", "tokenSecret", "groups"}.isdisjoint(asked)
    # The kubelet waits for the approval, so that is beside it.
    assert not graph.follows("worker-1-csr-approval", "worker-1-kubelet")
    assert "--bootstrap-kubeconfig" in graph.resources["worker-1-kubelet"].inputs["stdin"]
    # Its rights are there before it may ask.
    assert graph.follows("worker-1-kubelet", "cluster-renew")


def test_a_token_of_all_nodes_is_bound_only_if_asked(tmp_path: Path) -> None:
    assert bindings(with_static(tmp_path)) == {"cluster-renew": "selfnodeclient"}
    graph = with_static(tmp_path, static={"binding": True, "user": "node-bootstrap"})
    assert bindings(graph) == {"cluster-join": "node-bootstrapper", "cluster-renew": "selfnodeclient"}
    join = graph.resources["cluster-join"].inputs
    assert join["metadata"]["name"].startswith("kubenode:")
    assert join["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "node-bootstrap"}
    ]
    assert graph.follows("worker-1-credentials", "cluster-join")


def test_every_approval_works_with_a_token_of_all_nodes(tmp_path: Path) -> None:
    rbac = with_static(tmp_path, approval="rbac")
    assert bindings(rbac) == {"cluster-renew": "selfnodeclient", "cluster-approve": "nodeclient"}
    (subject,) = rbac.resources["cluster-approve"].inputs["subjects"]
    assert (subject["kind"], subject["name"]) == ("User", "kubelet-bootstrap")
    manual = with_static(tmp_path, approval="manual")
    assert manual.follows("worker-1-csr-approval", "worker-1-kubelet")
    approval = manual.resources["worker-1-csr-approval"].inputs["stdin"]
    assert loaded(approval)["approval"] == "manual"
    assert "set | approval manual" in manual.resources["worker-1-kubelet"].inputs["stdin"]


def test_without_the_token_s_file_a_preview_shows_no_change(tmp_path: Path) -> None:
    raw = example.changed(
        example.raw(), {"identity": {"client": "static", "static": {"tokenFile": "nowhere"}}}
    )
    example.write_project(tmp_path)
    settings = load(raw, tmp_path)
    assert [problem.path for problem in settings.missing] == ["identity.static.tokenFile"]
    request = graph_of(settings).resources["worker-1-credentials"].request
    assert list(request.ignoreChanges) == ["stdin"]
    assert list(with_static(tmp_path).resources["worker-1-credentials"].request.ignoreChanges) == []


def test_a_service_account_s_token_stands_on_the_hosts_and_nowhere_readable(tmp_path: Path) -> None:
    graph = issued(tmp_path, kubeProxy="serviceAccount")
    assert not [
        name for name in graph.resources if name.startswith(NAME) and "account" not in name and name != NAME
    ]
    account, secret = (graph.resources[f"{NAME}-account{end}"].inputs for end in ("", "-token"))
    name = account["metadata"]["name"]
    assert name.startswith("kubenode-")
    assert account["metadata"]["namespace"] == secret["metadata"]["namespace"] == "kube-system"
    assert account["automountServiceAccountToken"] is False
    assert secret["type"] == "kubernetes.io/service-account-token"
    assert secret["metadata"]["annotations"]["kubernetes.io/service-account.name"] == name
    binding = graph.resources[NAME].inputs
    assert binding["roleRef"]["name"] == "system:node-proxier"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}]
    holders = sorted(one.name for one in graph.resources.values() if SERVICE_ACCOUNT_TOKEN in str(one.inputs))
    assert holders == ["worker-1-credentials", "worker-2-credentials"]
    stdin = graph.resources["worker-1-credentials"].inputs["stdin"]
    assert is_secret(stdin)
    assert (
        "file | kube-proxy.kubeconfig 0600 root:root /etc/kubernetes/kube-proxy.kubeconfig" in stdin["value"]
    )
    # Another token restarts kube-proxy, and a preview shows the rest of its bundle.
    proxy = graph.resources["worker-1-kube-proxy"].inputs["stdin"]
    assert f"set | token {digest(SERVICE_ACCOUNT_TOKEN)}" in proxy
    assert graph.outputs["cluster"]["kubeProxyCertificateExpires"] is None


def test_where_the_cluster_has_its_own_kube_proxy_no_service_account_is_made(tmp_path: Path) -> None:
    changes = {
        "identity": {"kubeProxy": "serviceAccount"},
        "kubeProxy": {"mode": "existing"},
        "nodes/worker-2/kubeProxy": {},
    }
    graph = graph_of(example.stack(tmp_path, changes))
    assert not [name for name in graph.resources if name.startswith(NAME)]


def test_the_api_server_s_user_is_bound_only_if_asked(tmp_path: Path) -> None:
    assert "cluster-kubelet-api" not in bindings(issued(tmp_path))
    graph = issued(tmp_path, kubeletApiUser="kube-apiserver-kubelet-client")
    assert bindings(graph)["cluster-kubelet-api"] == "kubelet-api-admin"
    (subject,) = graph.resources["cluster-kubelet-api"].inputs["subjects"]
    assert (subject["kind"], subject["name"]) == ("User", "kube-apiserver-kubelet-client")
    assert graph.resources["cluster-kubelet-api"].inputs["metadata"]["name"].endswith(":kubelet-api")


@pytest.mark.parametrize("identity", [{}, {"approval": "rbac"}, {"kubeProxy": "serviceAccount"}])
def test_nothing_is_bound_beyond_the_built_in_roles_of_nodes(
    identity: dict[str, str], tmp_path: Path
) -> None:
    roles = set(bindings(issued(tmp_path, **identity)).values())
    assert roles <= {"node-bootstrapper", "selfnodeclient", "nodeclient", "node-proxier"}


def test_a_token_that_never_came_is_an_error_and_not_an_empty_kubeconfig(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    with pytest.raises(pulumi.RunError, match="the Secret kube-system/x has no token"):
        decoded(None, "kube-system/x")
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert decoded(None, "kube-system/x") == ""
