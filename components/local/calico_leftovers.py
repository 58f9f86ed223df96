"""Releases what Calico keeps in the cluster for a node that goes.

Arguments: node.

apply  Nothing: what there is to release comes with the kubelet's first pod.
remove Deletes the node's BlockAffinity objects, its blocks of addresses if nobody else has one in them, the handles of
       its addresses, its BGPPeer and CalicoNodeStatus objects. Without Calico's definitions there is nothing to do. May
       run again at any time. Calico's own controller collects blocks too, later, and no peers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from components.local.arguments import Arguments
from components.local.calico_ipam import handle_without, is_tunnel_of, share_of
from components.local.errors import Failure
from components.local.kubectl import Json, KubectlError, items
from components.local.session import Session

# Where releases keep it: behind Calico's own API, and since 3.31 there if asked for.
GROUPS = ("/apis/crd.projectcalico.org/v1", "/apis/projectcalico.org/v3")
_ATTEMPTS = 5


def remove(session: Session, arguments: Arguments) -> None:
    release(session, arguments.node())


def release(session: Session, node: str) -> None:
    """All of a node's."""
    released: Counter[str] = Counter()
    for group in GROUPS:
        freed: dict[str, Counter[str]] = defaultdict(Counter)
        for block in _all(session, group, "ipamblocks"):
            released["addresses"] += _release_block(session, f"{group}/ipamblocks", block, node, freed)
        _release_handles(session, f"{group}/ipamhandles", node, freed)
        for kind in ("blockaffinities", "bgppeers", "caliconodestatuses"):
            theirs = [
                one for one in _all(session, group, kind) if (one.get("spec") or {}).get("node") == node
            ]
            released[kind] += sum(_delete(session, f"{group}/{kind}", one) for one in theirs)
    told = [f"{count} {kind}" for kind, count in released.items() if count]
    if told:
        session.say(f"released in Calico: {', '.join(told)}")


def _all(session: Session, group: str, kind: str) -> Iterable[Json]:
    return items(session.kubectl.find(f"{group}/{kind}") or {})


def _delete(session: Session, path: str, one: Json) -> bool:
    return session.kubectl.delete(f"{path}/{one['metadata']['name']}", one["metadata"]["uid"])


def _release_block(
    session: Session, path: str, block: Json, node: str, freed: dict[str, Counter[str]]
) -> int:
    """How many addresses that frees. A block that somebody wrote meanwhile is read and judged anew."""
    name = block["metadata"]["name"]
    current: Json | None = block
    for _ in range(_ATTEMPTS):
        share = share_of(current, node) if current is not None else None
        if current is None or share is None:
            return 0
        if share.rest is None:
            done = _delete(session, path, current)
        else:
            done = _written(session, f"{path}/{name}", share.rest)
        if done:
            for handle, count in share.freed.items():
                freed[handle][share.cidr] += count
            return sum(share.freed.values())
        current = session.kubectl.find(f"{path}/{name}")
    raise Failure(f"{node}: the block {name} of Calico is written by somebody all the time. Run again")


def _release_handles(session: Session, path: str, node: str, freed: dict[str, Counter[str]]) -> None:
    group, _, kind = path.rpartition("/")
    for handle in _all(session, group, kind):
        name = str((handle.get("spec") or {}).get("handleID") or handle["metadata"]["name"])
        if name not in freed and not is_tunnel_of(name, node):
            continue
        rest = None if is_tunnel_of(name, node) else handle_without(handle, freed[name])
        if rest is None:
            _delete(session, path, handle)
        else:
            # Somebody else's addresses changed meanwhile: the handle counts one too many, and Calico mends that.
            _written(session, f"{path}/{handle['metadata']['name']}", rest)


def _written(session: Session, path: str, body: Json) -> bool:
    """False if it is not any more what was read."""
    try:
        session.kubectl.put(path, body)
    except KubectlError as error:
        if error.reason in ("Conflict", "NotFound"):
            return False
        raise
    return True
