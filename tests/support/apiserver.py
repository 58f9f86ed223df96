"""A real API server for tests: etcd, kube-apiserver and kube-controller-manager on this machine, in about 4
s.

Owns starting, readiness, credentials and the end of the three processes. RBAC and Node authorization,
NodeRestriction, bootstrap tokens, signing of requests, verified TLS towards kubelets. No scheduler and no
kubelet: a test that wants a node plays it (`tests/support/would_be_kubelet.py`).

    with apiserver.running(tmp_path) as server:
        server.kubectl("get", "nodes")            # as an admin
        server.kubeconfig                         # path of the admin's kubeconfig
        server.kubeconfig_for(token="abc.def")    # contents for somebody else
        server.admin.post("/api/v1/nodes", {...})  # plain HTTP, without a process
"""

from __future__ import annotations

import base64
import datetime
import functools
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.tools import Tools, ensure

Key = ec.EllipticCurvePrivateKey

# What the tests need, and no more: without nodelifecycle nobody marks a played node NotReady behind a test's
# back.
CONTROLLERS = (
    "nodelifecycle",
    "csrsigning",
    "csrapproving",
    "disruption",
    "serviceaccount",
    "serviceaccount-token",
    "namespace",
    "root-ca-cert-publisher",
    "tokencleaner",
)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own."""

    certificate: x509.Certificate
    key: Key

    @classmethod
    def make(cls, name: str) -> Authority:
        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def issue(
        self,
        common_name: str,
        organizations: Sequence[str] = (),
        ips: Sequence[str] = (),
        dns_names: Sequence[str] = (),
        valid_for: datetime.timedelta = datetime.timedelta(days=1),
    ) -> tuple[str, str]:
        """Certificate and key as PEM, for client and server authentication."""
        key = new_key()
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        subject += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in organizations]
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + valid_for)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
        )
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return certificate_pem(builder.sign(self.key, hashes.SHA256())), key_pem(key)

    @property
    def pem(self) -> str:
        return certificate_pem(self.certificate)


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, code: int, body: str) -> None:
        super().__init__(f"{code}: {body}")
        self.code = code


class Client:
    """Plain HTTP to the API server as one user: with a token, or with a certificate and its key (PEM)."""

    def __init__(
        self,
        url: str,
        ca: str,
        *,
        token: str = "",
        certificate: str = "",
        key: str = "",
        user_agent: str = "test",
    ) -> None:
        self._url = url
        self._headers = {"User-Agent": user_agent}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._context = ssl.create_default_context(cadata=ca)
        if certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(certificate + key)
                file.flush()
                self._context.load_cert_chain(file.name)

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request; raises ApiError for anything but success."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": kind} if data is not None else self._headers
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=20) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text.startswith("{") else text

    def get(self, path: str) -> Any:
        return self.request("GET", path)

    def find(self, path: str) -> Any:
        """As get; None when there is no such object."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def post(self, path: str, body: Any) -> Any:
        return self.request("POST", path, body)

    def merge(self, path: str, body: Any) -> Any:
        """A JSON merge patch."""
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, grace_period_seconds: int | None = None) -> Any:
        body = None if grace_period_seconds is None else {"gracePeriodSeconds": grace_period_seconds}
        try:
            return self.request("DELETE", path, body)
        except ApiError as error:
            if error.code == 404:
                return None
            raise


@dataclass
class ApiServer:
    """A running API server. Make one with `running`."""

    directory: Path
    url: str
    authority: Authority
    kubectl_path: str
    kubeconfig: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Runs kubectl, as the admin unless told otherwise; fails with what it said."""
        done = subprocess.run(
            [self.kubectl_path, f"--kubeconfig={kubeconfig or self.kubeconfig}", *arguments],
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "HOME": str(self.directory)},
        )
        if done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    @functools.cached_property
    def admin(self) -> Client:
        """The admin, without the cost of a kubectl process."""
        certificate, key = ((self.directory / f"admin.{end}").read_text() for end in ("crt", "key"))
        return self.client(certificate=certificate, key=key)

    def client(self, token: str = "", certificate: str = "", key: str = "") -> Client:
        return Client(self.url, self.authority.pem, token=token, certificate=certificate, key=key)

    def kubeconfig_for(self, token: str = "", certificate: str = "", key: str = "") -> str:
        """The contents of a kubeconfig for a token, or for a certificate and its key (PEM)."""
        user: dict[str, str] = {}
        if token:
            user["token"] = token
        if certificate:
            user["client-certificate-data"] = base64.b64encode(certificate.encode()).decode()
            user["client-key-data"] = base64.b64encode(key.encode()).decode()
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": "test",
                        "cluster": {
                            "server": self.url,
                            "certificate-authority-data": base64.b64encode(
                                self.authority.pem.encode()
                            ).decode(),
                        },
                    }
                ],
                "users": [{"name": "user", "user": user}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
                "current-context": "test",
            },
            indent=1,
        )

    def stop(self, name: str) -> None:
        """Stops one process, as a test of what happens without it."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start(self, name: str) -> None:
        """Starts one process (again)."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.commands[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory
            )

    def wait_ready(self, seconds: float = 240) -> None:
        """Waits for /readyz and for the controllers that a test relies on."""
        self._until("kube-apiserver", self._is_ready, seconds)
        if "kube-controller-manager" in self.processes:
            self._until("kube-controller-manager", self._has_default_service_account, seconds)

    def _is_ready(self) -> bool:
        try:
            self.admin.get("/readyz")
        except (OSError, ApiError):
            return False
        return True

    def _has_default_service_account(self) -> bool:
        return self.admin.find("/api/v1/namespaces/default/serviceaccounts/default") is not None

    def _until(self, name: str, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            process = self.processes[name]
            if process.poll() is not None or time.monotonic() > deadline:
                tail = (self.directory / f"{name}.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{name} is not ready (exit status {process.poll()}):\n{tail}")
            time.sleep(0.1)


@contextmanager
def running(
    directory: Path | None = None,
    controllers: Sequence[str] = CONTROLLERS,
    controller_manager_flags: Sequence[str] = (),
) -> Iterator[ApiServer]:
    """Starts the three processes and stops them at the end."""
    own = directory is None
    folder = Path(tempfile.mkdtemp(prefix="kubenode-apiserver-")) if directory is None else directory
    server = _prepared(folder, controllers)
    server.commands["kube-controller-manager"] += controller_manager_flags
    try:
        for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
            server.start(name)
        server.wait_ready()
        yield server
    finally:
        for name in reversed(list(server.processes)):
            server.stop(name)
        if own:
            shutil.rmtree(folder, ignore_errors=True)


def machine_address() -> str:
    """An address of this machine that is not loopback: the API server connects to no kubelet on a loopback
    address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@functools.cache
def tools() -> Tools:
    """The programs used here: the sandbox's own builds, or with KUBENODE_TOOLS=system those on PATH."""
    return ensure(["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"])


def tool(name: str) -> str:
    return str(tools().path(name))


def _prepared(directory: Path, controllers: Sequence[str]) -> ApiServer:
    authority = Authority.make("kubenode-test-ca")
    etcd_port, peer_port, api_port, manager_port = free_ports(4)
    url = f"https://127.0.0.1:{api_port}"

    def write(name: str, content: str) -> Path:
        path = directory / name
        path.touch(mode=0o600)
        path.write_text(content)
        return path

    def write_pair(name: str, pair: tuple[str, str]) -> tuple[str, str]:
        return str(write(f"{name}.crt", pair[0])), str(write(f"{name}.key", pair[1]))

    ca = str(write("ca.crt", authority.pem))
    ca_key = str(write("ca.key", key_pem(authority.key)))
    serving_certificate, serving_key = write_pair(
        "apiserver",
        authority.issue("kube-apiserver", ips=["127.0.0.1", "10.96.0.1"], dns_names=["kubernetes"]),
    )
    admin = authority.issue("kubenode-admin", ["system:masters"])
    write_pair("admin", admin)
    manager = authority.issue("system:kube-controller-manager")
    kubelet_client = write_pair(
        "kubelet-client", authority.issue("kube-apiserver-kubelet-client", ["system:masters"])
    )
    account_key = str(write("sa.key", key_pem(new_key())))
    server = ApiServer(directory, url, authority, tool("kubectl"), directory / "admin.kubeconfig")
    write("admin.kubeconfig", server.kubeconfig_for(certificate=admin[0], key=admin[1]))
    write("manager.kubeconfig", server.kubeconfig_for(certificate=manager[0], key=manager[1]))
    server.commands = {
        "etcd": [
            tool("etcd"),
            f"--data-dir={directory}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            tool("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={api_port}",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-bootstrap-token-auth",
            f"--client-ca-file={ca}",
            f"--tls-cert-file={serving_certificate}",
            f"--tls-private-key-file={serving_key}",
            f"--kubelet-client-certificate={kubelet_client[0]}",
            f"--kubelet-client-key={kubelet_client[1]}",
            f"--kubelet-certificate-authority={ca}",
            "--kubelet-preferred-address-types=InternalIP,Hostname",
            f"--service-account-key-file={account_key}",
            f"--service-account-signing-key-file={account_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
        ],
        "kube-controller-manager": [
            tool("kube-controller-manager"),
            f"--kubeconfig={directory}/manager.kubeconfig",
            "--bind-address=127.0.0.1",
            f"--secure-port={manager_port}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={account_key}",
            f"--root-ca-file={ca}",
            f"--cluster-signing-cert-file={ca}",
            f"--cluster-signing-key-file={ca_key}",
            f"--controllers={','.join(controllers)}",
            # Kubelets are played here: only what a test says of a node's health counts.
            "--node-monitor-period=1s",
            "--node-monitor-grace-period=1h",
            "--node-startup-grace-period=1h",
        ],
    }
    return server
