"""What is said of a flag or a field by its age: unknown yet, deprecated, gone. Pure words."""

from __future__ import annotations

from components.versions import MINORS
from components.versions.lives import OLDEST, Life


def absence(life: Life, number: int) -> str:
    """Why a minor does not know a name that others do, to follow `the kubelet of 1.37 has no flag --x`."""
    if number < life.since:
        return f"; it is there {life.span}"
    return f"; it was there {life.span}{_instead(life)}"


def nowhere(near: str | None) -> str:
    """The same of a name that no minor knows; `near`: one that somebody may have meant."""
    return (
        f"; did you mean {near}?" if near else f"; no release from 1.{min(MINORS)} to 1.{max(MINORS)} has it"
    )


def advice(life: Life) -> str:
    """What to do about a name that is deprecated."""
    since = f" since 1.{life.deprecated}" if life.deprecated > OLDEST else ""
    return f"is deprecated{since}{_instead(life)}"


def _instead(life: Life) -> str:
    return f": {life.instead}" if life.instead else ""
