"""One comment on a pull request, made once and then rewritten in place.

Owns the calls of GitHub's REST API. Does not own the text (comment).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_PAGE: Final = 100
_SECONDS: Final = 30


class GithubError(Exception):
    """GitHub refused, or was not reached. The text names the call and never the token."""


@dataclass(frozen=True)
class PullRequest:
    """Where to comment, and as whom. `author` is the login that the token speaks as."""

    api: str
    repository: str
    number: int
    token: str
    author: str = "github-actions[bot]"

    def put(self, marker: str, body: str) -> str:
        """Rewrite our comment that begins with `marker`, or make it; its address."""
        path = f"/repos/{self.repository}/issues/{self.number}/comments"
        for found in self._comments(path):
            # Anybody may write our marker; only our own comments are rewritten.
            if found["body"].startswith(marker) and found["user"]["login"] == self.author:
                path = f"/repos/{self.repository}/issues/comments/{found['id']}"
                return self._written("PATCH", path, body)
        return self._written("POST", path, body)

    def _written(self, method: str, path: str, body: str) -> str:
        answer = self._call(method, path, {"body": body})
        if not isinstance(answer, dict) or "html_url" not in answer:
            raise GithubError(f"{method} {path}: the answer is no comment: has it an html_url?")
        return str(answer["html_url"])

    def _comments(self, path: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            found = self._call("GET", f"{path}?per_page={_PAGE}&page={page}")
            if not isinstance(found, list):
                raise GithubError(f"GET {path}: the answer is no list of comments")
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the runner says where its API is
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode(errors="replace")
            hint = "; the job needs 'permissions: pull-requests: write'" if error.code in (401, 403) else ""
            raise GithubError(f"{method} {path}: {error.code}: {said}{hint}") from None
        except (OSError, ValueError) as error:
            raise GithubError(f"{method} {path}: {error}") from None
