"""Texts as Go words them."""

import errno

import pytest

from sandbox.plugins.gotext import quote, system_error


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain ü 节点", '"plain ü 节点"'),
        ('a "b" \\', r'"a \"b\" \\"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x1b[0m\x7f", r'"\x1b[0m\x7f"'),
        ("\u200b\U000e0001", r'"\u200b\U000e0001"'),
    ],
)
def test_quote(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_system_error() -> None:
    assert system_error(ConnectionRefusedError(errno.ECONNREFUSED, "whatever")) == "connection refused"
    assert system_error(ValueError("as it is")) == "as it is"
