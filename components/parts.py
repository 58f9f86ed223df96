"""The parts of a node in their order, each as a pure function: settings in, what is put on the host out.

Owns the order in which they are shown and what a run adds to the settings. Does not own the edges between them
(`node.py`) nor what they put on a host (the `files.py` of each part). The components call the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from components.calico import files as calico
from components.docker import files as docker
from components.host import needs as host
from components.identity import kubeconfigs
from components.identity.kubeconfigs import Identities
from components.kube_proxy import files as kube_proxy
from components.kubelet import files as kubelet
from components.remote.content import Content
from components.settings import NodeSettings
from components.verification import files as verification


@dataclass(frozen=True)
class Born:
    """What no configuration says, because a run makes it or learns it."""

    identities: Identities
    verification_addresses: Sequence[str]


PARTS: Mapping[str, Callable[[NodeSettings, Born], Content]] = {
    "claim": lambda node, _: host.claim(node),
    "prepare": lambda node, _: host.prepare(node),
    "docker": lambda node, _: docker.content(node),
    "calico": lambda node, _: calico.content(node),
    "credentials": lambda node, born: kubeconfigs.content(node, born.identities),
    "kubelet": lambda node, born: kubelet.content(node, born.identities),
    "kube-proxy": lambda node, born: kube_proxy.content(node, born.identities.proxy_mark),
}
# With the proof one more, which leaves nothing on the host.
VERIFY = "verify"


def contents(node: NodeSettings, born: Born, *, verify: bool) -> dict[str, Content]:
    """Every part of a node, in order; no kube-proxy where the cluster has its own."""
    found = {
        part: content(node, born)
        for part, content in PARTS.items()
        if part != "kube-proxy" or node.runs_kube_proxy
    }
    if verify:
        found[VERIFY] = verification.content(node, born.verification_addresses)
    return found
