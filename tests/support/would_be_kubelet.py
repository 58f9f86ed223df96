"""Plays a kubelet towards the API server: joins with a bootstrap token, asks for certificates, renews its
Lease, answers /healthz and /metrics with its serving certificate, and ends pods that are to go.

Owns nothing of a real kubelet's work: no pods ever run. For tests of what happens around one.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import ssl
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from tests.support.apiserver import ApiError, ApiServer, Client, Key, key_pem, machine_address, new_key

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"


def request_pem(
    key: Key,
    common_name: str,
    organizations: Sequence[str] = ("system:nodes",),
    dns_names: Sequence[str] = (),
    ips: Sequence[str] = (),
) -> str:
    """A request as a kubelet makes it."""
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in organizations]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def signing_request(pem: str, signer: str, usages: Sequence[str], **spec: Any) -> dict[str, Any]:
    """A CertificateSigningRequest object with a generated name, as a kubelet's."""
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "csr-"},
        "spec": {
            "request": base64.b64encode(pem.encode()).decode(),
            "signerName": signer,
            "usages": list(usages),
            **spec,
        },
    }


class WouldBeKubelet:
    """One played node. Start it with `join` (bootstrap token) or `adopt` (certificate given)."""

    def __init__(self, server: ApiServer, node: str, *, version: str = "v1.37.2", ready: bool = True) -> None:
        self.server = server
        self.node = node
        self.version = version
        self.ready = ready
        self.machine_id = uuid.uuid4().hex
        self.address = machine_address()
        self.started = time.time()
        self.serving_request: dict[str, Any] = {"dns_names": [node], "ips": [self.address]}
        self.configuration: dict[str, Any] | None = None
        self.ends_pods = True
        self.client: Client | None = None
        self.errors: list[str] = []
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._httpd: http.server.ThreadingHTTPServer | None = None
        self._directory = Path(tempfile.mkdtemp(prefix="would-be-kubelet-"))
        self._status = {"code": 200}

    def __enter__(self) -> WouldBeKubelet:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        assert self._httpd is not None
        return int(self._httpd.server_address[1])

    def join(self, token: str) -> None:
        """Joins in the background, as a kubelet that was just started with a bootstrap kubeconfig."""
        self._listen()
        self._run(lambda: self._join(token))

    def adopt(self) -> None:
        """Is a node that has been here for long: certificates of the test's own authority."""
        self._listen()
        user = f"system:node:{self.node}"
        self.client = self.server.client(*("", *self.server.authority.issue(user, ["system:nodes"])))
        self._serve(
            *self.server.authority.issue(user, ["system:nodes"], ips=[self.address], dns_names=[self.node])
        )
        self.register()
        self._run(self._live)

    def register(self) -> None:
        """Creates the Node unless it is there, and writes its status."""
        client = self._own()
        with contextlib.suppress(ApiError):
            client.post("/api/v1/nodes", {"metadata": {"name": self.node}})
        self.report()
        self.renew()

    def report(self) -> None:
        """Writes the node's status."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {
            "type": "Ready",
            "status": "True" if self.ready else "False",
            "reason": "KubeletReady" if self.ready else "KubeletNotReady",
            "message": "kubelet is posting ready status" if self.ready else "cni plugin not initialized",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        self._own().merge(
            f"/api/v1/nodes/{self.node}/status",
            {
                "status": {
                    "addresses": [
                        {"type": "InternalIP", "address": self.address},
                        {"type": "Hostname", "address": self.node},
                    ],
                    "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
                    "nodeInfo": {"kubeletVersion": self.version, "machineID": self.machine_id},
                    "conditions": [condition],
                }
            },
        )

    def renew(self) -> None:
        """Renews the Lease."""
        client = self._own()
        spec = {
            "holderIdentity": self.node,
            "leaseDurationSeconds": 40,
            "renewTime": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        path = f"{LEASES}/{self.node}"
        if client.find(path) is None:
            client.post(LEASES, {"metadata": {"name": self.node}, "spec": spec})
        else:
            client.merge(path, {"spec": spec})

    def answer(self, code: int) -> None:
        """What /healthz and /metrics answer with from now on."""
        self._status["code"] = code

    def stop(self) -> None:
        self._ending.set()
        if self._httpd is not None:
            self._httpd.shutdown()
            self._httpd.server_close()
        for thread in self._threads:
            thread.join(10)

    def _own(self) -> Client:
        assert self.client is not None, "the kubelet has no certificate yet"
        return self.client

    def _run(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the test looks at them; a thread cannot fail it
                if not self._ending.is_set():
                    self.errors.append(repr(error))

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _join(self, token: str) -> None:
        user = f"system:node:{self.node}"
        pair = self._certificate(
            self.server.client(token=token), CLIENT_SIGNER, ["digital signature", "client auth"], user, {}
        )
        if pair is None:
            return
        self.client = self.server.client(certificate=pair[0], key=pair[1])
        self.register()
        self._run(self._live)
        serving = self._certificate(
            self._own(), SERVING_SIGNER, ["digital signature", "server auth"], user, self.serving_request
        )
        if serving is not None:
            self._serve(*serving)

    def _certificate(
        self, client: Client, signer: str, usages: list[str], user: str, names: dict[str, Any]
    ) -> tuple[str, str] | None:
        key = new_key()
        body = signing_request(request_pem(key, user, **names), signer, usages)
        while True:
            try:
                name = client.post(REQUESTS, body)["metadata"]["name"]
                break
            except ApiError as error:
                # RBAC and tokens reach the API server's caches a moment after they were made.
                if error.code not in (401, 403) or self._ending.wait(0.2):
                    raise
        while not self._ending.wait(0.1):
            status = client.get(f"{REQUESTS}/{name}").get("status") or {}
            if "certificate" in status:
                return base64.b64decode(status["certificate"]).decode(), key_pem(key)
        return None

    def _live(self) -> None:
        ticks = 0
        while not self._ending.wait(0.3):
            ticks += 1
            if ticks % 10 == 0:
                self.renew()
            if self.ends_pods:
                self._end_pods()

    def _end_pods(self) -> None:
        admin = self.server.admin
        for pod in admin.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self.node}")["items"]:
            if pod["metadata"].get("deletionTimestamp"):
                namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
                admin.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", 0)

    def _listen(self) -> None:
        kubelet = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b"ok"
                if self.path.startswith("/metrics"):
                    body = f"# HELP x\nprocess_start_time_seconds {kubelet.started!r}\n".encode()
                if self.path.startswith("/configz") and kubelet.configuration is not None:
                    body = json.dumps({"kubeletconfig": kubelet.configuration}).encode()
                code = kubelet._status["code"]
                if code == 403:
                    body = b"Forbidden (user=kube-apiserver-kubelet-client, verb=get, resource=nodes)"
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

            def get_request(self) -> tuple[Any, Any]:
                connection, address = super().get_request()
                context = kubelet._context
                if context is None:
                    # What Go says when it has no certificate: alert 80, internal error.
                    connection.recv(4096)
                    connection.sendall(bytes([0x15, 3, 3, 0, 2, 2, 80]))
                    connection.close()
                    raise OSError("no serving certificate yet")
                connection.settimeout(10)
                return context.wrap_socket(connection, server_side=True), address

        self._context: ssl.SSLContext | None = None
        self._httpd = Server(("0.0.0.0", 0), Handler)
        self._run(self._httpd.serve_forever)

    def _serve(self, certificate: str, key: str) -> None:
        path = self._directory / "serving.pem"
        path.touch(mode=0o600)
        path.write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        self._context = context
