"""The name that somebody may have meant. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def nearest(name: str, known: Collection[str]) -> str | None:
    """In another case, or with other letters here and there; None if nothing is near."""
    in_order = sorted(known)
    same = [one for one in in_order if one.lower() == name.lower()]
    return next(iter(same or difflib.get_close_matches(name, in_order, 1, 0.75)), None)
