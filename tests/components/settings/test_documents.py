"""The dialect, form by form. tests/plugins/test_stack_file.py compares the same forms with the real engine."""

from __future__ import annotations

import json

import pytest

from components.settings.documents import Document, DocumentError, Doubt, document_of
from tests.components.settings.yaml_forms import DOUBTFUL, FORMS, REFUSED


@pytest.mark.parametrize("text", FORMS)
def test_what_is_read(text: str) -> None:
    found = document_of(f"a:\n  v: {text}\n")
    assert found == Document({"a": {"v": FORMS[text]}}, ())
    # 1 == True == 1.0
    assert json.dumps(found.value, sort_keys=True) == json.dumps({"a": {"v": FORMS[text]}}, sort_keys=True)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        document_of(f"a:\n  v: {text}\n")
    assert caught.value.reason == REFUSED[text]
    assert caught.value.line in (2, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a:\n\tb: secret\n", "a tab, where YAML wants spaces"),
        ("a: *secret\n", "an alias (*) of an anchor (&) that is not there"),
        ("a: [secret\n", "a list in [ ] that is not closed, or lacks a comma"),
        ("a: {secret: 1\n", "a map in { } that is not closed, or lacks a comma"),
        ("a: 'secret\n", "a quote that is not closed"),
        ('a: "secret\\q"\n', "a backslash in double quotes that is no escape: take single quotes"),
        ("a: b: secret\n", "a colon where no key can be; text with a colon and a space belongs in quotes"),
        ("a: @secret\n", "text that begins with @, %, a comma or a backquote belongs in quotes"),
        ("- a\nsecret: 1\n", "a line that is indented otherwise than those beside it"),
        ("b: 1\na: 1\na: secret\n", "the key a stands there twice"),
        ("a b: 1\na b: secret\n", "a key stands there twice"),
        ("a: !<secret x\n", ""),
    ],
)
def test_the_reason_quotes_nothing(text: str, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        document_of(text)
    assert caught.value.reason == reason
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize("text", DOUBTFUL)
def test_what_is_doubtful(text: str) -> None:
    doubt = document_of(f"a:\n  v: {text}\n").doubts[0]
    assert (doubt.location[:2], doubt.line, doubt.reason) == (("a", "v"), 2, DOUBTFUL[text])


def test_only_the_first_document_counts() -> None:
    found = document_of("a: 1\n---\na: 2\n")
    assert found.value == {"a": 1}
    assert found.doubts == (Doubt((), 2, "a second document, which Pulumi does not read: take it out"),)


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeff"])
def test_an_empty_text_is_nothing(text: str) -> None:
    assert document_of(text) == Document(None, ())


def test_many_aliases_are_read_in_no_time() -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert isinstance(document_of("\n".join(lines)).value, dict)


def test_depth_is_no_crash() -> None:
    with pytest.raises(DocumentError):
        document_of("[" * 20000)
