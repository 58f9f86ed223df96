"""Docker from its own repository, from an archive, and one that is there already: a whole life of each."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from typing import Any

import pytest

from components.docker import files
from components.remote.bundle import Artifact, HostFile
from tests.shell import bundles
from tests.shell.box import RECORD, Box

DAEMON = "/etc/docker/daemon.json"
OURS = '{\n  "live-restore": true,\n  "log-driver": "json-file"\n}\n'
PROGRAMS = (
    "dockerd",
    "docker",
    "containerd",
    "containerd-shim-runc-v2",
    "runc",
    "docker-init",
    "docker-proxy",
)


@pytest.fixture
def debian(host: Box) -> Box:
    """A host that can install Docker, and whose accounts know nothing of it."""
    bundles.has_docker_packages(host)
    host.shell("sed -i /^docker:/d /etc/group /etc/gshadow; rm -rf /opt/containerd")
    return host


def _apply(host: Box, bundle: str) -> str:
    done = host.run("docker", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _refused(host: Box, bundle: str) -> str:
    before, packages = host.state(), host.text("/state/packages")
    done = host.run("docker", "apply", bundle)
    assert done.returncode == 1
    assert host.state() == before
    assert host.text("/state/packages") == packages
    return done.stderr


def _remove(host: Box, bundle: str) -> str:
    done = host.run("docker", "remove", bundle)
    assert done.returncode == 0, done.stderr
    assert host.leftovers() == []
    return done.stdout


def _packages(host: Box) -> list[str]:
    return sorted(host.text("/state/packages").splitlines())


def _restarts(host: Box, unit: str) -> int:
    return len(host.calls(f"systemctl restart {unit}", f"systemctl start {unit}"))


# ---------------------------------------------------------------------------------------------------------------------
# Docker's own repository.

CE = ("docker-ce", "docker-ce-cli", "containerd.io")
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"


@pytest.fixture
def with_repository(debian: Box) -> Box:
    """Docker's packages can be installed by an apt that is told of Docker's repository, and only by that."""
    debian.put("/state/depends", "docker-ce iptables\ndocker-ce-cli\ncontainerd.io\n")
    install = debian.text("/state/install-docker.io")
    see = 'parts=${all##*Dir::Etc::sourceparts=}; cat "${parts%% *}/kubenode-docker.list" >/state/list\n'
    key = f"cp {files.REPOSITORY_KEY} /state/key; ls -1 /var/lib/kubenode/apt/sources >/state/sources\n"
    debian.put("/state/install-docker-ce", f"{see}{key}groupadd --system docker\n{install}")
    debian.put("/state/purge-docker-ce", debian.text("/state/purge-docker.io"))
    debian.put("/etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n")
    return debian


def _repository(
    host: Box, repository: str = "stable", packages: Sequence[str] = CE, key: str = KEY, daemon: str = OURS
) -> str:
    artifact = Artifact("docker-key", files.REPOSITORY_KEY, *bundles.mirrored(host, key), mode="0644")
    bundle = bundles.docker(
        host, daemon, package="", artifacts=[artifact], source=["docker"], repository=[repository]
    )
    lines = "".join(f"set | package {name}\n" for name in packages)
    return bundle.replace("set | repository", f"{lines}set | repository")


def test_a_whole_life_from_docker_s_repository_leaves_nothing(with_repository: Box) -> None:
    host = with_repository
    host.put("/etc/apt/sources.list.d/theirs.list", "deb http://theirs bookworm main\n")
    before, packages = host.state(), _packages(host)
    said = _apply(host, _repository(host))
    assert f"installed {' '.join(CE)} in " in said
    assert host.text("/state/list") == (
        "deb [arch=amd64 signed-by=/etc/apt/keyrings/kubenode-docker.asc] "
        "https://download.docker.com/linux/debian bookworm stable\n"
    )
    assert host.text("/state/key") == KEY
    # The host's own sources are there besides. Nothing is added to them, and nothing of Docker's stays for apt.
    assert "theirs.list" in host.text("/state/sources")
    assert "kubenode" not in "".join(path.name for path in host.path("/etc/apt/sources.list.d").iterdir())
    assert not host.path(f"{RECORD}/apt/sources").exists()
    assert not host.path(f"{RECORD}/apt/docker-lists").exists()
    assert [f"hi {name}" for name in sorted(CE)] == [
        line for line in _packages(host) if line.startswith("hi")
    ]
    host.forget_calls()
    assert _apply(host, _repository(host)) == "docker: nothing to change\n"
    assert host.calls("apt-get") == []
    assert _remove(host, _repository(host)) == "docker: removed\n"
    assert _packages(host) == packages
    assert host.state() == before


def test_a_mirror_of_the_repository_serves_any_distribution(with_repository: Box) -> None:
    with_repository.put("/etc/os-release", "ID=devuan\nVERSION_CODENAME=daedalus\n")
    stderr = with_repository.run("docker", "apply", _repository(with_repository)).stderr
    assert (
        "Docker has no repository of packages for devuan that kubenode knows: set docker.repository.url"
        in stderr
    )
    _apply(with_repository, _repository(with_repository, "test http://mirror.example/docker"))
    assert with_repository.text("/state/list").endswith("] http://mirror.example/docker daedalus test\n")


def test_another_version_is_installed_and_docker_restarted(with_repository: Box) -> None:
    host = with_repository
    _apply(host, _repository(host, packages=("docker-ce=5:27.5.1-1", *CE[1:])))
    host.forget_calls()
    said = _apply(host, _repository(host, packages=("docker-ce=5:28.0.0-1", *CE[1:])))
    assert "docker-ce was 5:27.5.1-1" in said
    assert _restarts(host, "docker.service") == 1
    assert "hi docker-ce" in _packages(host)
    assert "docker-ce 5:28.0.0-1" in host.text("/state/versions")


def test_a_version_that_does_not_run_is_exchanged_for_the_one_before(with_repository: Box) -> None:
    host = with_repository
    _apply(host, _repository(host, packages=("docker-ce=5:27.5.1-1", *CE[1:])))
    before, packages, running = host.state(), _packages(host), host.running()
    done = host.run("docker", "apply", _repository(host, packages=("docker-ce=5:28.0.0-broken", *CE[1:])))
    assert done.returncode == 1
    assert "docker.service is not healthy" in done.stderr
    assert "The previous files and packages are back and docker.service runs with them." in done.stderr
    assert "put back docker-ce=5:27.5.1-1" in done.stderr
    assert "docker-ce 5:27.5.1-1" in host.text("/state/versions")
    assert _packages(host) == packages, "on hold as before"
    assert host.running() == running
    _apply(host, _repository(host, packages=("docker-ce=5:27.5.1-1", *CE[1:])))
    assert host.state() == before


def test_a_key_that_is_another_one_stops_before_anything_changes(with_repository: Box) -> None:
    bundle = _repository(with_repository)
    other = bundles.mirrored(with_repository, "another key\n")[0]
    mine = bundles.mirrored(with_repository, KEY)[0]
    stderr = _refused(with_repository, bundle.replace(mine, other))
    assert "has SHA-256" in stderr
    assert "Nothing was changed" in stderr


def test_no_package_of_somebody_else_is_pushed_out(with_repository: Box) -> None:
    _apply(with_repository, _repository(with_repository))
    assert all("--no-remove" in call for call in with_repository.calls("apt-get") if " install " in call)


def test_docker_s_packages_that_do_not_get_healthy_are_stopped_and_go(with_repository: Box) -> None:
    before, packages = with_repository.state(), _packages(with_repository)
    done = with_repository.run("docker", "apply", _repository(with_repository, daemon="broken\n"))
    assert done.returncode == 1
    assert "docker.service is not healthy" in done.stderr
    assert with_repository.running() == {}
    _remove(with_repository, _repository(with_repository))
    assert _packages(with_repository) == packages
    assert with_repository.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# A static archive.

_UNITS = {"containerd.service": "containerd", "docker.service": "dockerd"}


def _static(version: str = "27.5.1", without: str = "") -> bytes:
    return bundles.archive(
        {f"docker/{name}": f"#!/bin/sh\n# {name} {version}\n" for name in PROGRAMS if name != without}
    )


def _archive(host: Box, archive: bytes | None = None, daemon: str = OURS, **settings: Any) -> str:
    units = [
        HostFile(name, f"/etc/systemd/system/{name}", f"[Service]\nExecStart=/usr/local/bin/{program}\n")
        for name, program in _UNITS.items()
    ]
    socket = HostFile(
        "docker.socket", "/etc/systemd/system/docker.socket", "[Socket]\nListenStream=/run/docker.sock\n"
    )
    artifact = Artifact(
        "docker-archive", "/usr/local/bin/", *bundles.mirrored(host, archive or _static()), member="docker/"
    )
    # What containerd makes when it starts.
    host.put(
        "/state/start-containerd.service",
        "mkdir -p /run/containerd /var/lib/containerd/x /opt/containerd/bin\n"
        "[ -e /run/containerd/containerd.sock ] || cp -a /state/socket /run/containerd/containerd.sock\n",
    )
    root = next(iter(settings.get("data_root", ["/var/lib/docker"])))
    host.put("/state/start-docker.service", f"mkdir -p {root}/image; echo x >{root}/engine-id\n")
    return bundles.docker(
        host, daemon, package="", more=[*units, socket], artifacts=[artifact], source=["archive"], **settings
    )


def test_a_whole_life_from_an_archive_leaves_nothing(debian: Box) -> None:
    before = debian.state()
    said = _apply(debian, _archive(debian))
    assert set(debian.running()) == {
        "containerd.service", "docker.socket", "docker.service", "cri-docker.socket", "cri-docker.service",
    }  # fmt: skip
    for name in PROGRAMS:
        path = debian.path(f"/usr/local/bin/{name}")
        assert f"# {name} 27.5.1" in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
        assert path.stat().st_uid == 0
    assert "docker:" in debian.text("/etc/group")
    assert "started docker.service" in said or "restarted docker.service" in said
    assert debian.calls("apt-get", "apt-mark") == []
    debian.forget_calls()
    assert _apply(debian, _archive(debian)) == "docker: nothing to change\n"
    assert debian.calls("systemctl restart", "systemctl start", "systemctl stop") == []
    assert _remove(debian, _archive(debian)) == "docker: removed\n"
    assert debian.running() == {}
    assert debian.state() == before


def test_another_archive_restarts_containerd_and_docker(debian: Box) -> None:
    _apply(debian, _archive(debian))
    debian.forget_calls()
    _apply(debian, _archive(debian, _static("28.0.0", without="docker-init")))
    assert (_restarts(debian, "containerd.service"), _restarts(debian, "docker.service")) == (1, 1)
    assert "28.0.0" in debian.text("/usr/local/bin/dockerd")
    # What the new one lacks is given back.
    assert not debian.path("/usr/local/bin/docker-init").exists()


def test_a_changed_setting_restarts_docker_only(debian: Box) -> None:
    _apply(debian, _archive(debian))
    debian.forget_calls()
    _apply(debian, _archive(debian, daemon='{"debug": true}\n'))
    assert (_restarts(debian, "containerd.service"), _restarts(debian, "docker.service")) == (0, 1)


def test_an_archive_that_does_not_run_is_taken_back_whole(debian: Box) -> None:
    _apply(debian, _archive(debian))
    before, running = debian.state(), debian.running()
    broken = bundles.archive({f"docker/{name}": f"#!/bin/sh\n# {name} broken\n" for name in PROGRAMS})
    done = debian.run("docker", "apply", _archive(debian, broken))
    assert done.returncode == 1
    assert "docker.service is not healthy" in done.stderr
    assert debian.state() == before
    assert debian.running() == running


@pytest.mark.parametrize(
    "content",
    [
        _static(without="containerd-shim-runc-v2"),
        bundles.archive({"bin/dockerd": "x"}),
        b"<html>not here</html>",
    ],
    ids=["incomplete", "other", "page"],
)
def test_what_is_no_archive_of_docker_stops_before_anything_changes(debian: Box, content: bytes) -> None:
    stderr = _refused(debian, _archive(debian, content))
    assert "is no static archive of Docker: it holds no docker/" in stderr
    assert "Correct docker.archive" in stderr


def test_a_containerd_of_somebody_else_is_in_the_way_of_an_archive(debian: Box) -> None:
    debian.put("/lib/systemd/system/containerd.service", "[Service]\nExecStart=/usr/bin/containerd\n")
    assert "which brings its own containerd, and there is one here already" in _refused(
        debian, _archive(debian)
    )


# ---------------------------------------------------------------------------------------------------------------------
# The data root.


def test_a_data_root_of_its_own_goes_with_the_folders_it_lies_in(debian: Box) -> None:
    before = debian.state()
    bundle = _archive(debian, data_root=["/data/of/docker"])
    _apply(debian, bundle)
    assert debian.text("/data/of/docker/engine-id")
    assert _remove(debian, bundle) == "docker: removed\n"
    assert debian.state() == before


def test_containers_of_others_keep_a_data_root_of_its_own(debian: Box) -> None:
    bundle = _archive(debian, data_root=["/data/docker"])
    _apply(debian, bundle)
    debian.put("/data/docker/volumes/v/_data/x", "precious\n")
    assert "/data/docker stays: it holds containers or volumes" in _remove(debian, bundle)
    assert debian.text("/data/docker/volumes/v/_data/x") == "precious\n"


@pytest.mark.parametrize(("one", "other"), [([], ["/data/docker"]), (["/data/docker"], [])])
def test_the_data_root_of_a_node_cannot_change(debian: Box, one: list[str], other: list[str]) -> None:
    _apply(debian, bundles.docker(debian, data_root=one))
    running = debian.running()
    stderr = _refused(debian, bundles.docker(debian, data_root=other))
    was, wanted = (found[0] if found else "/var/lib/docker" for found in (one, other))
    assert f"docker.dataRoot was {was} when this node was made, and cannot become {wanted}" in stderr
    assert "remove the node, 'pulumi up', add it again, 'pulumi up'" in stderr
    assert debian.running() == running


def test_the_source_of_a_node_s_docker_cannot_change(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    # As a release before there was a choice left it.
    debian.path(f"{RECORD}/parts/docker/chosen").unlink()
    assert _apply(debian, bundles.docker(debian, source=["distribution"])) == "docker: nothing to change\n"
    assert "docker.source was distribution when this node was made" in _refused(debian, _archive(debian))


def test_after_a_first_try_that_failed_another_choice_begins_anew(debian: Box) -> None:
    before, packages = debian.state(), _packages(debian)
    assert debian.run("docker", "apply", bundles.docker(debian, "broken\n")).returncode == 1
    said = _apply(debian, _archive(debian, data_root=["/data/docker"]))
    assert "undoing the first try, which had docker.source distribution" in said
    assert _packages(debian) == packages
    _remove(debian, _archive(debian))
    assert debian.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# A Docker that is there, and how it is with the containers that run in it.

# A container outlives a restart only if the Docker that stops and the one that starts both have live-restore.
_START = """\
live=$(sed -n 's/.*"live-restore": *\\([a-z]*\\).*/\\1/p' /etc/docker/daemon.json 2>/dev/null)
[ "$(cat /state/live 2>/dev/null)" = true ] && [ "$live" = true ] || sed -i '/^theirs/d' /state/containers
echo "${live:-false}" >/state/live
"""
_RELOAD = """\
live=$(sed -n 's/.*"live-restore": *\\([a-z]*\\).*/\\1/p' /etc/docker/daemon.json 2>/dev/null)
[ -z "$live" ] || echo "$live" >/state/live
"""


@pytest.fixture
def theirs(debian: Box) -> Box:
    """A host with a docker-ce that runs, and a container in it."""
    debian.put("/state/depends", "docker-ce containerd.io\n")
    debian.put("/state/install-docker-ce", debian.text("/state/install-docker.io"))
    debian.shell("apt-get install -y docker-ce; mkdir -p /etc/docker; groupadd --system docker")
    debian.put("/state/containers", "theirs-db\nk8s_web 0123-uid\n")
    debian.put("/state/live", "false\n")
    debian.put("/state/start-docker.service", _START)
    debian.put("/state/reload-docker.service", _RELOAD)
    debian.forget_calls()
    return debian


def _existing(host: Box, daemon: str = OURS, **more: Any) -> str:
    return bundles.docker(host, daemon, package="", source=["existing"], **more)


@pytest.mark.parametrize("live", ["", '"live-restore": false, ', '"live-restore": true, '])
@pytest.mark.parametrize("with_file", [True, False])
def test_a_docker_that_is_there_is_configured_in_place_and_given_back(
    theirs: Box, live: str, with_file: bool
) -> None:
    if with_file:
        theirs.put(
            DAEMON, f'{{{live}"log-driver": "journald",\n\t"bip": "10.9.0.1/24", "labels": ["a=}}"]}}', 0o600
        )
        theirs.put("/state/live", "true\n" if "true" in live else "false\n")
        theirs.shell("systemctl daemon-reload; systemctl restart docker.service")
        theirs.put("/state/containers", "theirs-db\n")
        theirs.forget_calls()
    elif live:
        pytest.skip("without a file it says nothing")
    before, packages, running = theirs.state(), _packages(theirs), theirs.running()
    was_alive = theirs.text("/state/live")
    said = _apply(theirs, _existing(theirs))
    merged = json.loads(theirs.text(DAEMON))
    assert merged == {
        **({"bip": "10.9.0.1/24", "labels": ["a=}"]} if with_file else {}),
        "live-restore": True,
        "log-driver": "json-file",
    }
    assert stat.S_IMODE(theirs.path(DAEMON).stat().st_mode) == (0o600 if with_file else 0o644)
    assert "these containers, which are not the cluster's, run on: theirs-db" in said
    assert "k8s_web" not in said
    assert "theirs-db" in theirs.text("/state/containers")
    assert theirs.calls("apt-get", "apt-mark hold") == []
    theirs.forget_calls()
    assert _apply(theirs, _existing(theirs)) == "docker: nothing to change\n"
    assert _restarts(theirs, "docker.service") == 0
    _remove(theirs, _existing(theirs))
    assert "theirs-db" in theirs.text("/state/containers")
    assert theirs.text("/state/live") == was_alive
    assert _packages(theirs) == packages
    assert theirs.state() == before
    assert theirs.running().keys() == running.keys()
    assert theirs.calls("systemctl stop docker.service", "docker rm") == []


def test_a_docker_without_containers_is_simply_restarted(theirs: Box) -> None:
    theirs.put("/state/containers", "k8s_web 0123-uid\n")
    said = _apply(theirs, _existing(theirs))
    assert "not the cluster's" not in said
    assert theirs.calls("systemctl reload") == []
    assert _restarts(theirs, "docker.service") == 1


def test_a_setting_that_is_not_ours_stays_as_the_host_has_it(theirs: Box) -> None:
    theirs.put(DAEMON, '{"live-restore": true, "log-driver": "journald"}\n')
    theirs.put("/state/live", "true\n")
    _apply(theirs, _existing(theirs, '{"log-driver": "json-file"}\n'))
    assert json.loads(theirs.text(DAEMON)) == {"live-restore": True, "log-driver": "json-file"}
    _apply(theirs, _existing(theirs, '{"debug": true}\n'))
    assert json.loads(theirs.text(DAEMON)) == {"live-restore": True, "log-driver": "journald", "debug": True}


def test_a_docker_that_cannot_live_on_says_what_stops(theirs: Box) -> None:
    theirs.path("/state/reload-docker.service").unlink()
    said = _apply(theirs, _existing(theirs))
    assert (
        "docker.service restarts, and with it these containers, which are not the cluster's: theirs-db"
        in said
    )
    assert json.loads(theirs.text(DAEMON)) == json.loads(OURS)


def test_a_failed_change_gives_back_their_file_and_their_containers(theirs: Box) -> None:
    theirs.put(DAEMON, '{"bip": "10.9.0.1/24"}\n', 0o600)
    before, running = theirs.state(), theirs.running().keys()
    done = theirs.run("docker", "apply", _existing(theirs, '{"broken": 1, "live-restore": true}\n'))
    assert done.returncode == 1
    assert "The previous files are back and docker.service runs with them." in done.stderr
    assert theirs.state() == before
    assert theirs.running().keys() == running
    assert "theirs-db" in theirs.text("/state/containers")
    assert theirs.text("/state/live") == "false\n"


def test_a_daemon_json_that_is_none_stops_before_it_is_touched(theirs: Box) -> None:
    theirs.put(DAEMON, '{"bip": "10.9.0.1/24",}\n')
    done = theirs.run("docker", "apply", _existing(theirs))
    assert done.returncode == 1
    assert f"{DAEMON} is no JSON object: a comma stands before no key. Correct it on the host" in done.stderr
    assert theirs.text(DAEMON) == '{"bip": "10.9.0.1/24",}\n'
    assert _restarts(theirs, "docker.service") == 0


@pytest.mark.parametrize("source", ["distribution", "docker", "archive"])
def test_a_docker_from_elsewhere_is_refused_and_existing_named(theirs: Box, source: str) -> None:
    if source == "docker":
        theirs.shell("sed -i 's/docker-ce/docker.io/' /state/packages")
    bundle = {
        "distribution": lambda: bundles.docker(theirs),
        "docker": lambda: _repository(theirs),
        "archive": lambda: _archive(theirs),
    }[source]()
    there = "docker.io" if source == "docker" else "docker-ce"
    assert (
        f"docker.source is {source}, and there is a Docker here already, from the package {there}: "
        "set docker.source to existing, which configures that one in place, or remove it first. Nothing was changed."
    ) in _refused(theirs, bundle)


def test_a_docker_of_nobody_s_package_is_refused_too(debian: Box) -> None:
    debian.put("/usr/local/bin/dockerd", "#!/bin/sh\n", 0o755)
    assert "from /usr/local/bin/dockerd: set docker.source to existing" in _refused(
        debian, bundles.docker(debian)
    )


def test_no_docker_at_all_cannot_be_configured_in_place(debian: Box) -> None:
    stderr = _refused(debian, _existing(debian))
    assert "docker.source is existing, and no Docker is installed here: install one" in stderr
    debian.put("/usr/local/bin/dockerd", "#!/bin/sh\n", 0o755)
    assert "has no unit docker.service or no command docker" in _refused(debian, _existing(debian))


def test_a_distribution_s_docker_with_its_data_elsewhere_is_refused(theirs: Box) -> None:
    theirs.shell("sed -i 's/docker-ce/docker.io/' /state/packages")
    theirs.put("/state/docker-root", "/srv/docker\n")
    stderr = _refused(theirs, bundles.docker(theirs))
    assert (
        "has its data in /srv/docker, and docker.source distribution would look in /var/lib/docker" in stderr
    )


@pytest.mark.parametrize("verb", ["apply", "remove"])
def test_a_kill_anywhere_leads_back_to_their_docker_as_it_was(theirs: Box, verb: str) -> None:
    theirs.put(DAEMON, '{"bip": "10.9.0.1/24"}\n', 0o600)
    before, bundle = theirs.state(), _existing(theirs)
    killed = 0
    for at in range(3, 110, 19):
        if verb == "remove":
            _apply(theirs, bundle)
        killed += len(theirs.killed(at, f"/usr/local/lib/kubenode/docker {verb}", bundle)) == at
        _remove(theirs, bundle)
        assert theirs.state("/kill") == before
        assert "theirs-db" in theirs.text("/state/containers")
        assert theirs.text("/state/live") == "false\n"
    assert killed >= 3
