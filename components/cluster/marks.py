"""What a node's commands are told of it beside its configuration, and only where something was out of order.

Owns which words there are. Each stays an input once it was there, so that a preview after its run shows no change: the
Node keeps it, and so do the stack's outputs, for a run that cannot ask the API (`previous.py`). Does not own what is
read of a Node (`facts.py`), nor what the commands do with a word (`components/node.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Marks:
    """Of one node. A word is empty where there never was anything; a new one has its commands run."""

    healed: str = ""
    """What there is, or was last, to mend: the `heal` of a node that was silent."""
    returned: str = ""
    """A count: how often it was, or is now, put back after a run that left it out of service."""
    removal: str = ""
    """When a removal of it began that did not end, RFC 3339: all parts of its host are applied once more."""

    def outputs(self) -> dict[str, str]:
        """What is kept of it in the stack's outputs."""
        return {key: word for key, word in asdict(self).items() if word}

    @classmethod
    def of_outputs(cls, node: Mapping[str, Any]) -> Self:
        """What a node's outputs have of it."""
        return cls(**{one.name: str(node[one.name]) for one in fields(cls) if node.get(one.name)})
