"""What belongs to one checkout of the project, and what its things are called.

Owns: the identifier, the names of containers and networks, the files below .sandbox/. Does not own their
contents. Names carry an identifier of the checkout's path, so that two checkouts on one machine do not
disturb each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.tools import cache

LABEL = "kubenode.sandbox"
"""On every object in Docker: the identifier of the checkout it belongs to."""
LABEL_PATH = "kubenode.sandbox.path"
LABEL_ROLE = "kubenode.sandbox.role"
LABEL_INDEX = "kubenode.sandbox.index"
LABEL_OS = "kubenode.sandbox.os"
LABEL_SPEC = "kubenode.sandbox.spec"
"""Digest of what a container was made from."""

CONTROL_PLANE = "control-plane"
ARTIFACTS = "artifacts"
HOST_PREFIX = "worker-"


@dataclass(frozen=True)
class Checkout:
    """One working copy of the project."""

    root: Path

    @classmethod
    def here(cls) -> Checkout:
        """The checkout this code stands in, wherever it is called from."""
        return cls(Path(__file__).resolve().parent.parent)

    @property
    def identifier(self) -> str:
        return hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:8]

    def name(self, role: str) -> str:
        """The name of a container: its role is `control-plane`, `artifacts` or a host's name."""
        return f"kubenode-{self.identifier}-{role}"

    @property
    def network(self) -> str:
        return f"kubenode-{self.identifier}"

    @property
    def bridge(self) -> str:
        """The network's interface on this machine; an interface's name has at most 15 characters."""
        return f"kn-{self.identifier}"

    @contextmanager
    def held(self, doing: str, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the checkout's lock: one command changes it at a time. `say` hears once whom it waits for."""
        said: list[str] = []

        def waiting(holder: str) -> None:
            if not said:
                say(f"waiting for {holder}")
            said.append(holder)

        with cache.locked(self.lock_file, f"`sandbox {doing}`", waiting):
            yield

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL: self.identifier, LABEL_PATH: str(self.root.resolve())}

    @property
    def folder(self) -> Path:
        return self.root / ".sandbox"

    @property
    def record_file(self) -> Path:
        return self.folder / "sandbox.json"

    @property
    def lock_file(self) -> Path:
        return self.folder / "lock"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def nodes_file(self) -> Path:
        return self.folder / "nodes.yaml"

    @property
    def env_file(self) -> Path:
        return self.folder / "env.sh"

    @property
    def ssh(self) -> Path:
        return self.folder / "ssh"

    @property
    def private_key(self) -> Path:
        return self.ssh / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.ssh / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.ssh / "config"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def pulumi_home(self) -> Path:
        return self.folder / "pulumi-home"

    def read_record(self) -> dict[str, str]:
        """What earlier runs noted, such as the Docker daemon in use; empty if nothing readable is there."""
        try:
            record = json.loads(self.record_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in record.items()} if isinstance(record, dict) else {}

    def note(self, **values: str) -> None:
        """Add to the record."""
        record = self.read_record() | {"identifier": self.identifier} | values
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.record_file.with_suffix(".part")
        part.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        part.rename(self.record_file)
