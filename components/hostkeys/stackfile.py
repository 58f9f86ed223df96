"""Which hosts a stack's configuration names, and where their keys stand in it.

Reads the stack file as it is: nothing is decrypted, and only what says how a host is reached is merged. Owns no check:
a configuration without host keys is not valid yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.hostkeys.collect import Door
from components.settings import sources
from components.settings.stackfile import own_keys


@dataclass(frozen=True)
class Place:
    """A key in a file of the configuration."""

    file: Path
    path: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A host that has a key, or is to get one at `place`."""

    name: str
    door: Door
    place: Place
    bastion: str | None = None
    """The name of the target that it is reached through."""
    ignored: bool = False
    """The configuration trusts whoever answers."""

    @property
    def is_bastion(self) -> bool:
        return self.name.startswith("bastion ")


def targets(project_dir: Path, stack: str) -> dict[str, Target]:
    """Every node of the stack by name, and every bastion by `bastion ADDRESS`. Raises SourceError."""
    project = _mapping(sources.document(sources.text_of(project_dir, "Pulumi.yaml"), "Pulumi.yaml").value)
    name = str(project.get("name", "kubenode"))
    file = f"Pulumi.{stack}.yaml"
    document = sources.document(sources.text_of(project_dir, file), file)
    config = _mapping(_mapping(document.value).get("config"))
    keys = own_keys(config, name)
    above = Place(project_dir / file, ("config", keys.get("ssh", f"{name}:ssh")))
    nodes = config.get(keys.get("nodes", ""))
    below = Place(project_dir / file, ("config", keys.get("nodes", f"{name}:nodes")))
    nodes_file = config.get(keys.get("nodesFile", ""))
    if isinstance(nodes_file, str):
        nodes = sources.nodes_of(sources.text_of(project_dir, nodes_file), nodes_file)
        below = Place(project_dir / nodes_file, ())
    shared = _mapping(config.get(keys.get("ssh", "")))
    found: dict[str, Target] = {}
    for node, raw in sorted(_mapping(nodes).items()):
        place = Place(below.file, (*below.path, str(node), "ssh"))
        _add(found, project_dir, str(node), _mapping(raw), shared, above, place)
    return found


def _add(
    found: dict[str, Target],
    project_dir: Path,
    name: str,
    node: Mapping[str, Any],
    shared: Mapping[str, Any],
    above: Place,
    below: Place,
) -> None:
    own = _mapping(node.get("ssh"))
    address = node.get("address")
    if not isinstance(address, str):
        raise sources.SourceError(f"nodes.{name} has no address")
    bastion = None
    if own.get("bastion", shared.get("bastion")) is not None:
        either = {**_mapping(shared.get("bastion")), **_mapping(own.get("bastion"))}
        is_own = "address" in _mapping(own.get("bastion"))
        bastion = f"bastion {either.get('address')}"
        place = below if is_own else above
        target = Target(
            bastion,
            _door(project_dir, str(either.get("address")), either),
            Place(place.file, (*place.path, "bastion", "hostKey")),
            ignored=bool(either.get("insecureIgnoreHostKey")),
        )
        found.setdefault(bastion, target)
    either = {**shared, **own}
    found[name] = Target(
        name,
        _door(project_dir, address, either),
        Place(below.file, (*below.path, "hostKey")),
        bastion,
        # A key of its own wins over the word of the section that all share.
        ignored=bool(either.get("insecureIgnoreHostKey")) and "hostKey" not in own,
    )


def _door(project_dir: Path, address: str, ssh: Mapping[str, Any]) -> Door:
    key, port, file = ssh.get("hostKey"), ssh.get("port"), ssh.get("privateKeyFile")
    return Door(
        address,
        port if isinstance(port, int) else 22,
        str(ssh.get("user", "root")),
        " ".join(key.split()[:2]) if isinstance(key, str) and len(key.split()) >= 2 else None,
        project_dir / Path(file).expanduser() if isinstance(file, str) else None,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
