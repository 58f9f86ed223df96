"""How long a flag or a field lives: which minors know its name. Pure data type, no names in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Younger than every minor.
NEVER = 1000
# Where the history here begins; what is as old as that has no beginning.
OLDEST = 10


@dataclass(frozen=True)
class Life:
    """The minors that know a name: from `since` on, before `gone`.

    `instead` is what to do where it is deprecated or gone; empty where there is nothing to say.
    """

    since: int = OLDEST
    gone: int = NEVER
    deprecated: int = NEVER
    instead: str = ""

    def knows(self, number: int) -> bool:
        """Whether the minor knows the name."""
        return self.since <= number < self.gone

    def is_deprecated(self, number: int) -> bool:
        """Whether the minor knows the name and advises against it."""
        return self.knows(number) and number >= self.deprecated

    @property
    def span(self) -> str:
        """The minors that know it, in words."""
        first, last = f"1.{self.since}", f"1.{self.gone - 1}"
        if self.gone == NEVER:
            return f"from {first} on"
        if self.since == OLDEST:
            return f"up to {last}"
        return f"of {first}" if first == last else f"from {first} to {last}"


# The life of a name that every minor here knows.
ALWAYS = Life()


def known(lives: Mapping[str, Life], number: int) -> frozenset[str]:
    """The names that a minor knows."""
    return frozenset(name for name, life in lives.items() if life.knows(number))


def ended(
    number: int, instead: str, names: str, *, since: int = OLDEST, deprecated: int = OLDEST
) -> dict[str, Life]:
    """The life of names that a minor is the first without."""
    return {name: Life(since, number, deprecated, instead) for name in names.split()}
