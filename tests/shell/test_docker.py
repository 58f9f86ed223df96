"""Docker's part: ours goes without a trace, one that was there before is given back, the data of others stays."""

from __future__ import annotations

import pytest

from tests.shell import bundles
from tests.shell.box import RECORD, Box

PAUSE = "registry.k8s.io/pause:3.10.2"
DAEMON = "/etc/docker/daemon.json"


@pytest.fixture
def debian(host: Box) -> Box:
    """A host that can install Docker."""
    bundles.has_docker_packages(host)
    return host


@pytest.fixture
def with_docker(debian: Box) -> Box:
    """A host whose Docker was there before us and runs."""
    debian.shell("apt-get install -y docker.io")
    debian.put("/var/lib/docker/volumes/theirs/_data/file", "precious\n")
    debian.forget_calls()
    return debian


def _apply(host: Box, bundle: str) -> str:
    done = host.run("docker", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _remove(host: Box) -> str:
    done = host.run("docker", "remove", bundles.docker(host))
    assert done.returncode == 0, done.stderr
    assert host.leftovers() == []
    return done.stdout


def _restarts(host: Box, unit: str) -> int:
    return len(host.calls(f"systemctl restart {unit}", f"systemctl start {unit}"))


def _packages(host: Box) -> list[str]:
    return sorted(host.text("/state/packages").splitlines())


# ---------------------------------------------------------------------------------------------------------------------
# A Docker of ours.


def test_a_whole_life_leaves_nothing(debian: Box) -> None:
    before, packages = debian.state(), _packages(debian)
    said = _apply(debian, bundles.docker(debian))
    assert "installed docker.io in " in said
    assert f"loaded {PAUSE}" in said
    assert set(debian.running()) == {"docker.service", "cri-docker.service", "cri-docker.socket"}
    assert "hi docker.io" in _packages(debian)
    assert not debian.path(f"{RECORD}/downloads").exists()
    assert not debian.path(f"{RECORD}/parts/docker/tar").exists()
    debian.put("/etc/docker/key.json", "Docker's own\n", 0o600)
    assert _remove(debian) == "docker: removed\n"
    assert debian.running() == {}
    assert _packages(debian) == packages
    assert debian.state() == before


def test_what_docker_left_mounted_below_its_own_folders_goes_too(debian: Box) -> None:
    """As after a pod in the host's network."""
    _apply(debian, bundles.docker(debian))
    debian.put("/run/docker/netns/default", "")
    done = debian.shell("mount --bind /proc/self/ns/net /run/docker/netns/default")
    assert done.returncode == 0, done.stderr
    assert _remove(debian) == "docker: removed\n"
    assert not debian.path("/run/docker").exists()


def test_daemon_json_is_there_when_the_package_starts_docker_for_the_first_time(debian: Box) -> None:
    install = debian.text("/state/install-docker.io")
    debian.put("/state/install-docker.io", f"cp {DAEMON} /state/seen\n{install}")
    _apply(debian, bundles.docker(debian, '{"first": 1}\n'))
    assert debian.text("/state/seen") == '{"first": 1}\n'


def test_a_second_apply_asks_but_does_nothing(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    debian.forget_calls()
    assert _apply(debian, bundles.docker(debian)) == "docker: nothing to change\n"
    assert debian.calls("apt-get", "apt-mark hold", "docker load", "curl -fsSL") == []
    assert (
        debian.calls("systemctl restart", "systemctl start", "systemctl stop", "systemctl daemon-reload")
        == []
    )


def test_a_hold_that_somebody_took_off_is_back_and_told(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    debian.shell("apt-mark unhold docker.io")
    assert _apply(debian, bundles.docker(debian)) == "held docker.io again\n"
    assert "hi docker.io" in _packages(debian)
    assert _apply(debian, bundles.docker(debian)) == "docker: nothing to change\n"


@pytest.mark.parametrize(
    ("change", "docker", "adapter"),
    [
        ({"daemon": '{"new": 1}\n'}, 1, 0),
        ({"adapter": "cri-dockerd 2\n"}, 0, 1),
        ({"images": ["nginx"]}, 0, 0),
    ],
    ids=["daemon", "adapter", "images"],
)
def test_only_the_unit_whose_file_changed_restarts(
    debian: Box, change: dict[str, str], docker: int, adapter: int
) -> None:
    _apply(debian, bundles.docker(debian))
    debian.forget_calls()
    _apply(debian, bundles.docker(debian, **change))  # type: ignore[arg-type]
    assert _restarts(debian, "docker.service") == docker
    assert _restarts(debian, "cri-docker.service") == adapter
    assert _restarts(debian, "cri-docker.socket") == 0


def test_a_unit_that_somebody_masked_stays_so_and_is_told_of(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    debian.shell(
        "ln -s /dev/null /etc/systemd/system/docker.service; "
        "rm /etc/systemd/system/multi-user.target.wants/docker.service"
    )
    done = debian.run("docker", "apply", bundles.docker(debian))
    assert done.returncode == 1
    assert "docker.service is masked on this host. Next: systemctl unmask docker.service there" in done.stderr
    debian.shell("rm /etc/systemd/system/docker.service")
    _apply(debian, bundles.docker(debian))


def test_a_package_with_a_version_is_the_same_package(debian: Box) -> None:
    _apply(debian, bundles.docker(debian, package="docker.io=20.10.24+dfsg1-1"))
    assert "hi docker.io" in _packages(debian)
    debian.forget_calls()
    assert (
        _apply(debian, bundles.docker(debian, package="docker.io=20.10.24+dfsg1-1"))
        == "docker: nothing to change\n"
    )
    assert debian.calls("apt-get") == []


def test_before_1_24_there_is_no_cri_dockerd(debian: Box) -> None:
    before = debian.state()
    _apply(debian, bundles.docker(debian, with_adapter=False))
    assert set(debian.running()) == {"docker.service"}
    assert debian.calls("systemctl enable cri-docker") == []
    _remove(debian)
    assert debian.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# Images.


def test_an_image_that_the_kubelet_collected_is_fetched_and_loaded_again(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    debian.shell("rm /state/images/*")
    said = _apply(debian, bundles.docker(debian))
    assert f"loaded {PAUSE}" in said
    assert len(list(debian.path("/state/images").iterdir())) == 1


def test_an_image_from_elsewhere_is_not_taken_for_that_archives(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    debian.shell("touch /state/images/nginx")
    assert "loaded nginx" in _apply(debian, bundles.docker(debian, images=["nginx"]))


def test_an_archive_of_another_image_is_an_error(debian: Box) -> None:
    url, digest = bundles.mirrored(debian, bundles.image_archive("other:1"))
    bundle = bundles.docker(debian, images=[]).replace("end\n", f"set | image wanted:1 {url} {digest}\nend\n")
    done = debian.run("docker", "apply", bundle)
    assert done.returncode == 1
    assert "the archive of wanted:1 holds another image: Loaded image: other:1" in done.stderr


def test_an_archive_may_be_compressed(debian: Box) -> None:
    url, digest = bundles.mirrored(debian, bundles.image_archive("packed:1", zipped=True))
    bundle = bundles.docker(debian, images=[]).replace("end\n", f"set | image packed:1 {url} {digest}\nend\n")
    assert "loaded packed:1" in _apply(debian, bundle)
    assert _apply(debian, bundle) == "docker: nothing to change\n"


@pytest.mark.parametrize(
    "content",
    [
        b"<html>Sign in</html>",
        bundles.archive({"etc/passwd": "x"}),
        bundles.image_archive("a:1", zipped=True)[:50],
    ],
    ids=["page", "file system", "cut off"],
)
def test_what_is_no_archive_of_an_image_stops_before_anything_changes(debian: Box, content: bytes) -> None:
    before = debian.state()
    url, digest = bundles.mirrored(debian, content)
    bundle = bundles.docker(debian, images=[]).replace("end\n", f"set | image a:1 {url} {digest}\nend\n")
    done = debian.run("docker", "apply", bundle)
    assert done.returncode == 1
    assert (
        f"{url} is no archive of docker save, so a:1 cannot be loaded from it. Nothing was changed."
        in done.stderr
    )
    assert "Make it with 'docker save a:1 | gzip', and correct docker.images." in done.stderr
    assert debian.state() == before
    assert debian.calls("apt-get", "docker load") == []


def test_images_are_fetched_before_anything_changes(debian: Box) -> None:
    before = debian.state()
    bundle = bundles.docker(debian, images=[]).replace(
        "end\n", f"set | image x http://mirror/away {'0' * 64}\nend\n"
    )
    assert debian.run("docker", "apply", bundle).returncode == 1
    assert debian.state() == before
    assert debian.calls("apt-get") == []


# ---------------------------------------------------------------------------------------------------------------------
# Rollback.


def test_a_first_installation_that_does_not_get_healthy_leaves_nothing_running(debian: Box) -> None:
    before = debian.state()
    done = debian.run("docker", "apply", bundles.docker(debian, "broken\n"))
    assert done.returncode == 1
    assert "docker.service is not healthy" in done.stderr
    assert not debian.path(DAEMON).exists()
    assert debian.running() == {}
    _remove(debian)
    assert debian.state() == before


def test_a_cri_dockerd_that_does_not_get_healthy_takes_back_docker_too(debian: Box) -> None:
    """Docker was restarted with a new file by then: it must run with the previous one when that is back."""
    _apply(debian, bundles.docker(debian))
    before, running = debian.state(), debian.running()
    done = debian.run("docker", "apply", bundles.docker(debian, '{"new": 1}\n', "broken\n"))
    assert done.returncode == 1
    assert "The previous files are back and cri-docker.service runs with them." in done.stderr
    assert debian.state() == before
    assert debian.running() == running


def test_a_docker_that_was_there_runs_again_with_its_own_file_after_a_failed_first_apply(
    with_docker: Box,
) -> None:
    before, running = with_docker.state(), with_docker.running()
    for bundle in (bundles.docker(with_docker, "broken\n"), bundles.docker(with_docker, adapter="broken\n")):
        done = with_docker.run("docker", "apply", bundle)
        assert done.returncode == 1
        assert "The previous files are back" in done.stderr
        assert with_docker.running() == running
        _remove(with_docker)
        assert with_docker.running() == running
        assert with_docker.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# A Docker of somebody else.


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("file", [None, '{"theirs": 1}\n'])
def test_a_docker_that_was_there_is_given_back_as_it_was(
    with_docker: Box, held: bool, file: str | None
) -> None:
    if held:
        with_docker.shell("apt-mark hold docker.io")
    if file:
        with_docker.put(DAEMON, file, 0o600)
    with_docker.put("/etc/docker/key.json", "theirs\n", 0o600)
    with_docker.shell("systemctl restart docker.service")
    with_docker.forget_calls()
    before, packages, running = with_docker.state(), _packages(with_docker), with_docker.running()
    _apply(with_docker, bundles.docker(with_docker))
    assert with_docker.calls("apt-get") == []
    with_docker.put("/var/lib/cri-dockerd/x", "x\n")
    _remove(with_docker)
    assert _packages(with_docker) == packages
    assert with_docker.running() == running
    assert with_docker.state() == before
    assert with_docker.calls("systemctl stop docker.service", "docker rm") == []


def test_a_docker_that_was_there_and_broke_meanwhile_is_started_again(with_docker: Box) -> None:
    _apply(with_docker, bundles.docker(with_docker))
    with_docker.shell("systemctl stop docker.service")
    _remove(with_docker)
    assert "docker.service" in with_docker.running()


def test_a_docker_that_was_there_but_stopped_stays_stopped(with_docker: Box) -> None:
    with_docker.shell("systemctl stop docker.service; systemctl disable docker.service")
    before = with_docker.state()
    _apply(with_docker, bundles.docker(with_docker))
    _remove(with_docker)
    assert with_docker.running() == {}
    assert with_docker.state() == before


def test_an_apply_that_was_cut_off_before_its_first_note_leaves_their_docker_alone(with_docker: Box) -> None:
    """The longest step comes first: the download. Nothing is known of the host by then."""
    with_docker.put("/run/docker/netns/x", "theirs\n")
    before, running = with_docker.state(), with_docker.running()
    bundle = bundles.docker(with_docker, images=[]).replace(
        "end\n", f"set | image x http://mirror/away {'0' * 64}\nend\n"
    )
    assert with_docker.run("docker", "apply", bundle).returncode == 1
    _remove(with_docker)
    assert with_docker.running() == running
    assert with_docker.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# Data of somebody else in a Docker of ours.


@pytest.mark.parametrize(
    "data", ["/var/lib/docker/containers/c1/config.v2.json", "/var/lib/docker/volumes/v/_data/x"]
)
@pytest.mark.parametrize("before", ["", "systemctl stop docker.service", "apt-get purge -y docker.io"])
def test_containers_and_volumes_of_others_stay_whatever_state_docker_is_in(
    debian: Box, data: str, before: str
) -> None:
    _apply(debian, bundles.docker(debian))
    debian.put(data, "precious\n")
    debian.put("/var/lib/docker/volumes/metadata.db", "db\n")
    debian.shell(before)
    assert "/var/lib/docker stays: it holds containers or volumes that are not the cluster's" in _remove(
        debian
    )
    assert debian.text(data) == "precious\n"


def test_a_removal_that_was_killed_keeps_them_too(debian: Box) -> None:
    _apply(debian, bundles.docker(debian))
    data = "/var/lib/docker/volumes/v/_data/x"
    debian.put(data, "precious\n")
    for at in (8, 16, 24, 32):
        debian.killed(at, "/usr/local/lib/kubenode/docker remove", bundles.docker(debian))
        assert debian.text(data) == "precious\n"
    _remove(debian)
    assert debian.text(data) == "precious\n"


def test_the_pieces_of_docker_itself_are_no_data(debian: Box) -> None:
    before = debian.state()
    _apply(debian, bundles.docker(debian))
    debian.put("/var/lib/docker/volumes/metadata.db", "db\n")
    debian.shell("mkdir -p /var/lib/docker/containers /var/lib/containerd/io.containerd.x")
    _remove(debian)
    assert debian.state() == before


def test_data_from_before_us_stays(debian: Box) -> None:
    debian.put("/var/lib/docker/image/x", "left by an earlier Docker\n")
    debian.put("/etc/docker/key.json", "left too\n", 0o600)
    before = debian.state()
    _apply(debian, bundles.docker(debian))
    assert "/var/lib/docker held data before us and stays" in _remove(debian)
    debian.path("/var/lib/docker/engine-id").unlink()
    assert debian.state() == before


def test_the_policy_of_forwarding_goes_back(debian: Box) -> None:
    if debian.shell("iptables -P FORWARD ACCEPT").returncode != 0:
        pytest.skip("this machine has no iptables whose rules can be loaded")
    _apply(debian, bundles.docker(debian))
    debian.shell("iptables -P FORWARD DROP; iptables -N DOCKER; iptables -A FORWARD -o docker0 -j DOCKER")
    _remove(debian)
    assert debian.shell("iptables -S").stdout == "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"
