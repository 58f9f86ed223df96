"""Who a node is: certificates, what its kubelet answers to whom, and what is left of the token it joined with."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.local.arguments import loaded
from tests.e2e.cluster import http_status
from tests.e2e.hosts import CLIENT_CERTIFICATE, Host
from tests.e2e.lab import Lab

pytestmark = pytest.mark.sandbox

_LEASE_SECONDS = 60


@pytest.fixture(params=["worker-1", "worker-2"])
def host(request: pytest.FixtureRequest, deployed: Lab) -> Host:
    return deployed.host(str(request.param))


def test_logs_and_exec_go_through_tls_that_the_api_server_verifies(deployed: Lab) -> None:
    container = deployed.place.checkout.name("control-plane")
    command = subprocess.run(
        ["docker", "exec", container, "pgrep", "-a", "kube-apiserver"],
        env=deployed.place.env,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    assert "--kubelet-certificate-authority=" in command, "the API server does not verify kubelets"
    for name in deployed.cluster.pods():
        page = deployed.cluster.kubectl(
            "exec", "-n", "kubenode-verification", name, "--", "cat", "/usr/share/nginx/html/index.html"
        )
        assert "nginx" in page
        deployed.cluster.kubectl("logs", "-n", "kubenode-verification", name)


def test_the_serving_certificate_is_the_clusters_and_names_the_address(deployed: Lab, host: Host) -> None:
    certificate = _served(deployed, host)
    (common_name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == f"system:node:{host.name}"


def test_a_kubelet_answers_nobody_without_a_name(deployed: Lab, host: Host) -> None:
    context = ssl.create_default_context(cadata=deployed.cluster.ca_pem)
    for path in ("pods", "metrics", "configz"):
        assert http_status(f"https://{host.address}:10250/{path}", context) == 401
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.address, 10255), timeout=20)


def test_the_client_certificate_is_the_nodes_own(host: Host) -> None:
    certificate = x509.load_pem_x509_certificate(host.run(f"cat {CLIENT_CERTIFICATE}").encode())
    subject = {name.oid: name.value for name in certificate.subject}
    assert subject == {
        NameOID.COMMON_NAME: f"system:node:{host.name}",
        NameOID.ORGANIZATION_NAME: "system:nodes",
    }
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert host.run(f"stat -L -c '%a %U' {CLIENT_CERTIFICATE}") == "600 root"


def test_a_kubelet_that_starts_anew_asks_for_nothing(deployed: Lab) -> None:
    """Chapter 9 of the seed: the pair on the host is the node, not the bootstrap kubeconfig."""
    host = deployed.hosts[0]
    requests = set(deployed.cluster.requests_of_nodes())
    served = _served(deployed, host)
    client = host.run(f"sha256sum <{CLIENT_CERTIFICATE}")
    host.run("systemctl restart kubelet")
    renewed = deployed.cluster.lease_renewed(host.name)
    deadline = time.monotonic() + _LEASE_SECONDS
    while deployed.cluster.lease_renewed(host.name) == renewed:
        assert time.monotonic() < deadline, "the kubelet does not come back"
        time.sleep(0.5)
    assert set(deployed.cluster.requests_of_nodes()) == requests
    assert _served(deployed, host) == served
    assert host.run(f"sha256sum <{CLIENT_CERTIFICATE}") == client


def test_no_bootstrap_token_outlives_the_join(deployed: Lab) -> None:
    assert deployed.cluster.bootstrap_tokens() == []
    valid = deployed.cluster.kubectl("create", "token", "default").strip()
    assert deployed.cluster.status_with_token(valid) == 200, "a valid token is not told from others"
    tokens = _tokens(deployed)
    assert len(tokens) == len(deployed.hosts)
    for token in tokens:
        assert deployed.cluster.status_with_token(token) == 401


def test_secrets_lie_only_where_they_belong(deployed: Lab, host: Host) -> None:
    key = deployed.canaries["key of cluster-kube-proxy-key, base64"]
    assert _holders(host, key) == ["/etc/kubernetes/kube-proxy.kubeconfig"]
    assert host.run("stat -c '%a %U' /etc/kubernetes/kube-proxy.kubeconfig") == "600 root"
    own = {what for what in deployed.kubelets_keys() if what.endswith(f" {host.name}")}
    assert len(own) == 2
    for what, canary in deployed.canaries.items():
        if what in own:
            (path,) = _holders(host, canary)
            assert path.startswith("/var/lib/kubelet/pki/kubelet-"), what
            assert host.run(f"stat -c '%a %U' {path}") == "600 root"
        elif not what.startswith("key of cluster-kube-proxy"):
            assert _holders(host, canary) == [], what
    assert not host.exists("/etc/kubernetes/bootstrap.kubeconfig")


def _served(deployed: Lab, host: Host) -> x509.Certificate:
    """The certificate that its kubelet shows, verified."""
    context = ssl.create_default_context(cadata=deployed.cluster.ca_pem)
    with (
        socket.create_connection((host.address, 10250), timeout=20) as connection,
        context.wrap_socket(connection, server_hostname=host.address) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


def _holders(host: Host, text: str) -> list[str]:
    """Files of the host that hold a text; not those of its pods' images."""
    script = f"""
        cat >/dev/null <<'END'
END
        IFS= read -r wanted <<'END'
{text}
END
        grep -rlF --devices=skip -e "$wanted" /etc /root /usr/local /opt /run /tmp /var/lib/kubelet /var/lib/kubenode \
            /var/lib/cri-dockerd /var/log 2>/dev/null || :
    """
    return sorted(host.run(script).splitlines())


def _tokens(lab: Lab) -> list[str]:
    """Every bootstrap token that the stack knows, whole."""
    found = []
    for resource in json.loads(lab.state(show_secrets=True))["deployment"]["resources"]:
        if resource["urn"].endswith("-bootstrap-token") and resource["type"] == "command:local:Command":
            arguments = loaded(json.loads(resource["inputs"]["stdin"]["plaintext"]))
            found.append(f"{arguments['tokenId']}.{arguments['tokenSecret']}")
    return found
