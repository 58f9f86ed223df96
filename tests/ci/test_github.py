"""The comment on GitHub: made once, then rewritten; nobody else's is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ci.github import GithubError, PullRequest
from tests.ci.hub import Hub, hub_of

_OURS = "github-actions[bot]"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_of() as running:
        yield running


def _pull_request(hub: Hub) -> PullRequest:
    return PullRequest(hub.address, "o/r", 7, "canary-token")


def test_it_is_made_once_and_then_rewritten(hub: Hub) -> None:
    request = _pull_request(hub)
    first = request.put("<!-- a -->", "<!-- a -->\none")
    assert request.put("<!-- a -->", "<!-- a -->\ntwo") == first
    request.put("<!-- b -->", "<!-- b -->\nother")
    assert [one["body"] for one in hub.comments] == ["<!-- a -->\ntwo", "<!-- b -->\nother"]


def test_it_is_found_among_many(hub: Hub) -> None:
    for number in range(250):
        hub.add("somebody", f"comment {number}")
    hub.add(_OURS, "<!-- a -->\none")
    _pull_request(hub).put("<!-- a -->", "<!-- a -->\ntwo")
    assert len(hub.comments) == 251
    assert hub.comments[-1]["body"] == "<!-- a -->\ntwo"


def test_somebody_elses_comment_stays(hub: Hub) -> None:
    hub.add("somebody", "<!-- a -->\nmine")
    _pull_request(hub).put("<!-- a -->", "<!-- a -->\nours")
    assert [one["body"] for one in hub.comments] == ["<!-- a -->\nmine", "<!-- a -->\nours"]


def test_a_refusal_names_the_permission_and_no_token(hub: Hub) -> None:
    hub.refuses = True
    with pytest.raises(GithubError) as caught:
        _pull_request(hub).put("<!-- a -->", "text")
    assert "403" in str(caught.value)
    assert "pull-requests: write" in str(caught.value)
    assert "canary-token" not in str(caught.value)


def test_no_answer(hub: Hub) -> None:
    with pytest.raises(GithubError, match="GET /repos/o/r/issues/7/comments"):
        PullRequest("http://127.0.0.1:1", "o/r", 7, "token").put("<!-- a -->", "text")
