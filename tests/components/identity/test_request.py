"""Whatever a stranger sends, reading it ends in a value or in an error of our own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.identity.csr import Standing, judge, requested_node
from components.identity.request import MalformedRequestError, first_request, load_request
from tests.components.identity.requests import (
    EXPECTED,
    SERVING_NAMES,
    client,
    edited,
    framed,
    pem,
    serving,
    signed,
    unframed,
)

_INFO = {
    kind: load_request(text).tbs_certrequest_bytes
    for kind, text in {"client": pem(), "serving": pem(names=SERVING_NAMES)}.items()
}


def test_nobody_is_warned_of_a_long_name() -> None:
    """In a process of its own: here the warnings are pytest's."""
    program = "import sys; from components.identity.request import load_request as load; load(sys.stdin.read()).subject"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pem(f"system:node:{'w' * 63}"),
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stderr == ""


def test_load_request_names_what_is_wrong() -> None:
    with pytest.raises(MalformedRequestError, match="exactly one PEM block"):
        load_request("x")


def test_a_request_that_cannot_be_read_is_nobody_s() -> None:
    """The API server takes it of anybody who may ask, and it must end no run."""
    for text in (
        edited(pem(), b"\x02\x01\x00", b"\x02\x01\x01"),
        edited(pem(), b"worker-1", b"worker-\xff"),
        framed(unframed(pem())[:-3]),
    ):
        asked = client(text, user="mallory")
        assert judge(asked, EXPECTED).standing is Standing.FOREIGN
        assert requested_node(asked) is None


def _edits(size: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, 255)), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", _INFO)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_bytes_end_the_check(kind: str, data: Any) -> None:
    """Signed anew, so that what is behind the signature's check is reached too."""
    info = bytearray(_INFO[kind])
    for at, value in data.draw(_edits(len(info))):
        info[at] = value
    text = signed(bytes(info))
    for user in ("mallory", None):
        spec = {} if user is None else {"user": user}
        asked = (client if kind == "client" else serving)(text, **spec)
        standing = judge(asked, EXPECTED).standing
        requested_node(asked)
        if user is not None:
            assert standing is Standing.FOREIGN
        elif standing is Standing.EXPECTED:
            # What may differ of one that is in order is its key, and how its parts are written.
            found = first_request(asked["spec"])
            assert found is not None
            assert found.subject.rfc4514_string() == "CN=system:node:worker-1,O=system:nodes"
