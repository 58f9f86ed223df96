"""What the sandbox keeps about the machine as a whole, shared by all checkouts on it.

Owns: the folder for that, its lock, the list of checkouts that are up. Does not own what the parts keep
there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.checkout import Checkout
from sandbox.tools import cache


@dataclass(frozen=True)
class Machine:
    """The machine's own folders: `state` survives a reboot, `run` need not."""

    state: Path
    run: Path

    @classmethod
    def here(cls) -> Machine:
        if named := os.environ.get("KUBENODE_SANDBOX_STATE"):
            folder = Path(named).expanduser().absolute()
            return cls(folder, folder / "run")
        if os.geteuid() == 0:
            return cls(Path("/var/lib/kubenode-sandbox"), Path("/run/kubenode-sandbox"))
        folder = Path.home() / ".local" / "state" / "kubenode-sandbox"
        return cls(folder, folder / "run")

    @property
    def before_file(self) -> Path:
        """What the machine was like before the first checkout came up."""
        return self.state / "before.json"

    @contextmanager
    def locked(self, doing: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the machine's lock: for starting and stopping what checkouts share."""
        with cache.locked(self.state / "lock", doing, waiting):
            yield

    def checkouts(self) -> dict[str, Path]:
        """Identifier and path of each checkout that came up and did not go down."""
        folder = self.state / "checkouts"
        if not folder.is_dir():
            return {}
        return {
            file.name: Path(file.read_text(encoding="utf-8").strip()) for file in sorted(folder.iterdir())
        }

    def register(self, checkout: Checkout) -> None:
        file = self.state / "checkouts" / checkout.identifier
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{checkout.root.resolve()}\n", encoding="utf-8")

    def unregister(self, identifier: str) -> None:
        (self.state / "checkouts" / identifier).unlink(missing_ok=True)
