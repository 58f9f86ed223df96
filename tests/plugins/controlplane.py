"""A small real control plane on loopback for the tests: etcd, kube-apiserver, kube-controller-manager.

No kubelet and no scheduler: nothing runs, but every object lives and dies as in a real cluster.
"""

import base64
import datetime
import ipaddress
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.plugins.tools import tool

TOKEN = "admin-token-of-a-test"
_START_SECONDS = 300  # a busy machine is slow
# The collector ends foreground deletions, the namespace controller ends namespaces; the others only cost
# time.
_CONTROLLERS = "garbage-collector-controller,namespace-controller,serviceaccount-controller"


@dataclass(frozen=True)
class ControlPlane:
    kubeconfig: str
    kubeconfig_file: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        command = [tool("kubectl"), "--kubeconfig", str(self.kubeconfig_file), *arguments]
        return subprocess.run(command, input=stdin, text=True, check=True, capture_output=True).stdout

    def exists(self, *arguments: str) -> bool:
        return bool(self.kubectl("get", *arguments, "--ignore-not-found", "-o", "name").strip())


@contextmanager
def control_plane(directory: Path) -> Iterator[ControlPlane]:
    etcd_port, peer_port, port = _free_ports(3)
    authority = _Authority()
    certificate, key = authority.save(directory)
    (directory / "tokens.csv").write_text(f"{TOKEN},admin,1,system:masters\n")
    kubeconfig = _kubeconfig(port, authority)
    file = directory / "kubeconfig"
    file.write_text(kubeconfig)
    with ExitStack() as stack:
        stack.enter_context(
            _process(
                directory,
                "etcd",
                f"--data-dir={directory}/etcd",
                f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
                f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
                f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
                f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
                "--unsafe-no-fsync",
            )
        )
        stack.enter_context(
            _process(
                directory,
                "kube-apiserver",
                f"--etcd-servers=http://127.0.0.1:{etcd_port}",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                f"--tls-cert-file={certificate}",
                f"--tls-private-key-file={key}",
                f"--client-ca-file={certificate}",
                f"--token-auth-file={directory}/tokens.csv",
                "--authorization-mode=RBAC",
                # As every control plane has it whose nodes run a pod network in pods.
                "--allow-privileged=true",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--endpoint-reconciler-type=none",
            )
        )
        _await_ready(directory, port, certificate)
        stack.enter_context(
            _process(
                directory,
                "kube-controller-manager",
                f"--kubeconfig={file}",
                f"--controllers={_CONTROLLERS}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                "--secure-port=0",
            )
        )
        yield ControlPlane(kubeconfig, file)


@contextmanager
def _process(directory: Path, name: str, *arguments: str) -> Iterator[None]:
    with (directory / f"{name}.log").open("w") as log:
        process = subprocess.Popen([tool(name), *arguments], stdout=log, stderr=log, cwd=directory)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(directory: Path, port: int, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    request = urllib.request.Request(
        f"https://127.0.0.1:{port}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, context=context, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError((directory / "kube-apiserver.log").read_text()[-2000:])


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class _Authority:
    """One key for all: the API server's certificate is its own authority, and signs the administrator's."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate_pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def save(self, directory: Path) -> tuple[Path, Path]:
        certificate_file, key_file = directory / "apiserver.crt", directory / "apiserver.key"
        certificate_file.write_bytes(self.certificate_pem)
        key_file.touch(0o600)
        key_file.write_bytes(_pem(self._key))
        return certificate_file, key_file

    def administrator(self) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
                x509.NameAttribute(NameOID.COMMON_NAME, "admin"),
            ]
        )
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            self._builder(name, key).add_extension(usage, critical=False).sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
        end = start + datetime.timedelta(days=1)
        serial = x509.random_serial_number()
        return x509.CertificateBuilder(self._name, name, key.public_key(), serial, start, end)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _kubeconfig(port: int, authority: _Authority) -> str:
    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    certificate, key = authority.administrator()
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": encoded(authority.certificate_pem),
    }
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
        }
    )
