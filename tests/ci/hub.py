"""As much of GitHub's API as a comment needs, on this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LIMIT = 65_536


@dataclass
class Hub:
    """`comments` of the one pull request there is. With a `token`, calls with another one are refused."""

    address: str = ""
    token: str = ""
    refuses: bool = False
    comments: list[dict[str, Any]] = field(default_factory=list)

    def add(self, author: str, body: str) -> dict[str, Any]:
        number = len(self.comments) + 1
        made = {
            "id": number,
            "user": {"login": author},
            "body": body,
            "html_url": f"https://github.example/comment/{number}",
        }
        self.comments.append(made)
        return made


@contextmanager
def hub_of(token: str = "") -> Iterator[Hub]:
    hub = Hub(token=token)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            self._answer(200, hub.comments[size * (page - 1) : size * page])

        def do_POST(self) -> None:
            self._answer(201, hub.add("github-actions[bot]", self._body()))

        def do_PATCH(self) -> None:
            found = re.fullmatch(r"/repos/[^/]+/[^/]+/issues/comments/(\d+)", self.path)
            assert found
            comment = hub.comments[int(found[1]) - 1]
            comment["body"] = self._body()
            self._answer(200, comment)

        def _body(self) -> str:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
            return str(text)

        def _answer(self, status: int, value: Any) -> None:
            wrong = hub.token and self.headers["Authorization"] != f"Bearer {hub.token}"
            if hub.refuses or wrong:
                status, value = 403, {"message": "Resource not accessible by integration"}
            elif isinstance(value, dict) and len(value["body"]) > LIMIT:
                status, value = 422, {"message": "body is too long"}
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
