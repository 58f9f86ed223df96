"""What is wrong with a flag by the tables of the release alone, and which are deprecated. Pure.

Does not own which flags are this project's (`checks_kubelet.py`, `checks_kube_proxy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.settings import ages
from components.settings.checks_flag_values import wrong_flag
from components.settings.checks_gates import gate_advice, gates_of_flag
from components.settings.draft import NodeDraft
from components.settings.nearest import nearest
from components.versions import Minor
from components.versions.flag_kinds import KUBE_PROXY_KINDS, KUBELET_KINDS, Kind
from components.versions.lives import Life, known

# program: its section
_SECTIONS: Mapping[str, str] = {"kubelet": "kubelet", "kube-proxy": "kubeProxy"}


_KINDS: Mapping[str, Mapping[str, Kind]] = {"kubelet": KUBELET_KINDS, "kube-proxy": KUBE_PROXY_KINDS}


def _value(node: NodeDraft, program: str, flag: str) -> str:
    section = node.kubelet if program == "kubelet" else node.kube_proxy
    return section.extra_flags[flag] if section else ""


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
        kind = _KINDS[program].get(flag)
        message = wrong_flag(kind, _value(node, program, flag), minor.number) if kind else None
        if message:
            node.refuse(message, *where)
        elif flag == "feature-gates":
            for gate, words in gate_advice(gates_of_flag(_value(node, program, flag)), minor.number):
                node.advise(f"{gate} {words}", *where)
        return
    node.refuse(f"the {program} of Kubernetes {minor.name} has no flag --{flag}{hint}", *where)
