"""A kubelet whose client certificate has ended, is damaged or gone: `up` heals it, and nothing else changes."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.e2e import control_plane, without_api
from tests.e2e.auditing import audit
from tests.e2e.cluster import Json, is_ready
from tests.e2e.hosts import CLIENT_CERTIFICATE, Host
from tests.e2e.killing import wait_until
from tests.e2e.lab import Lab
from tests.e2e.stack import Step

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_SILENT_SECONDS = 180
_HEALED = ("bootstrap-token", "credentials", "csr-approval", "in-service", "kubelet")


def _expired(lab: Lab) -> str:
    """A certificate of worker-1 that the cluster's own authority signed, and that ended a minute ago; with its key."""
    authority = x509.load_pem_x509_certificate(lab.cluster.ca_pem.encode())
    signing = serialization.load_pem_private_key(control_plane.authority_key(lab.place).encode(), None)
    assert isinstance(signing, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey))
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
        x509.NameAttribute(NameOID.COMMON_NAME, "system:node:worker-1"),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now - timedelta(minutes=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signing, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return (certificate.public_bytes(serialization.Encoding.PEM) + plain).decode()


def _spoil(lab: Lab, host: Host, how: str) -> None:
    """The kubelet is stopped meanwhile, as the host was off; it is left to try to run."""
    host.run("systemctl stop kubelet")
    if how == "expired":
        encoded = base64.b64encode(_expired(lab).encode()).decode()
        host.run(f'base64 -d <<<"{encoded}" >"$(readlink -f {CLIENT_CERTIFICATE})"')
    elif how == "damaged":
        host.run(f'echo damaged >"$(readlink -f {CLIENT_CERTIFICATE})"')
    else:
        host.run("rm -f /var/lib/kubelet/pki/kubelet-client-* /etc/kubernetes/kubelet.kubeconfig")
    host.run("systemctl start kubelet", check=False)


def _ready(node: Json) -> str:
    return next(str(one["status"]) for one in node["status"]["conditions"] if one["type"] == "Ready")


def _until_silent(lab: Lab, name: str) -> None:
    deadline = time.monotonic() + _SILENT_SECONDS
    while _ready(lab.cluster.nodes()[name]) != "Unknown":
        assert time.monotonic() < deadline, "the Node is not given up"
        time.sleep(2)


@pytest.mark.parametrize("how", ["expired", "damaged", "deleted"])
def test_a_kubelet_that_lost_its_certificate_is_healed_alone(deployed: Lab, how: str) -> None:
    lab, host = deployed, deployed.host("worker-1")
    serial = host.run(f"sha256sum {CLIENT_CERTIFICATE}")
    started = host.started("kube-proxy")
    others = lab.connections()["worker-2"]
    pods = {name: pod["metadata"]["uid"] for name, pod in lab.cluster.pods().items()}
    _spoil(lab, host, how)
    _until_silent(lab, "worker-1")

    preview = lab.stack.preview("--diff").demand().text
    assert "nodes.worker-1: not heard of since " in preview
    assert "+ set | heal " in preview
    assert lab.stack.planned() == sorted(
        (
            Step(
                "update",
                f"command:{'remote' if part in ('credentials', 'kubelet') else 'local'}:Command",
                f"worker-1-{part}",
            )
            for part in _HEALED
        ),
        key=lambda step: (step.name, step.type),
    )
    lab.stack.up().demand()

    node = lab.cluster.nodes()["worker-1"]
    assert is_ready(node)
    assert not node["spec"].get("unschedulable")
    assert host.run(f"sha256sum {CLIENT_CERTIFICATE}") != serial
    assert not host.exists("/etc/kubernetes/bootstrap.kubeconfig")
    assert lab.cluster.bootstrap_tokens() == []
    assert host.started("kube-proxy") == started
    assert lab.connections()["worker-2"] == others
    assert {name: pod["metadata"]["uid"] for name, pod in lab.cluster.pods().items()} == pods
    lab.stack.preview("--expect-no-changes").demand()
    with without_api.known(lab), without_api.away(lab):
        shown = lab.stack.preview("--expect-no-changes").demand().text
        assert "the API server could not be asked" in shown
    logins = lab.connections()
    lab.stack.up().demand()
    assert lab.connections() == logins, "a node that was healed is not left alone"


def test_a_kubelet_that_lost_everything_is_mended_while_its_node_looks_well(deployed: Lab) -> None:
    lab, host = deployed, deployed.host("worker-1")
    serial = host.run(f"sha256sum {CLIENT_CERTIFICATE}")
    _spoil(lab, host, "deleted")
    wait_until(lambda: host.unit("kubelet") != "active", "its kubelet does not get up")
    assert is_ready(lab.cluster.nodes()["worker-1"])
    code, said = audit(lab, "worker-1", "--reconcile", "--yes")
    assert code == 0, said
    lab.note_deployed()
    assert is_ready(lab.cluster.nodes()["worker-1"])
    assert host.run(f"sha256sum {CLIENT_CERTIFICATE}") != serial
    assert not host.exists("/etc/kubernetes/bootstrap.kubeconfig")
    assert lab.cluster.bootstrap_tokens() == []
    lab.stack.preview("--expect-no-changes").demand()


def test_a_host_that_is_off_fails_no_run(deployed: Lab) -> None:
    lab, host = deployed, deployed.host("worker-1")
    with host.cut_off():
        _until_silent(lab, "worker-1")
        result = lab.stack.up("--expect-no-changes").demand()
        assert "its host does not answer, so nothing is done about it" in result.text
    deadline = time.monotonic() + _SILENT_SECONDS
    while not is_ready(lab.cluster.nodes()["worker-1"]):
        assert time.monotonic() < deadline, "the host does not come back"
        time.sleep(2)
    lab.stack.preview("--expect-no-changes").demand()
