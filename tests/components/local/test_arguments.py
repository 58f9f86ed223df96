"""Arguments are read with their types; a mistake names program and key and shows no value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.local.arguments import Arguments
from components.local.errors import UsageError, scrub


def read(**values: Any) -> Arguments:
    return Arguments("some-program", values)


@pytest.mark.parametrize(
    "name", ["", "-A", "--all", "worker 1", "Worker", "a/b", "worker-1;reboot", "w" * 254, "w-", 7, None]
)
def test_no_node_name_that_is_none(name: object) -> None:
    with pytest.raises(UsageError, match=r"some-program: node: "):
        read(node=name).node()


@pytest.mark.parametrize("name", ["worker-1", "10.0.0.7", "a.example.com", "w" * 253])
def test_node_names(name: str) -> None:
    assert read(node=name).node() == name


@pytest.mark.parametrize(
    ("call", "values", "message"),
    [
        (lambda a: a.text("k"), {}, "k: expected a text"),
        (lambda a: a.text("k"), {"k": ""}, "k: expected a text"),
        (lambda a: a.text("k"), {"k": 1}, "k: expected a text"),
        (lambda a: a.integer("k"), {"k": "1"}, "k: expected a whole number"),
        (lambda a: a.integer("k"), {"k": True}, "k: expected a whole number"),
        (lambda a: a.integer("k"), {"k": 1.5}, "k: expected a whole number"),
        (lambda a: a.integer("k", low=1, high=5), {"k": 6}, "k: expected a whole number from 1 to 5"),
        (lambda a: a.flag("k", default=True), {"k": "no"}, "k: expected true or false"),
        (lambda a: a.texts("k"), {"k": "x"}, "k: expected a list"),
        (lambda a: a.texts("k"), {"k": [1]}, "k: expected a list"),
        (lambda a: a.section("k").integer("x"), {"k": {"x": ""}}, "some-program: k: x: expected"),
        (lambda a: a.token_id(), {"tokenId": "ABC"}, "tokenId: expected 6"),
        (lambda a: a.token_secret(), {"tokenSecret": "hunter2-hunter2"}, "tokenSecret: expected 16"),
    ],
)
def test_mistakes(call: Callable[[Arguments], object], values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(read(**values))
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_numbers_that_went_through_the_engine() -> None:
    assert read(k=300.0).integer("k") == 300
    assert read().integer("k", 5) == 5


@pytest.mark.parametrize("text", ["", "[]", '{"token": "s3cr3t', "null"])
def test_no_json_object(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Arguments.parse("some-program", text)
    assert "s3cr3t" not in str(caught.value)


def test_unknown_keys_are_ignored() -> None:
    assert Arguments.parse("p", '{"later": 1, "node": "w"}').node() == "w"


@pytest.mark.parametrize(
    "secret",
    [
        "abcdef.0123456789abcdef",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\ncut off",
    ],
)
def test_scrub_knows_the_shapes_of_secrets(secret: str) -> None:
    assert scrub(f"before {secret}") == "before [secret]"


def test_scrub_hides_bearer_tokens_and_given_secrets() -> None:
    assert scrub("Authorization: Bearer eyJhbGciOi.x.y") == "Authorization: Bearer [secret]"
    assert scrub("token: eyJhbGciOiJSUzI1.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl;") == "token: [secret];"
    assert scrub(f"ghp_{'a1' * 18} and gh_pages") == "[secret] and gh_pages"
    assert scrub("p4ss and p4ssw0rd", ["p4ss", "p4ssw0rd", ""]) == "[secret] and [secret]"


def test_scrub_leaves_addresses_and_versions_alone() -> None:
    text = "dial tcp 10.0.0.7:6443: connect: connection refused; v1.37.2; kubectl.kubernetes.io"
    assert scrub(text) == text
