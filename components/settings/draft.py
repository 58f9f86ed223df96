"""One node while it is read: the sections that are valid so far, and where in the stack a value stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.settings.calico_sections import CalicoSection
from components.settings.docker_sections import DockerSection, ImageSection
from components.settings.host_sections import HostSection, SshSection
from components.settings.problems import Location, Problem, dotted
from components.settings.sections import KubeletSection, KubeProxySection, NodeSection, TaintSection
from components.versions import Minor


@dataclass
class NodeDraft:
    """A section with problems of its own, which are reported already, is here without the values that have them.

    It is None if nothing can be had of it. `has_address`: the address in `own` is the one that was given. `taints` and
    `images`: the valid ones with their numbers. `notices`: what a run says, and goes on.
    """

    name: str
    raw: Mapping[str, object]
    defaults: Mapping[str, object]
    own: NodeSection | None = None
    has_address: bool = True
    version: str | None = None
    allows_downgrade: bool = False
    minor: Minor | None = None
    ssh: SshSection | None = None
    host: HostSection | None = None
    docker: DockerSection | None = None
    calico: CalicoSection | None = None
    kubelet: KubeletSection | None = None
    kube_proxy: KubeProxySection | None = None
    taints: Sequence[tuple[int, TaintSection]] = ()
    images: Sequence[tuple[int, ImageSection]] = ()
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    def at(self, *location: int | str) -> str:
        """Where to change a value: under the node if it stands there, else in the section that all share."""
        return dotted(self.place(*location))

    def place(self, *location: int | str) -> Location:
        """The same as keys."""
        return location if self._is_shared(location) else ("nodes", self.name, *location)

    def refuse(self, message: str, *location: int | str) -> None:
        """Note a problem of the value at this location."""
        self.problems.append(Problem(self.at(*location), message))

    def advise(self, message: str, *location: int | str) -> None:
        """Note what a run says of the value at this location, and goes on."""
        self.notices.append(Problem(self.at(*location), message))

    def refuse_node(self, message: str, *location: int | str) -> None:
        """Note a problem that belongs to this node wherever the value stands."""
        self.problems.append(Problem(dotted(("nodes", self.name, *location)), message))

    def is_wrong(self, *location: int | str) -> bool:
        """Whether the value at this location, or one below it, was left out because it is wrong."""
        places = {self.at(*location), dotted(("nodes", self.name, *location))}
        below = tuple(f"{place}{mark}" for place in places for mark in ".[")
        return any(problem.path in places or problem.path.startswith(below) for problem in self.problems)

    def _is_shared(self, location: Location) -> bool:
        node_depth, shared_depth = _depth(self.raw, location), _depth(self.defaults, location)
        return node_depth < len(location) and (shared_depth == len(location) or node_depth <= shared_depth)


def _depth(value: object, location: Location) -> int:
    """How many parts of a location exist in the value."""
    for depth, part in enumerate(location):
        if isinstance(value, list):
            value = dict(enumerate(value))
        if not isinstance(value, Mapping) or part not in value:
            return depth
        value = value[part]
    return len(location)
