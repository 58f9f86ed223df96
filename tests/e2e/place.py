"""The copy of the checkout that the suite works in, with a sandbox of its own.

Owns: the copy's files, its environment, bringing its sandbox up and down. Does not own what is done there. The copy
lies at a place that is the same for every run of this checkout, outside the tree, so that neither the user's own
sandbox nor the tree is touched, and what a killed run left is found and cleared.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.checkout import Checkout
from sandbox.tools import cache

SOURCE = Path(__file__).resolve().parents[2]
_SANDBOX_SECONDS = 2400


class PlaceError(Exception):
    """The suite cannot work here; says why."""


class Place:
    """`root` is the copy; `results` keeps what the last run said and measured, also after the copy is gone."""

    def __init__(self, name: str = "") -> None:
        base = cache.root() / "-".join(filter(None, ("e2e", Checkout(SOURCE).identifier, name)))
        self.root = base / "checkout"
        self.results = base / "results"
        self.lock = base / "lock"
        self.checkout = Checkout(self.root)
        self.env: dict[str, str] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """One run of the suite at a time for one checkout."""
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.lock.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PlaceError(f"another run of the end-to-end tests holds {self.lock}") from None
            yield

    def fill(self) -> None:
        """The checkout's files as they are now: tracked ones, and new ones that git does not ignore."""
        if self.checkout.folder.exists():
            self.down()
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.results, ignore_errors=True)
        self.results.mkdir(parents=True)
        listed = _git(SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in filter(None, listed.split("\0")):
            # A file that is deleted but still in the index is listed too.
            if os.path.lexists(SOURCE / name) and name != ".venv":
                target = self.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(SOURCE / name, target, follow_symlinks=False)
        (self.root / ".venv").symlink_to(SOURCE / ".venv")
        # An index of the copy's own tells afterwards what was changed in it.
        _git(self.root, "init", "--quiet")
        (self.root / ".git" / "info" / "exclude").write_text("/.venv\n", encoding="utf-8")
        _git(self.root, "add", "--all")

    def changed_files(self) -> list[str]:
        """Files that differ from the checkout's or came beside them, other than those that git ignores."""
        modified = _git(self.root, "diff", "--name-only", "-z")
        new = _git(self.root, "ls-files", "-z", "--others", "--exclude-standard")
        return sorted(filter(None, (modified + new).split("\0")))

    def up(self, host_count: int, *options: str) -> None:
        """Build what is missing, start control plane and hosts, read the environment."""
        self._sandbox("up", "--hosts", str(host_count), *options)
        self.env = self._environment()

    def down(self) -> None:
        """Remove containers and `.sandbox`, also if a stack still lists resources."""
        self._sandbox("down", "--force")

    def remove(self) -> None:
        """The copy; what was measured stays."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _sandbox(self, *arguments: str) -> None:
        python = SOURCE / ".venv" / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "sandbox", *arguments],
            cwd=self.root,
            env=_clean_environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SANDBOX_SECONDS,
            check=False,
        )
        self.results.mkdir(parents=True, exist_ok=True)
        with (self.results / "sandbox.log").open("a", encoding="utf-8") as log:
            log.write(f"$ sandbox {' '.join(arguments)}\n{done.stdout}\n")
        if done.returncode != 0:
            raise PlaceError(f"'sandbox {' '.join(arguments)}' in {self.root} failed:\n{done.stdout}")

    def _environment(self) -> dict[str, str]:
        """What `. .sandbox/env.sh` makes of an environment that knows no other sandbox."""
        shown = subprocess.run(
            ["sh", "-c", ". .sandbox/env.sh && env -0"],
            cwd=self.root,
            env=_clean_environment(),
            text=True,
            capture_output=True,
            check=True,
        ).stdout
        return dict(entry.split("=", 1) for entry in shown.split("\0") if entry)


def _clean_environment() -> dict[str, str]:
    """Ours without what another sandbox's env.sh, a Pulumi program or pytest put in."""
    foreign = ("PULUMI_", "KUBECONFIG", "GIT_", "PYTEST_", "PYTHONPATH", "SSH_AUTH_SOCK")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env["PATH"] = os.pathsep.join(
        folder for folder in env.get("PATH", "").split(os.pathsep) if "/.sandbox/" not in f"{folder}/"
    )
    return env


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *arguments],
        env=_clean_environment(),
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise PlaceError(f"git {' '.join(arguments)} in {folder}: {done.stderr.strip()}")
    return done.stdout
