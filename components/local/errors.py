"""Errors that a program reports to a human, and the removal of secrets from any text on its way out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[secret]"

_SECRET_SHAPES: Final = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"),
    # A token of a ServiceAccount, and GitHub's.
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
)


class Failure(Exception):  # noqa: N818 - it is what the human reads: a failure, told in full
    """A program could not do its work. The text names node, place and fix."""


class UsageError(Failure):
    """The program was called wrongly: unknown program, or arguments that are no valid JSON for it."""


class Terminated(BaseException):
    """A signal asked the program to end; raised in the main thread so that everything is cleaned up on the
    way."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"ended by signal {signal_number}")
        self.signal_number = signal_number


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Hides the given secrets, and whatever looks like a token or a private key."""
    for secret in sorted((one for one in secrets if one), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for shape in _SECRET_SHAPES:
        text = shape.sub(HIDDEN, text)
    return text
