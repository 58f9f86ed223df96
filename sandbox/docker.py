"""A thin wrapper around the `docker` command.

Owns: how it is called, and errors that a person can read. Does not own which daemon is used (daemon) or what
runs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sandbox.checkout import LABEL, LABEL_INDEX, LABEL_OS, LABEL_PATH, LABEL_ROLE, LABEL_SPEC
from sandbox.errors import SandboxError

_SECONDS = 120.0


@dataclass(frozen=True)
class Container:
    """A container of the sandbox, as Docker shows it."""

    name: str
    status: str
    address: str
    image: str
    labels: Mapping[str, str]

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def checkout(self) -> str:
        return self.labels.get(LABEL, "")

    @property
    def path(self) -> str:
        return self.labels.get(LABEL_PATH, "")

    @property
    def role(self) -> str:
        return self.labels.get(LABEL_ROLE, "")

    @property
    def index(self) -> int:
        return int(self.labels.get(LABEL_INDEX, "0"))

    @property
    def os(self) -> str:
        return self.labels.get(LABEL_OS, "")

    @property
    def spec(self) -> str:
        return self.labels.get(LABEL_SPEC, "")


@dataclass(frozen=True)
class Docker:
    """The `docker` command, bound to one daemon. No host means the one that `docker` finds by itself."""

    host: str = ""

    def command(self, *arguments: str) -> list[str]:
        return ["docker", *(["--host", self.host] if self.host else []), *arguments]

    def run(
        self,
        *arguments: str,
        stdin: bytes | BinaryIO | None = None,
        seconds: float = _SECONDS,
        check: bool = True,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end. A failure is an error that shows Docker's own words."""
        command = self.command(*arguments)
        source: dict[str, Any]
        if stdin is None:
            source = {"stdin": subprocess.DEVNULL}
        else:
            source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        shown = f"docker {' '.join(arguments[:2])}"
        try:
            done = subprocess.run(command, capture_output=True, timeout=seconds, check=False, **source)
        except FileNotFoundError as error:
            raise SandboxError(
                "the command docker is not there", "install it: apt-get install docker.io"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise SandboxError(
                f"{shown} did not end within {seconds:.0f} s",
                "look at the Docker daemon: python -m sandbox status",
            ) from error
        if check and done.returncode != 0:
            raise SandboxError(f"{shown} failed: {done.stderr.decode(errors='replace').strip()[-2000:]}")
        return done

    def text(self, *arguments: str, **options: Any) -> str:
        return self.run(*arguments, **options).stdout.decode(errors="replace")

    def works(self, seconds: float = 10.0) -> bool:
        """Whether a daemon answers."""
        try:
            return self.run("info", "--format", "{{.ID}}", seconds=seconds, check=False).returncode == 0
        except SandboxError:
            return False

    def exec(self, container: str, *command: str, stdin: bytes | None = None, check: bool = True) -> str:
        interactive = ["--interactive"] if stdin is not None else []
        return self.text("exec", *interactive, container, *command, stdin=stdin, check=check)

    def containers(self, checkout: str | None = None) -> list[Container]:
        """Those of one checkout, or of all, by role."""
        ids = self.text(
            "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={_filter(checkout)}"
        ).split()
        if not ids:
            return []
        # One that goes away in between is no error.
        shown = self.run("inspect", "--type", "container", *ids, check=False).stdout
        return sorted(
            (_container(raw) for raw in json.loads(shown or b"[]")), key=lambda one: (one.role, one.index)
        )

    def networks(self, checkout: str | None = None) -> dict[str, dict[str, str]]:
        """Labels by name of the sandbox's networks."""
        names = self.text(
            "network", "ls", "--quiet", "--no-trunc", "--filter", f"label={_filter(checkout)}"
        ).split()
        if not names:
            return {}
        shown = self.run("network", "inspect", *names, check=False).stdout
        return {raw["Name"]: raw["Labels"] for raw in json.loads(shown or b"[]")}

    def volumes(self, checkout: str | None = None) -> list[str]:
        return self.text("volume", "ls", "--quiet", "--filter", f"label={_filter(checkout)}").split()

    def subnets(self) -> list[str]:
        """The address ranges of all networks of this daemon."""
        names = self.text("network", "ls", "--quiet", "--no-trunc").split()
        shown = self.run("network", "inspect", *names, check=False).stdout if names else b"[]"
        return [
            config["Subnet"]
            for raw in json.loads(shown or b"[]")
            for config in raw["IPAM"]["Config"] or []
            if "Subnet" in config
        ]

    def has_image(self, tag: str) -> bool:
        return self.run("image", "inspect", "--format", "{{.Id}}", tag, check=False).returncode == 0


def labels(values: Mapping[str, str]) -> Sequence[str]:
    """As options for `docker create` and the like."""
    return [part for key, value in sorted(values.items()) for part in ("--label", f"{key}={value}")]


def _filter(checkout: str | None) -> str:
    return LABEL if checkout is None else f"{LABEL}={checkout}"


def _container(raw: Mapping[str, Any]) -> Container:
    networks = raw["NetworkSettings"]["Networks"] or {}
    # A stopped container shows the address it asked for, a running one the address it has: they are the same.
    addresses = [
        (network.get("IPAMConfig") or {}).get("IPv4Address") or network.get("IPAddress", "")
        for network in networks.values()
    ]
    return Container(
        raw["Name"].lstrip("/"),
        raw["State"]["Status"],
        addresses[0] if addresses else "",
        raw["Config"].get("Image", ""),
        raw["Config"]["Labels"] or {},
    )
