"""A Docker that is there, with a container of its owner, and a Docker that comes as an archive: one node each."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e import snapshot
from tests.e2e.cluster import unfit
from tests.e2e.hosts import Host
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json
from tests.e2e.watching import command_lines

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_REGISTRY = "registry.example.org"
_PASSWORD = "canary-of-a-registry-5d1c0b7e"
_LOGIN = base64.b64encode(f"puller:{_PASSWORD}".encode()).decode()
# As somebody would have set it up before: a Docker without live-restore, and a container that nobody starts again.
_THEIR_DAEMON = '{"log-level":"warn", "bip": "10.99.0.1/24"}'
_SET_UP = f"""
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends docker.io >/dev/null
printf '%s' '{_THEIR_DAEMON}' >/etc/docker/daemon.json
chmod 0600 /etc/docker/daemon.json
systemctl restart docker
curl -fsS http://artifacts.sandbox:8080/images/pause-3.10.2.tar | docker load >/dev/null
docker run -d --name theirs registry.k8s.io/pause:3.10.2 >/dev/null
"""
_CONTAINER = "docker inspect -f '{{.Id}} {{.State.Running}} {{.State.Pid}} {{.State.StartedAt}}' theirs"
_LIVE_RESTORE = "docker info -f '{{.LiveRestoreEnabled}}'"
# Debian's programs in the layout of Docker's own archive.
_PACK = """
set -e
folder=$(mktemp -d)
mkdir "$folder/docker"
for program in dockerd docker containerd containerd-shim-runc-v2 ctr runc docker-init docker-proxy; do
    cp "$(PATH=/usr/sbin:/usr/bin:/usr/libexec/docker command -v "$program")" "$folder/docker/$program"
done
tar -C "$folder" -cz docker
rm -r "$folder"
"""
# Where a Docker that stays keeps what it does: images of the cluster among it.
_THEIR_OWN = ("/var/lib/docker/", "/var/lib/containerd/", "/run/docker/", "/run/containerd/")


def _set_up(lab: Lab, existing: Host) -> str:
    """Their Docker on one host, and the archive made of it beside the other downloads; returns its SHA-256."""
    existing.run(_SET_UP)
    packed = subprocess.run(
        ["docker", "exec", "-i", existing.container, "bash"],
        env=existing.env,
        input=_PACK.encode(),
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout
    (lab.place.checkout.artifacts / "docker-20.10.24.tgz").write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


@pytest.fixture
def sources(bare: Lab) -> Iterator[Lab]:
    """Both configured. Whatever the test does, nothing is deployed afterwards."""
    existing, archive = bare.hosts
    sha256 = _set_up(bare, existing)

    def configure(nodes: Json) -> None:
        nodes[existing.name]["docker"] = {"source": "existing"}
        nodes[archive.name]["docker"] = {
            "source": "archive",
            "archive": {"url": "http://artifacts.sandbox:8080/docker-20.10.24.tgz", "sha256": sha256},
            "dataRoot": "/srv/docker/data",
        }
        # What Debian's programs are linked with, unlike Docker's own.
        nodes[archive.name]["host"] = {"packages": ["libdevmapper1.02.1"]}

    bare.stack.configure_nodes(configure)
    login = {"username": "puller"}
    bare.stack.configure(lambda config: config["docker"].update({"registries": {_REGISTRY: login}}))
    path = f'docker.registries["{_REGISTRY}"].password'
    bare.stack.pulumi("config", "set", "--secret", "--path", path, _PASSWORD).demand()
    yield bare
    bare.bare()


def test_a_docker_that_is_there_serves_and_is_given_back_with_its_container(sources: Lab) -> None:
    lab = sources
    existing, archive = lab.hosts
    before = existing.snapshot()
    container = existing.run(_CONTAINER)
    assert " true " in container

    with command_lines(lab.hosts) as lines:
        result = lab.stack.up().demand()
    lab.note_unknown()
    MEASURED.add("up, one node on a Docker that is there and one from an archive", result.seconds, "s")
    assert unfit(lab.cluster.nodes()) == {}
    assert "these containers, which are not the cluster's, run on: theirs" in result.text
    assert existing.run(_CONTAINER) == container
    assert existing.run(_LIVE_RESTORE) == "true"
    assert archive.run("command -v dockerd") == "/usr/local/bin/dockerd"
    assert archive.run("docker info -f '{{.DockerRootDir}}'") == "/srv/docker/data"
    _demand_hidden_login(lab, archive, "\n".join(line for seen in lines.seen.values() for line in seen))
    lab.stack.preview("--expect-no-changes").demand()

    result = lab.stack.destroy().demand()
    MEASURED.add("destroy of these two", result.seconds, "s")
    assert existing.run(_CONTAINER) == container
    assert (
        existing.run("cat /etc/docker/daemon.json; stat -c ' %a' /etc/docker/daemon.json")
        == f"{_THEIR_DAEMON} 600"
    )
    assert existing.run(_LIVE_RESTORE) == "false"
    changed = snapshot.differences(before, existing.snapshot())
    assert [line for line in changed if not any(place in line for place in _THEIR_OWN)] == []
    assert lab.differences([archive]) == {}


def _demand_hidden_login(lab: Lab, host: Host, seen: str) -> None:
    """On the host for root alone, encrypted in the state, and nowhere else; the outputs are looked at afterwards."""
    config = "/var/lib/kubelet/config.json"
    assert _LOGIN in host.run(f"cat {config}")
    assert host.run(f"stat -c '%a %U' {config}") == "600 root"
    lab.canaries["password of a registry"] = _PASSWORD
    lab.canaries["login of a registry, base64"] = _LOGIN
    assert _LOGIN in lab.state(show_secrets=True)
    assert "credentials apply" in seen, "the watch slept"
    for text in (lab.state(show_secrets=False), seen, host.journal()):
        assert _PASSWORD not in text
        assert _LOGIN not in text
