"""A sandbox host as the tests see it: from inside its container, never over SSH unless SSH is what is tested.

Owns: commands in a host, its SSH connections, its units. Does not own what a host should look like (`snapshot.py`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from tests.e2e import snapshot
from tests.e2e.place import Place

T = TypeVar("T")
_LOCK = "/run/lock/kubenode"
CLIENT_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
"""Of a kubelet that asked for it: the certificate, and its key in the same file."""


class Host:
    """One host by its node's name."""

    def __init__(self, place: Place, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.container = place.checkout.name(name)
        self.env: Mapping[str, str] = place.env

    def run(self, script: str, *, check: bool = True, seconds: float = 300) -> str:
        """What a bash script prints that runs as root in the host. Makes no SSH connection."""
        done = subprocess.run(
            ["docker", "exec", "-i", self.container, "bash"],
            env=self.env,
            input=script,
            text=True,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0 or not check, (
            f"{self.name}: {script!r} failed: {done.stdout}{done.stderr}"
        )
        return done.stdout.strip()

    def ssh(self, command: str) -> str:
        """What a command prints over SSH, with the login that the stack uses."""
        done = subprocess.run(
            ["ssh", self.name, command],
            env=self.env,
            stdin=subprocess.DEVNULL,
            text=True,
            capture_output=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def connections(self) -> int:
        """How many SSH logins there were since the host was made."""
        return int(
            self.run(
                "journalctl --sync; journalctl -u ssh -o cat | grep -cE '^Accepted (publickey|password)' || :"
            )
        )

    def open_connections(self) -> list[str]:
        """SSH connections that are open now."""
        return self.run(
            "ss -Htn state established '( sport = :22 )'; pgrep -a -f '^sshd.*: .*@' || :"
        ).splitlines()

    def journal(self) -> str:
        return self.run("journalctl --sync; journalctl --no-pager -o cat")

    def unit(self, unit: str, field: str = "ActiveState") -> str:
        return self.run(f"systemctl show -P {field} {unit}")

    def started(self, unit: str) -> int:
        """When the unit last became active, in microseconds since the machine booted."""
        return int(self.unit(unit, "ActiveEnterTimestampMonotonic"))

    def exists(self, path: str) -> bool:
        return self.run(f"test -e '{path}' && echo yes || :") == "yes"

    def snapshot(self) -> snapshot.Snapshot:
        return snapshot.take(self.run)

    def works_on(self, part: str, verb: str = "apply") -> bool:
        """Whether a command of that part runs here now: it holds the lock and says so."""
        return (
            self.run(
                f"grep -q '^{part} {verb}' {_LOCK} 2>/dev/null && ! flock -n {_LOCK} true && echo yes || :"
            )
            == "yes"
        )

    def cut_power(self) -> None:
        """As if somebody pulled the plug: nothing ends in order. The sandbox's `up` switches it on again."""
        subprocess.run(
            ["docker", "kill", self.container], env=self.env, capture_output=True, timeout=60, check=True
        )

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Nothing gets to the host and nothing out of it, while its kubelet runs on: dead, as seen from outside."""
        # Not by docker: it would come back with another interface, and the pod network hangs on this one.
        routes = self.run("ip -4 route show default")
        self.run("ip link set eth0 down")
        try:
            yield
        finally:
            self.run(f"ip link set eth0 up; ip route replace {routes}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The host's lock, as if another kubenode command ran: what comes meanwhile waits."""
        script = f"mkdir -p /run/lock; exec 9>>{_LOCK}; flock 9; echo held; read -r _ || :"
        holder = subprocess.Popen(
            ["docker", "exec", "-i", self.container, "bash", "-c", script],
            env=self.env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate("\n", timeout=30)


def each(hosts: list[Host], work: Callable[[Host], T]) -> dict[str, T]:
    """The same for every host, side by side; results by the host's name."""
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        return dict(zip([host.name for host in hosts], pool.map(work, hosts), strict=True))
