"""What the scenarios share: place, stack, hosts, cluster, and the two states in which they start.

Owns: getting from any state to "deployed" (the stack is up with the present configuration) and to "bare" (destroyed,
configuration as committed, hosts given back), with as few runs of pulumi as possible: so each test can run alone, and
all of them together in few minutes.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from components.local.arguments import loaded
from tests.e2e import control_plane, snapshot
from tests.e2e.cluster import Cluster
from tests.e2e.hosts import Host, each
from tests.e2e.measured import MEASURED
from tests.e2e.place import Place
from tests.e2e.stack import Json, Result, Stack
from tests.e2e.watching import CommandLines, command_lines

HOSTS = 2
STACK = "dev"
_SSHD_SECONDS = 3
AUTHORITYS_KEY = "the cluster authority's key"
_KUBELETS = "kubelet's"


@dataclass(frozen=True)
class Creation:
    """The first `up` of all hosts, and what was seen meanwhile."""

    result: Result
    connections: Mapping[str, int]
    open_afterwards: Mapping[str, list[str]]
    command_lines: CommandLines


@dataclass(frozen=True)
class Removal:
    """The destroy that took everything away again."""

    result: Result
    connections: Mapping[str, int]
    open_afterwards: Mapping[str, list[str]]


class Lab:
    """One per run of the suite."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.said: list[str] = []
        self.stack = Stack(place, STACK, self.said)
        self.hosts = self.configured_hosts()
        self.cluster = Cluster(place)
        self.canaries: dict[str, str] = {}
        """Secret texts that must stand nowhere, by what they are."""
        self.creation: Creation | None = None
        self.removal: Removal | None = None
        self._deployed_with: str | None = None
        self._failed = ""
        # One host has no more than the system needs; the rest is kubenode's to bring, and to take back.
        self.hosts[-1].run("apt-get -qq -y purge --autoremove curl ca-certificates >/dev/null 2>&1")
        # As after any login: what the first session of a boot leaves in /run belongs to before.
        each(self.hosts, lambda host: host.ssh("true"))
        self.before: dict[str, snapshot.Snapshot] = each(self.hosts, Host.snapshot)
        self.stack.init()

    def configured_hosts(self) -> list[Host]:
        """Those of the nodes file."""
        nodes = yaml.safe_load(self.place.checkout.nodes_file.read_text(encoding="utf-8"))
        return [Host(self.place, name, node["address"]) for name, node in sorted(nodes.items())]

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def deployed(self) -> None:
        """Have the stack up with the configuration as it is now."""
        if self._deployed_with == self.stack.configuration():
            return
        assert not self._failed, f"the stack could not be brought up before: {self._failed}"
        if self.creation is None:
            self._create()
        else:
            result = self.stack.up()
            self._demand_deployed(result)
        self.note_deployed()
        self.note_canaries()

    def note_deployed(self) -> None:
        """A test brought the stack up itself."""
        self._deployed_with = self.stack.configuration()

    def note_unknown(self) -> None:
        """A test left the stack in a state of its own."""
        self._deployed_with = None

    def bare(self) -> None:
        """Have nothing deployed, and the configuration as committed."""
        if self.stack.resources():
            before = self.connections()
            result = self.stack.destroy()
            self.note_unknown()
            result.demand()
            if self.removal is None and self.creation is not None:
                self.removal = Removal(result, self._since(before), self.open_connections())
                MEASURED.add("destroy, two nodes", result.seconds, "s")
                most = max(self.removal.connections.values())
                MEASURED.add("SSH connections for destroying a node", most, "connections", "at most 8")
        self.note_unknown()
        self.stack.restore_configuration()

    def cut_power(self, host: Host) -> None:
        """A host off, and on again."""
        host.cut_power()
        self.switch_on()

    def switch_on(self) -> None:
        """All hosts that there are."""
        files = (self.stack.nodes_file, self.stack.file)
        texts = [path.read_text(encoding="utf-8") for path in files]
        self.place.up(len(self.hosts))
        # The sandbox writes its hosts anew.
        for path, text in zip(files, texts, strict=True):
            path.write_text(text, encoding="utf-8")

    def only(self, *names: str) -> None:
        """Have these nodes alone in the configuration."""

        def edit(nodes: Json) -> None:
            for name in set(nodes) - set(names):
                del nodes[name]

        self.stack.configure_nodes(edit)

    def connections(self) -> dict[str, int]:
        """SSH logins so far, by host."""
        return each(self.hosts, Host.connections)

    def open_connections(self) -> dict[str, list[str]]:
        """What is still open when sshd had a moment to notice the ends."""
        deadline = time.monotonic() + _SSHD_SECONDS
        while any(each(self.hosts, Host.open_connections).values()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return each(self.hosts, Host.open_connections)

    def differences(self, hosts: list[Host] | None = None) -> dict[str, list[str]]:
        """How hosts differ from before the first `up`; hosts that do not are left out."""
        found = each(hosts or self.hosts, Host.snapshot)
        all_of_them = {name: snapshot.differences(self.before[name], after) for name, after in found.items()}
        return {name: lines for name, lines in all_of_them.items() if lines}

    def state(self, *, show_secrets: bool) -> str:
        return self.stack.export(show_secrets=show_secrets)

    def _create(self) -> None:
        before = self.connections()
        with command_lines(self.hosts) as lines:
            result = self.stack.up()
        self._demand_deployed(result)
        self.creation = Creation(result, self._since(before), self.open_connections(), lines)
        MEASURED.add("up, two nodes from nothing", result.seconds, "s")
        most = max(self.creation.connections.values())
        MEASURED.add("SSH connections for creating a node", most, "connections", "at most 8")

    def _demand_deployed(self, result: Result) -> None:
        if not result.ok:
            self._failed = f"'{result.command}' ended with {result.code}"
        result.demand()

    def _since(self, before: Mapping[str, int]) -> dict[str, int]:
        return {name: count - before[name] for name, count in self.connections().items()}

    def note_canaries(self) -> None:
        """The secrets of the stack as it is now: from its decrypted state, files, its hosts and the control plane."""
        # An OpenSSH key starts with what is public, and ends with what is not.
        for number, line in enumerate(
            _body(self.place.checkout.private_key.read_text(encoding="utf-8"))[-2:]
        ):
            self.canaries[f"SSH private key, {('last line but one', 'last line')[number]}"] = line
        for resource in json.loads(self.state(show_secrets=True))["deployment"]["resources"]:
            name = resource["urn"].split("::")[-1]
            private = resource.get("outputs", {}).get("privateKeyPem")
            if private:
                pem = _plain(private)
                self.canaries[f"key of {name}"] = _private_line(pem)
                self.canaries[f"key of {name}, base64"] = base64.b64encode(pem.encode()).decode()[48:112]
            if name.endswith("-bootstrap-token") and resource["type"] == "command:local:Command":
                secret = loaded(_plain(resource["inputs"]["stdin"]))["tokenSecret"]
                self.canaries[f"token secret of {name}"] = secret
        kubeconfig = yaml.safe_load(self.place.checkout.kubeconfig.read_text(encoding="utf-8"))
        admin = kubeconfig["users"][0]["user"]["client-key-data"]
        self.canaries["administrator's key"] = admin[48:112]
        self.canaries[AUTHORITYS_KEY] = _private_line(control_plane.authority_key(self.place))
        for name, own in each(self.hosts, _kubelets_keys).items():
            self.canaries |= {f"{_KUBELETS} {kind} key on {name}": line for kind, line in own.items()}

    def kubelets_keys(self) -> dict[str, str]:
        """The canaries that kubelets made themselves; each name ends in that of its host."""
        return {what: line for what, line in self.canaries.items() if what.startswith(_KUBELETS)}


def _kubelets_keys(host: Host) -> dict[str, str]:
    """A secret line of each key that its kubelet has made itself, by what it is for."""
    path = "/var/lib/kubelet/pki/kubelet-{}-current.pem"
    found = {kind: host.run(f"cat {path.format(kind)} 2>/dev/null || :") for kind in ("client", "server")}
    return {
        kind: _private_line(pem[pem.rindex("-----BEGIN") :])
        for kind, pem in found.items()
        if "PRIVATE KEY" in pem
    }


def _private_line(pem: str) -> str:
    """A line of a private key that nothing public has: of RSA the last but one, else the first."""
    lines = _body(pem)
    return lines[-2] if len(lines) > 8 else lines[0]


def _body(pem: str) -> list[str]:
    """The lines of a PEM file between its frame."""
    return [line for line in pem.splitlines() if line and not line.startswith("-----")]


def _plain(value: object) -> str:
    """A property of an export with its secrets shown."""
    if isinstance(value, dict):
        shown = json.loads(value["plaintext"])
        return str(shown)
    return str(value)
