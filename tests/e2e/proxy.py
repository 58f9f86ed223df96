"""A proxy on this machine that wants a name and a password, and notes what was asked of it."""

from __future__ import annotations

import base64
import http.client
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PER_HOP = ("connection", "proxy-authorization", "proxy-connection", "transfer-encoding", "keep-alive")


@dataclass
class Proxy:
    """`asked`: every URL that was let through; `refused`: those without the right password."""

    url: str
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextmanager
def proxy(address: str, user: str, password: str, names: Mapping[str, str]) -> Iterator[Proxy]:
    """A proxy for http URLs. `names`: addresses of hosts whose names this machine does not know."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Proxy-Authorization") != wanted:
                noted.refused.append(self.path)
                self.send_response(407)
                self.send_header("Proxy-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            noted.asked.append(self.path)
            to = urlsplit(self.path)
            upstream = http.client.HTTPConnection(
                names.get(str(to.hostname), str(to.hostname)), to.port or 80, timeout=60
            )
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _PER_HOP}
            path = f"{to.path or '/'}?{to.query}" if to.query else to.path or "/"
            upstream.request(self.command, path, headers={**kept, "Connection": "close"})
            reply = upstream.getresponse()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in _PER_HOP:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while data := reply.read(1 << 16):
                self.wfile.write(data)
            upstream.close()
            self.close_connection = True

        do_HEAD = do_GET  # noqa: N815 - the server's name for it

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    noted = Proxy(f"http://{user}:{password}@{address}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield noted
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
