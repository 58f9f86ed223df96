"""An authority's certificates before a real API server, and which authority that says it trusts."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.identity import kubeconfigs
from components.identity.kubeconfigs import KeyPair
from components.kubelet import files as kubelet
from components.pki.issued import KUBELET_CLIENT, KUBELET_SERVING
from components.rendering import yaml_text
from components.settings.authority import is_among
from components.settings.defaults import CA_PATH
from sandbox.plugins.tls import CertRequest
from sandbox.plugins.tlscerts import LocallySignedCert
from sandbox.tools import ToolError, locate
from tests.components import example
from tests.components.local.cluster import requests_of, until
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiError, ApiServer, Authority, key_pem, new_key
from tests.support.would_be_kubelet import request_pem

pytestmark = pytest.mark.sandbox


def signed(authority: Authority, common_name: str, uses: list[str]) -> tuple[str, str]:
    """Certificate and key, as pulumi-tls makes them of the stack's inputs."""
    key = key_pem(new_key())
    _, request = CertRequest().make({"privateKeyPem": key, "subject": {"commonName": common_name}})
    _, made = LocallySignedCert().make(
        {
            **LocallySignedCert.defaults,
            "caCertPem": authority.pem,
            "caPrivateKeyPem": key_pem(authority.key),
            "certRequestPem": request["certRequestPem"],
            "allowedUses": uses,
            "validityPeriodHours": 1,
        }
    )
    return made["certPem"], key


def user_of(server: ApiServer, pair: tuple[str, str]) -> dict[str, object]:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    client = server.client(certificate=pair[0], key=pair[1])
    answer = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    found: dict[str, object] = answer["status"]["userInfo"]
    return found


def test_the_api_server_takes_what_its_authority_signed_and_no_other_s(api_server: ApiServer) -> None:
    uses = ["digital_signature", "client_auth"]
    user = user_of(api_server, signed(api_server.authority, "system:kube-proxy", uses))
    assert user["username"] == "system:kube-proxy"
    assert user["groups"] == ["system:authenticated"]
    with pytest.raises(ApiError, match="401"):
        user_of(api_server, signed(Authority.make("kubenode-test-ca"), "system:kube-proxy", uses))
    with pytest.raises(ApiError, match="401"):
        user_of(api_server, signed(api_server.authority, "system:kube-proxy", ["server_auth"]))


PURPOSES = {
    "client": (KUBELET_CLIENT, "system:node:given", [], []),
    "server": (KUBELET_SERVING, "system:node:given", ["given"], ["10.0.0.7", "fd00::7"]),
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_cluster_s_signers_sign_for_a_kubelet_what_an_administrator_asks_for(
    api_server: ApiServer, run: Run, purpose: str
) -> None:
    what, user, dns_names, ips = PURPOSES[purpose]
    key = new_key()
    outcome = run(
        "signed-certificate",
        "apply",
        name=f"given-kubelet-{purpose}",
        stack="o/p/dev",
        request=request_pem(key, user, dns_names=dns_names, ips=ips),
        signerName=what.signer,
        usages=list(what.usages),
        expirationSeconds=3600,
        notBefore="2026-01-01T00:00:00Z",
        expectedCommonName=user,
        expectedOrganizations=["system:nodes"],
    )
    certificate = x509.load_pem_x509_certificate(outcome.stdout.encode())
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    oid = ExtendedKeyUsageOID.CLIENT_AUTH if purpose == "client" else ExtendedKeyUsageOID.SERVER_AUTH
    assert list(usage) == [oid]
    if purpose == "server":
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == dns_names
        assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ips
    else:
        who = user_of(api_server, (outcome.stdout, key_pem(key)))
        assert (who["username"], "system:nodes" in str(who["groups"])) == (user, True)


def test_a_kubelet_asks_with_what_it_is_given_for_one_of_its_own_if_it_may(
    api_server: ApiServer, tmp_path: Path
) -> None:
    """A real one, which ends for lack of a container runtime. So the way from issued to bootstrap needs no token."""
    node = "given-and-asking"
    # For this node alone: other tests of this cluster count on requests that nobody approves.
    role = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
    api_server.kubectl(
        "create",
        "clusterrolebinding",
        "kubenode-test-renew",
        f"--clusterrole={role}",
        f"--user=system:node:{node}",
    )
    kubeconfig = kubeconfigs.kubelet(
        api_server.url,
        node,
        KeyPair(*api_server.authority.issue(f"system:node:{node}", ["system:nodes"])),
    ).content
    (tmp_path / "ca.pem").write_text(api_server.authority.pem)
    (tmp_path / "kubeconfig").write_text(kubeconfig.replace(CA_PATH, str(tmp_path / "ca.pem")))
    for client in ("issued", "bootstrap"):
        settings = example.stack(tmp_path, {"identity": {"client": client}}).nodes["worker-1"]
        configuration = {
            **kubelet.configuration(settings),
            "authentication": {"x509": {"clientCAFile": str(tmp_path / "ca.pem")}},
            "containerRuntimeEndpoint": f"unix://{tmp_path}/none.sock",
            "address": "127.0.0.1",
            "failCgroupV1": False,
            "failSwapOn": False,
        }
        (tmp_path / "kubelet.yaml").write_text(yaml_text(configuration))
        bootstrap = [] if client == "issued" else [f"--bootstrap-kubeconfig={tmp_path}/none"]
        with _running_kubelet(tmp_path, [f"--hostname-override={node}", *bootstrap]) as log:
            if client == "issued":
                # It is past its identity when it has begun to look for the runtime.
                until(partial(_has_started, log))
                time.sleep(2)
                assert "Client rotation is on" not in log.read_text()
                assert requests_of(api_server, f"system:node:{node}") == []
            else:
                until(lambda: requests_of(api_server, f"system:node:{node}"))
    (request,) = requests_of(api_server, f"system:node:{node}")
    assert request["spec"]["signerName"] == KUBELET_CLIENT.signer
    until(lambda: requests_of(api_server, f"system:node:{node}")[0]["status"].get("certificate"))


def _has_started(log: Path) -> bool:
    return "Kubelet version" in log.read_text()


@contextmanager
def _running_kubelet(directory: Path, flags: list[str]) -> Iterator[Path]:
    """A kubelet that waits for a runtime which never answers; yields its log."""
    try:
        program = locate(["kubelet"]).path("kubelet")
    except ToolError as error:
        pytest.skip(str(error))
    log = directory / "kubelet.log"
    command = [
        str(program),
        f"--config={directory}/kubelet.yaml",
        f"--kubeconfig={directory}/kubeconfig",
        f"--root-dir={directory}/root",
        f"--cert-dir={directory}/pki",
        "--v=2",
        *flags,
    ]
    (directory / "none.sock").unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as silent, log.open("w") as output:
        silent.bind(str(directory / "none.sock"))
        silent.listen()
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield log
        finally:
            process.kill()
            process.wait()


def test_the_api_server_says_which_authority_it_trusts(api_server: ApiServer, run: Run) -> None:
    outcome = run(
        "api-read", "apply", nodes=["w1"], stack="o/p/dev", kubeconfigFile=str(api_server.kubeconfig)
    )
    trusted = json.loads(outcome.stdout)["clientAuthorities"]
    assert is_among(api_server.authority.pem, trusted) is True
    assert is_among(Authority.make("kubenode-test-ca").pem, trusted) is False
