"""A node the hard way: behind a bastion, with a password and no root login, through a proxy that wants a password, with
packages from a mirror, while somebody else's package manager is at work.
"""

from __future__ import annotations

import secrets
import subprocess
import sys

import pytest

from tests.e2e import snapshot
from tests.e2e.cluster import is_ready, is_schedulable
from tests.e2e.hosts import Host
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.operator import USER, operator, package_lock
from tests.e2e.proxy import proxy
from tests.e2e.stack import Json
from tests.e2e.watching import command_lines

pytestmark = [pytest.mark.sandbox, pytest.mark.long]


def _configure(lab: Lab, bastion: Host, host: Host, archive: str) -> None:
    def edit(nodes: Json) -> None:
        key = nodes.pop(bastion.name)["ssh"]["hostKey"]
        nodes[host.name]["ssh"] |= {
            "user": USER,
            "bastion": {
                "address": bastion.address,
                "user": "root",
                "privateKeyFile": ".sandbox/ssh/id_ed25519",
                "hostKey": key,
            },
        }
        nodes[host.name]["host"] = {"packageMirror": {"url": archive}}

    lab.stack.configure_nodes(edit)


def test_up_and_destroy(bare: Lab) -> None:
    lab = bare
    bastion, host = lab.hosts
    archive = host.run("grep -rhoE 'http://[^ ]+' /etc/apt/sources.list* | grep -v security | head -n 1")
    archive = archive.rstrip("/")
    sources = host.run("find /etc/apt -type f | sort | xargs sha256sum")
    gateway = host.run("ip -4 route show default | cut -d' ' -f3")
    names = {"artifacts.sandbox": host.run("getent ahostsv4 artifacts.sandbox | cut -d' ' -f1 | head -n 1")}
    password = lab.canaries["password of the proxy"] = secrets.token_hex(12)
    login = lab.canaries["password of the login"] = secrets.token_hex(12)
    _configure(lab, bastion, host, archive)
    with (
        operator(host, may_become_root=True, password=login),
        proxy(gateway, "kube", password, names) as proxied,
    ):
        before = host.snapshot()
        logins = lab.connections()

        # In plain text it is refused.
        lab.stack.configure(lambda config: config["host"].update({"proxy": {"http": proxied.url}}))
        result = lab.stack.preview().demand_failure()
        assert "host.proxy.http: is a secret, and so must be encrypted: pulumi config set " in result.text
        lab.stack.configure(lambda config: config["host"].pop("proxy"))
        lab.stack.pulumi("config", "set", "--secret", "--path", "host.proxy.http", proxied.url).demand()
        lab.stack.configure(lambda config: config["ssh"].pop("privateKeyFile"))
        lab.stack.pulumi("config", "set", "--secret", "--path", "ssh.password", login).demand()
        lab.stack.preview("--diff").demand()
        assert lab.connections() == logins

        with package_lock(host) as lock, command_lines([host]) as lines:
            result = lab.stack.up().demand()
        MEASURED.add("up of a node behind a bastion, by sudo", result.seconds, "s")
        assert lock == ["met"]
        (node,) = lab.cluster.nodes().values()
        assert is_ready(node)
        assert is_schedulable(node)

        # Everything came through the proxy, and packages from the mirror.
        assert archive in host.run("cat /var/lib/kubenode/apt/sources.list")
        assert host.run("find /etc/apt -type f | sort | xargs sha256sum") == sources
        assert any(url.startswith(f"{archive}/dists/") for url in proxied.asked)
        assert any("/docker.io_" in url for url in proxied.asked)
        assert any(url.startswith("http://artifacts.sandbox:8080/") for url in proxied.asked)
        assert "HTTP Proxy: http://xxxxx:xxxxx@" in host.run("docker info 2>/dev/null")
        # And nobody sees the passwords.
        shown, exported = lab.state(show_secrets=True), lab.state(show_secrets=False)
        seen = {where: "\n".join(found) for where, found in lines.seen.items()}
        assert "docker apply" in seen[host.name], "the watch slept"
        for secret in (password, login):
            assert secret in shown
            assert secret not in exported
            assert [where for where, text in seen.items() if secret in text and where == host.name] == []
        # Network namespaces among the files of /run cannot be read.
        found = host.run(f"grep -rlsF {password} /etc /run /usr/local /var/lib/kubenode || :")
        assert found == "/etc/kubenode/proxy.env"

        # As many logins on the bastion as on the host: nobody comes another way.
        after = lab.connections()
        assert after[bastion.name] - logins[bastion.name] == after[host.name] - logins[host.name] <= 8
        accepted = host.run(
            "journalctl --sync; journalctl -u ssh -o cat | grep -E '^Accepted (publickey|password) '"
        )
        ours = accepted.splitlines()[logins[host.name] :]
        assert len(ours) == after[host.name] - logins[host.name]
        assert all(line.startswith(f"Accepted password for {USER} ") for line in ours), ours
        assert all(f" from {bastion.address} port " in line for line in ours), ours
        # Another program asks for the key through the same bastion.
        collected = subprocess.run(
            [sys.executable, "-m", "components.hostkeys", "--stack", lab.stack.name],
            cwd=lab.place.root,
            env=lab.place.env,
            text=True,
            capture_output=True,
            check=False,
        )
        assert collected.returncode == 0, collected.stdout + collected.stderr
        assert collected.stdout.count(" as configured\n") == 2

        lab.stack.preview("--expect-no-changes").demand()
        lab.stack.destroy().demand()
        assert lab.cluster.nodes() == {}
        assert snapshot.differences(before, host.snapshot()) == []
    assert lab.differences() == {}
