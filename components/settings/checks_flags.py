"""What is wrong with a flag by the tables of the release alone, and which are deprecated. Pure.

Does not own which flags are this project's (`checks_kubelet.py`, `checks_kube_proxy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.settings import ages
from components.settings.draft import NodeDraft
from components.settings.nearest import nearest
from components.versions import Minor
from components.versions.lives import Life, known

# program: its section
_SECTIONS: Mapping[str, str] = {"kubelet": "kubelet", "kube-proxy": "kubeProxy"}


def check_flag(node: NodeDraft, program: str, flag: str, lives: Mapping[str, Life], minor: Minor) -> None:
    """Note what the program of the release does not know, or not for long."""
    where = (_SECTIONS[program], "extraFlags", flag)
    life = lives.get(flag)
    if life is None:
        near = nearest(flag, known(lives, minor.number))
        hint = ages.nowhere(near and f"--{near}")
    elif not life.knows(minor.number):
        hint = ages.absence(life, minor.number)
    else:
        if life.is_deprecated(minor.number):
            node.advise(ages.advice(life), *where)
        return
    node.refuse(f"the {program} of Kubernetes {minor.name} has no flag --{flag}{hint}", *where)
