"""Which behaviour of a provider plugin a conformance test states: the decorators of these tests.

Owns what a test states. Does not own the tests, nor the page that is generated from them (`page.py`), nor how a program
is run (`../scenario.py`).

`python -m tests.plugins.behaviours` writes docs/plugins.md; `--check` writes nothing and fails if it is out of date.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import pytest

_MARK: Final = "_stated"

Test = TypeVar("Test", bound=Callable[..., None])
Decision = Literal["copied", "not copied", "refused"]


@dataclass
class Behaviour:
    """What one test states, and the tests of where it does not hold."""

    text: str
    source: str
    but: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)


@dataclass
class Bug:
    """What the official plugin does wrong, and what the sandbox's does instead."""

    official: str
    source: str
    decision: Decision
    here: str
    tests: list[str] = field(default_factory=list)


def behaviour(text: str, *, source: str, but: str | None = None) -> Callable[[Test], Test]:
    """The test states a behaviour; `but` is a case in the same test in which it does not show."""
    return _stating(lambda: Behaviour(text, source, [but] if but else []))


def counter(of: Callable[..., None], but: str) -> Callable[[Test], Test]:
    """The test is about a case in which the behaviour of another test does not show."""

    def state() -> Behaviour:
        stated = getattr(of, _MARK)
        assert isinstance(stated, Behaviour), f"{of.__name__} states no behaviour"
        stated.but.append(but)
        return stated

    return _stating(state)


def bug(official: str, *, source: str, decision: Decision, here: str) -> Callable[[Test], Test]:
    """The test states what becomes of a bug of the official plugin."""
    return _stating(lambda: Bug(official, source, decision, here))


def _stating(state: Callable[[], Behaviour | Bug]) -> Callable[[Test], Test]:
    def decorate(test: Test) -> Test:
        stated = state()
        stated.tests.append(test.__name__)
        setattr(test, _MARK, stated)
        if isinstance(stated, Bug) and stated.decision != "copied":
            official = os.environ.get("KUBENODE_TOOLS") == "system"
            test = pytest.mark.skipif(official, reason=f"{stated.decision}: {stated.official}")(test)
        marked: Test = pytest.mark.sandbox(test)
        return marked

    return decorate


def stated_by(test: object) -> Behaviour | Bug | None:
    """What a conformance test states, None if it says nothing."""
    found: Behaviour | Bug | None = getattr(test, _MARK, None)
    return found
