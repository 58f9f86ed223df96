"""The kubelet's part, and with it everything the library knows of units: restarts, rollback, the way back."""

from __future__ import annotations

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import RECORD, Box

UNIT = "kubelet.service"
BOOTSTRAP = "/etc/kubernetes/bootstrap.kubeconfig"
SANDBOX = "a1" * 32


def _apply(host: Box, bundle: str) -> str:
    done = host.run("kubelet", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _fails(host: Box, bundle: str) -> str:
    done = host.run("kubelet", "apply", bundle)
    assert done.returncode == 1, done.stdout
    assert host.leftovers() == []
    assert not host.path(f"{RECORD}/parts/kubelet/undo").exists()
    return done.stderr


def _remove(host: Box) -> str:
    done = host.run("kubelet", "remove", bundles.kubelet(host))
    assert done.returncode == 0, done.stderr
    return done.stdout


def _changes(host: Box) -> list[str]:
    """What was asked of systemd but questions."""
    asked = [call.removeprefix("systemctl ") for call in host.calls("systemctl")]
    return [call for call in asked if not call.startswith(("is-", "cat", "reset-failed"))]


def test_a_first_apply_enables_and_starts_and_a_second_does_nothing(host: Box) -> None:
    said = _apply(host, bundles.kubelet(host))
    assert "started kubelet.service, healthy after " in said
    assert _changes(host) == ["daemon-reload", f"enable {UNIT}", "daemon-reload", f"restart {UNIT}"]
    assert "ExecStart=/usr/local/bin/kubelet" in host.running()[UNIT]
    assert "kubelet 1" in host.running()[UNIT]
    host.forget_calls()
    assert _apply(host, bundles.kubelet(host)) == "kubelet: nothing to change\n"
    assert _changes(host) == []


@pytest.mark.parametrize(
    ("change", "reloads"),
    [
        ({"config": "maxPods: 2\n"}, 1),
        ({"binary": "kubelet 2\n"}, 1),
        ({"unit": bundles.KUBELET_UNIT + "# changed\n"}, 2),
    ],
    ids=["config", "binary", "unit"],
)
def test_it_restarts_once_if_one_of_its_files_changed_and_runs_with_it(
    host: Box, change: dict[str, str], reloads: int
) -> None:
    _apply(host, bundles.kubelet(host))
    host.forget_calls()
    assert "restarted kubelet.service, healthy after " in _apply(host, bundles.kubelet(host, **change))  # type: ignore[arg-type]
    assert _changes(host) == ["daemon-reload"] * reloads + [f"restart {UNIT}"]
    assert next(iter(change.values())).strip() in host.running()[UNIT]


def test_another_file_of_the_part_does_not_restart_it(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.forget_calls()
    more = [HostFile("note", "/etc/kubernetes/note", "x\n")]
    assert _apply(host, bundles.kubelet(host, more=more)) == "changed /etc/kubernetes/note\n"
    assert _changes(host) == []


@pytest.mark.parametrize(
    ("answer", "restarts"),
    [
        ('200 {"metadata":{"labels":{"kubernetes.io/hostname":"worker-1"}}}', False),
        ('200 {"metadata":{"labels":{"a":"b"},"managedFields":[{"f:kubernetes.io/hostname":{}}]}}', True),
        ("404 {}", True),
        ("401 {}", False),
        (None, False),
    ],
    ids=["registered", "made by somebody else", "deleted", "not allowed", "no answer"],
)
def test_a_kubelet_whose_node_was_made_anew_without_it_registers_again(
    host: Box, answer: str | None, restarts: bool
) -> None:
    _apply(host, bundles.kubelet(host))
    host.put("/etc/kubernetes/kubelet.kubeconfig", "clusters:\n- cluster:\n    server: https://api:6443\n")
    if answer:
        host.put(f"/state/node-{host.node}", f"{answer}\n")
    host.forget_calls()
    said = _apply(host, bundles.kubelet(host))
    assert _changes(host) == (["daemon-reload", f"restart {UNIT}"] if restarts else [])
    assert ("the Node is not one that this kubelet registered" in said) == restarts


def test_a_unit_that_somebody_stopped_is_started_without_a_restart(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.shell(f"systemctl stop {UNIT}; systemctl disable {UNIT}")
    host.forget_calls()
    said = _apply(host, bundles.kubelet(host))
    assert "started kubelet.service" in said
    assert _changes(host) == [f"enable {UNIT}", f"start {UNIT}"]


@pytest.mark.parametrize(
    "change",
    [
        {"config": "maxPods: broken\n"},
        {"binary": "broken\n"},
        {"unit": bundles.KUBELET_UNIT + "# crashes\n"},
        {"config": "maxPods: 2\n", "binary": "broken\n", "unit": bundles.KUBELET_UNIT + "# other\n"},
        {"binary": "broken\n", "more": [HostFile("new", "/etc/kubernetes/new", "x\n")]},
    ],
    ids=["config", "binary", "unit", "all", "new-file"],
)
def test_what_does_not_get_healthy_is_rolled_back_files_binary_and_unit(
    host: Box, change: dict[str, str]
) -> None:
    host.put("/etc/theirs", "theirs\n")
    _apply(host, bundles.kubelet(host))
    before, running = host.state(), host.running()
    long = f"E1123 server.go:1 {'failed to load config file, '.ljust(400, '.')} into maxPods of type int32\n"
    host.put("/state/journal", f"{long}E1123 kubelet.go:1 failed to run Kubelet: the reason\n")
    error = _fails(host, bundles.kubelet(host, **change))  # type: ignore[arg-type]
    assert "kubelet.service is not healthy after " in error
    assert (
        " s. The previous files are back and kubelet.service runs with them. Its last journal lines:" in error
    )
    assert "failed to run Kubelet: the reason" in error
    assert "E1123 server.go:1 failed to load config file, ..." in error
    assert "... into maxPods of type int32\n" in error
    assert len(max(error.splitlines(), key=len)) < 320
    assert host.state() == before
    assert host.running() == running
    # The old bundle again has nothing to do but to fetch the old binary's checksum, and a good one goes through.
    assert "edited" not in _apply(host, bundles.kubelet(host))
    assert host.running() == running
    _apply(host, bundles.kubelet(host, "maxPods: 3\n"))
    assert "maxPods: 3" in host.running()[UNIT]


def test_a_change_that_only_adds_a_file_is_rolled_back_to_a_running_unit(host: Box) -> None:
    """None of the files was there before, and yet this is not a first installation."""
    _apply(host, bundles.kubelet(host))
    before, running = host.state(), host.running()
    host.put("/etc/kubernetes/kubelet.yaml.away", "")
    host.path("/etc/kubernetes/kubelet.yaml.away").unlink()
    more = [HostFile("kubelet.yaml2", "/etc/kubernetes/extra.yaml", "broken\n")]
    host.shell(f"systemctl stop {UNIT}")
    error = _fails(host, bundles.kubelet(host, more=more))
    assert "The previous files are back and kubelet.service runs with them." in error
    assert host.state() == before
    assert host.running() == running


def test_a_rollback_that_does_not_help_says_so(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    before = host.state()
    host.stub("curl", "exit 7\n")
    # A minute of patience in two sleeps.
    host.put("/tmp/uptime", "100.00 1.00\n")
    host.shell("mount --bind /tmp/uptime /proc/uptime")
    host.stub("sleep", 'read -r now _ </tmp/uptime\necho "$((${now%.*} + 31)).00 1.00" >/tmp/uptime\n')
    error = _fails(host, bundles.kubelet(host, "maxPods: 2\n"))
    assert "The previous files are back, but kubelet.service does not run with them either." in error
    assert host.state() == before


def test_an_unhealthy_unit_that_nobody_changed_is_neither_stopped_nor_told_to_be_gone(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    before, running = host.state(), host.running()
    host.stub("curl", "exit 7\n")
    host.forget_calls()
    error = _fails(host, bundles.kubelet(host))
    assert "None of its files had changed; it was left as it is." in error
    assert host.state() == before
    assert host.running() == running
    assert _changes(host) == []


@pytest.mark.parametrize(
    "bundle",
    [{"config": "broken\n"}, {"binary": "broken\n"}, {"unit": bundles.KUBELET_UNIT + "# crashes\n"}],
    ids=["config", "binary", "unit"],
)
def test_a_first_installation_that_does_not_get_healthy_is_taken_away(
    host: Box, bundle: dict[str, str]
) -> None:
    before = host.state()
    error = _fails(host, bundles.kubelet(host, **bundle))  # type: ignore[arg-type]
    assert "kubelet.service is not healthy after " in error
    assert " s. The previous files are back. Its last" in error
    assert host.running() == {}
    left = {path for path in host.state() if path not in before and not path.startswith("/var/lib/kubelet/")}
    # What the kubelet made itself goes with its part.
    assert left - {bundles.KUBECONFIG} <= {
        "/etc/kubernetes",
        "/var/lib/kubelet",
        "/etc/systemd/system/multi-user.target.wants",
    }
    _remove(host)
    assert host.state() == before
    # And a good one after it is a first installation like any other.
    _apply(host, bundles.kubelet(host))
    assert UNIT in host.running()


def test_the_files_that_a_first_installation_replaced_come_back_and_the_unit_stays_stopped(host: Box) -> None:
    host.put("/usr/local/bin/kubelet", "somebody's\n", 0o700)
    host.put("/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/local/bin/kubelet\n")
    before = host.state()
    _fails(host, bundles.kubelet(host, "broken\n"))
    assert host.text("/usr/local/bin/kubelet") == "somebody's\n"
    assert host.running() == {}
    _remove(host)
    assert host.state() == before


def test_the_bootstrap_token_goes_once_the_node_has_joined(host: Box) -> None:
    host.put(BOOTSTRAP, "token\n", 0o600)
    _apply(host, bundles.kubelet(host))
    assert not host.path(BOOTSTRAP).exists()


def test_a_kubelet_whose_request_nobody_approved_is_not_healthy_and_keeps_its_token(host: Box) -> None:
    """It answers /healthz all the same, which once cost a node its token before it had a certificate."""
    host.put(BOOTSTRAP, "token\n", 0o600)
    bundle = bundles.kubelet(host)
    host.put("/state/start-kubelet.service", "")
    _fails(host, bundle)
    assert host.path(BOOTSTRAP).exists()


# ---------------------------------------------------------------------------------------------------------------------
# The way back.


def test_remove_stops_the_unit_and_leaves_nothing(host: Box) -> None:
    before = host.state()
    _apply(host, bundles.kubelet(host))
    host.put("/etc/kubernetes/kubelet.kubeconfig", "the kubelet's own\n", 0o600)
    host.put("/var/lib/kubelet/pki/kubelet-client-current.pem", "key\n", 0o600)
    host.put("/var/log/pods/x/0.log", "log\n")
    host.put("/usr/libexec/kubernetes/kubelet-plugins/x", "x\n")
    host.forget_calls()
    assert _remove(host) == "kubelet: removed\n"
    assert host.state() == before
    assert host.running() == {}
    assert _changes(host)[:2] == [f"stop {UNIT}", f"disable {UNIT}"]
    assert _changes(host)[-1] == "daemon-reload"


def test_a_folder_of_another_place_goes_too(host: Box) -> None:
    """--root-dir: also the folder of an earlier value, and the parents that came with it if nobody uses them."""
    before = host.state()
    _apply(host, bundles.kubelet(host, root_dir=["/srv/k8s/first/kubelet"]))
    host.put("/srv/k8s/first/kubelet/pods/u/volume", "data\n")
    host.put("/srv/k8s/somebody", "precious\n")
    _apply(host, bundles.kubelet(host, root_dir=["/srv/k8s/second"]))
    host.put("/srv/k8s/second/pods/u/volume", "data\n")
    _remove(host)
    assert host.text("/srv/k8s/somebody") == "precious\n"
    host.shell("rm /srv/k8s/somebody; rmdir /srv/k8s")
    assert host.state() == before


def test_the_folder_of_log_files_is_made_and_goes_too(host: Box) -> None:
    """--log-dir, which no kubelet makes itself; what was in it before stays."""
    before = host.state()
    _apply(host, bundles.kubelet(host, log_dir=["/var/log/k8s"]))
    host.put("/var/log/k8s/kubelet.INFO", "log\n")
    _remove(host)
    assert host.state() == before
    host.put("/var/log/k8s/somebody", "precious\n")
    _apply(host, bundles.kubelet(host, log_dir=["/var/log/k8s"]))
    _remove(host)
    assert host.text("/var/log/k8s/somebody") == "precious\n"


def test_a_unit_whose_file_is_gone_is_stopped_all_the_same(host: Box) -> None:
    before = host.state()
    _apply(host, bundles.kubelet(host))
    host.path("/etc/systemd/system/kubelet.service").unlink()
    _remove(host)
    assert host.running() == {}
    assert host.state() == before


def test_a_unit_that_does_not_stop_is_killed(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.shell("mv /stubs/systemctl /stubs/systemctl.real")
    host.stub("systemctl", '[ "$1" != stop ] || exit 1\nexec /stubs/systemctl.real "$@"\n')
    _remove(host)
    assert f"systemctl kill -s KILL {UNIT}" in host.calls("systemctl kill")
    assert host.running() == {}


@pytest.mark.parametrize(("enabled", "active"), [(True, True), (True, False), (False, True)])
def test_a_unit_that_was_there_keeps_its_state(host: Box, enabled: bool, active: bool) -> None:
    """Not the kubelet's case, whose host must be bare, but Docker's; here without Docker around it."""
    host.put("/etc/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/x\n")
    host.shell(
        f"{'systemctl enable x.service;' if enabled else ''} {'systemctl start x.service' if active else ''}"
    )
    before = host.state()
    done = host.library(
        "kn_note_unit x.service; systemctl enable x.service; systemctl restart x.service; kn_restore_units"
    )
    assert done.returncode == 0, done.stderr
    assert host.state() == before
    assert bool(host.running()) == active


def test_what_is_mounted_below_is_unmounted_never_crossed(host: Box) -> None:
    before = host.state()
    _apply(host, bundles.kubelet(host))
    host.shell(
        "set -e; p=/var/lib/kubelet/pods/u; mkdir -p /data $p/secret $p/host $p/deep; echo precious >/data/file\n"
        "mount -t tmpfs tmpfs $p/secret; echo x >$p/secret/token\n"
        "mount --bind /data $p/host\n"
        "mount -t tmpfs tmpfs $p/deep; mkdir $p/deep/er\n"
        "mount -t tmpfs tmpfs $p/deep/er; mount -t tmpfs tmpfs $p/deep/er"
    )
    _remove(host)
    assert host.text("/data/file") == "precious\n"
    assert "/var/lib/kubelet" not in host.shell("cat /proc/self/mounts").stdout
    host.shell("rm -r /data")
    assert host.state() == before


def test_a_mount_that_is_in_use_is_detached_and_its_content_kept(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.shell(
        "mkdir -p /data /var/lib/kubelet/pods/u; mount --bind /data /var/lib/kubelet/pods/u; echo x >/data/file"
    )
    busy = host.start("cd /var/lib/kubelet/pods/u; touch /busy; exec sleep 60")
    host.shell("until [ -e /busy ]; do sleep 0.02; done")
    _remove(host)
    assert host.text("/data/file") == "x\n"
    assert not host.path("/var/lib/kubelet").exists()
    busy.kill()


def test_nothing_is_deleted_while_something_stays_mounted(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.put("/var/lib/kubelet/pki/key", "key\n")
    host.shell(
        "mkdir -p /data /var/lib/kubelet/pods/u; mount --bind /data /var/lib/kubelet/pods/u; echo x >/data/file"
    )
    host.stub("umount", "exit 1\n")
    done = host.run("kubelet", "remove", bundles.kubelet(host))
    assert done.returncode == 1
    assert (
        "something is still mounted below /var/lib/kubelet; unmount it and try again. Nothing in it was"
        in done.stderr
    )
    assert host.text("/data/file") == "x\n"
    assert host.text("/var/lib/kubelet/pki/key") == "key\n"
    assert host.path(f"{RECORD}/parts/kubelet").exists()
    host.path("/stubs/umount").unlink()
    _remove(host)
    assert host.text("/data/file") == "x\n"
    assert not host.path("/var/lib/kubelet").exists()


def test_a_name_that_only_begins_alike_is_not_below(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.shell(
        "cd /var/lib; mkdir -p kubelet-backup; mount -t tmpfs tmpfs kubelet-backup; echo x >kubelet-backup/f"
    )
    _remove(host)
    assert host.shell("cat /var/lib/kubelet-backup/f").stdout == "x\n"


def test_data_behind_a_link_goes_and_the_link_stays(host: Box) -> None:
    """The folder was moved to a larger disk before us."""
    host.shell("mkdir -p /disk/kubelet; ln -s /disk/kubelet /var/lib/kubelet")
    before = host.state()
    _apply(host, bundles.kubelet(host))
    host.shell(
        "mkdir -p /var/lib/kubelet/pods/u; mount -t tmpfs tmpfs /var/lib/kubelet/pods/u; echo x >/disk/kubelet/f"
    )
    _remove(host)
    assert "/disk/kubelet/" not in host.shell("cat /proc/self/mounts").stdout
    assert host.state() == before


def test_a_folder_that_held_data_before_us_stays(host: Box) -> None:
    host.put("/var/log/pods/theirs/0.log", "theirs\n")
    host.shell("mkdir -m 750 /var/log/containers; chgrp adm /var/log/containers")
    before = host.state()
    _apply(host, bundles.kubelet(host))
    host.shell("echo x >/var/log/containers/x; chmod 755 /var/log/containers")
    assert "/var/log/pods held data before us and stays" in _remove(host)
    assert host.state() == before


def test_a_folder_that_became_a_mount_point_stays_empty(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    host.shell("mount -t tmpfs tmpfs /var/lib/kubelet; echo x >/var/lib/kubelet/x")
    assert "/var/lib/kubelet is a mount point and stays, empty" in _remove(host)
    assert host.shell("ls -A /var/lib/kubelet").stdout == ""


def _has_docker(host: Box) -> None:
    host.put("/state/active/docker.service", "")
    host.put("/state/running/docker.service", "")


def test_pods_are_stopped_through_the_runtime_and_the_rest_by_docker(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    _has_docker(host)
    host.put("/state/sandboxes", f"{SANDBOX}\n{'b2' * 32}\n")
    host.put("/state/pods", "container1\ncontainer2\n")
    host.put("/state/containers", "theirs\n")
    host.forget_calls()
    assert "stopped pods that were left: 2" in _remove(host)
    asked = [call.rpartition("/")[2] for call in host.calls("curl")]
    assert asked == ["StopPodSandbox", "RemovePodSandbox"] * 2
    frame = b"\0\0\0\0\x42\x0a\x40" + SANDBOX.encode()
    assert host.path("/state/requests").read_bytes().startswith(frame * 2)
    assert host.calls("docker rm") == ["docker rm -fv container1 container2"]


def test_the_unit_stops_before_its_pods_do(host: Box) -> None:
    _apply(host, bundles.kubelet(host))
    _has_docker(host)
    host.put("/state/sandboxes", f"{SANDBOX}\n")
    host.forget_calls()
    _remove(host)
    order = [call.split()[0] + call.split()[1] for call in host.calls(f"systemctl stop {UNIT}", "docker ps")]
    assert order[0] == "systemctlstop"


def test_without_docker_the_rest_is_undone(host: Box) -> None:
    before = host.state()
    _apply(host, bundles.kubelet(host))
    host.put("/state/sandboxes", f"{SANDBOX}\n")
    _remove(host)
    assert host.state() == before


def test_the_chains_of_both_go_and_kube_proxy_is_undone_before_the_kubelet(host: Box) -> None:
    for name in ("iptables-save", "ip6tables-save"):
        host.stub(name, "printf '*nat\\n:KUBE-A - [0:0]\\nCOMMIT\\n'\n")
    for name in ("iptables-restore", "ip6tables-restore"):
        host.stub(name)
    _apply(host, bundles.kubelet(host))
    host.shell(f"mkdir -p {RECORD}/parts/kube-proxy")
    assert "sweeping kube-proxy" in _remove(host)
    assert host.calls("iptables-restore") != []
