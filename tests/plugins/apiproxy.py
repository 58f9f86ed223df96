"""An API server that is not always well: a proxy before the tests' own one.

Owns which answers go wrong. It knows the administrator's token itself, so that a kubeconfig needs none, and takes whole
addresses too, as a forwarding proxy does.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

import yaml

from tests.plugins.controlplane import TOKEN, ControlPlane

_HOP_BY_HOP: Final = {"connection", "host", "transfer-encoding", "content-length", "authorization"}


@dataclass
class Hiccup:
    """What goes wrong with the requests of this method whose path matches, as often as `times` says.

    `status` None: the connection is lost."""

    method: str
    path: str
    status: int | None
    times: int
    retry_after: str | None = None
    seen: int = 0

    def takes(self, method: str, path: str) -> bool:
        if method != self.method or not re.search(self.path, path):
            return False
        self.seen += 1
        return self.seen <= self.times


@dataclass
class ApiProxy:
    port: int
    hiccups: list[Hiccup] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def kubeconfig(self) -> str:
        return yaml.safe_dump(
            {
                "current-context": "c",
                "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": ""}}],
            }
        )


@contextmanager
def api_proxy(cluster: ControlPlane) -> Iterator[ApiProxy]:
    server = urlsplit(yaml.safe_load(cluster.kubeconfig)["clusters"][0]["cluster"]["server"])
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is in its certificate is no matter of these tests
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
            """Nobody reads it."""

        def _answer(self) -> None:
            whole = urlsplit(self.path)
            path = f"{whole.path}?{whole.query}" if whole.query else whole.path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                proxy.requests.append(f"{self.command} {path}")
                hiccup = next((each for each in proxy.hiccups if each.takes(self.command, path)), None)
            if hiccup is not None:
                if hiccup.status is not None:
                    self.send_response(hiccup.status)
                    if hiccup.retry_after:
                        self.send_header("Retry-After", hiccup.retry_after)
                    self.end_headers()
                return
            upstream = http.client.HTTPSConnection(server.hostname or "", server.port, context=context)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers["Authorization"] = f"Bearer {TOKEN}"
            upstream.request(self.command, path, body=body, headers=headers)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            while part := answer.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base's own names

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http_server.daemon_threads = True
    proxy = ApiProxy(http_server.server_address[1])
    thread = threading.Thread(target=http_server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        http_server.shutdown()
        http_server.server_close()
        thread.join()
