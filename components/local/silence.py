"""Which of the stack's nodes have fallen silent, and whether a run can heal them. Pure.

A kubelet whose client certificate has ended, was damaged or deleted cannot speak to the API server, and the API tells
no more than that: the Node's Ready condition is Unknown. The same goes for one that somebody stopped. All of these are
mended by the same way into the cluster as the first time. A host that is off is not: there is nobody to be mended.

Owns telling these apart. Does not own asking (`api_read.py`) nor mending (`bootstrap_token.py`, parts on the host).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from components.local import nodes

# What the API server, or kubectl, says when no host answers. A port that nobody listens on is an answer.
_NO_HOST: Final = re.compile(
    r"i/o timeout|connection timed out|no route to host|network is unreachable|host is down|deadline exceeded"
    r"|Client\.Timeout|TLS handshake timeout|did not answer within|no such host|no preferred addresses|etcdserver"
)
# Its first token has ended by then.
_LATE: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Silence:
    """A node that is not heard of. `heal` is for the commands that mend it; empty where no host answers."""

    since: datetime
    reason: str
    heal: str

    def json(self) -> dict[str, str]:
        return {"since": f"{self.since:%Y-%m-%dT%H:%MZ}", "reason": self.reason, "heal": self.heal}


def says_no_host(said: str) -> bool:
    """Whether these words of the API server, or of kubectl, are of a host that does not answer."""
    return bool(_NO_HOST.search(said))


def is_silent(node: Mapping[str, Any]) -> bool:
    """Whether its kubelet once reported and is not heard of any more."""
    seen = nodes.view(node)
    return bool(seen.kubelet_version) and nodes.is_unreachable(node) and seen.ready_since is not None


def silence(node: Mapping[str, Any], probe: str, now: datetime) -> Silence | None:
    """What is to be told of a Node. `probe`: what was said when its kubelet was asked through the API server."""
    seen = nodes.view(node)
    if is_silent(node) and seen.ready_since is not None:
        since = seen.ready_since
        answers = not says_no_host(probe)
        conditions = (node.get("status") or {}).get("conditions") or ()
        reason = nodes.describe_conditions(one for one in conditions if one.get("type") == "Ready")
        return Silence(since, reason, nodes.heal(since, now) if answers else "")
    if not seen.kubelet_version and seen.created is not None and now - seen.created >= _LATE:
        return Silence(seen.created, "no kubelet has ever joined as this node", nodes.heal(seen.created, now))
    return None
