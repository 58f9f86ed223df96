"""The claim: preflight, the toolkit, whose host it is, and the sweep at the end. Through the very line that is sent."""

from __future__ import annotations

import re
import stat
import subprocess
from datetime import datetime
from typing import Any

import pytest

from components.remote import command, toolkit
from components.remote.bundle import Bundle
from components.settings import ConnectionSettings
from tests.shell import bundles
from tests.shell.box import CLAIM, LIBRARY, RECORD, Box


def _lines(part: str = "claim", user: str = "root", verb: str = "create") -> tuple[str, str]:
    """What pulumi runs over SSH to claim a host and to release it, or for another part."""
    connection = ConnectionSettings(
        user=user,
        port=22,
        private_key=None,
        private_key_file=None,
        agent=True,
        password=None,
        host_key=None,
        insecure_ignore_host_key=True,
        dial_error_limit=1,
        per_dial_timeout_seconds=1,
    )
    host = command.Host("worker-1", "192.0.2.7", CLAIM, connection)
    create, update, remove = command.command_lines(host, part)
    apply = create if verb == "create" else update
    if part == "claim":
        _, _, remove = command.command_lines(host, "release")
    assert apply is not None
    assert remove is not None
    return apply, remove


def _claim(box: Box, **settings: Any) -> subprocess.CompletedProcess[str]:
    return box.shell(_lines()[0], bundles.claim(box, **settings))


def _release(box: Box) -> subprocess.CompletedProcess[str]:
    header = Bundle("claim", box.node, "192.0.2.7", box.claim, script="release").render()
    return box.shell(_lines()[1], header)


def test_a_bare_host_gets_claim_and_toolkit_and_gives_both_back(bare: Box) -> None:
    before = bare.state("/var")
    done = _claim(bare)
    assert done.returncode == 0, done.stderr
    assert "claimed for stack organization/kubenode/test as node worker-1" in done.stdout
    assert f"toolkit {toolkit.digest()} installed" in done.stdout
    assert bare.text(f"{RECORD}/claim").startswith("stack organization/kubenode/test\nnode worker-1\nsince 2")
    for name in [toolkit.LIBRARY, *toolkit.SCRIPTS]:
        assert bare.text(f"{LIBRARY}/{name}") == toolkit.packed(name)
        assert stat.S_IMODE(bare.path(f"{LIBRARY}/{name}").stat().st_mode) == 0o755
    assert stat.S_IMODE(bare.path(RECORD).stat().st_mode) == 0o700
    assert bare.leftovers() == []
    assert _claim(bare).stdout == f"toolkit {toolkit.digest()} unchanged\n"

    done = _release(bare)
    assert (done.returncode, done.stdout) == (0, "claim released\n"), done.stderr
    assert not bare.path(RECORD).exists()
    assert not bare.path(LIBRARY).exists()
    assert bare.state("/var") == before
    assert bare.leftovers() == []


@pytest.mark.parametrize(
    ("stack", "node", "code"),
    [
        ("", "", 0),
        (CLAIM, "worker-1", 0),
        (CLAIM, "worker-2", 1),
        (f"{CLAIM}-2", "worker-1", 1),
    ],
)
def test_a_new_way_to_a_host_must_lead_to_no_other_one(bare: Box, stack: str, node: str, code: int) -> None:
    """Tried before the state forgets the old way, with whatever toolkit is there, or none."""
    if stack:
        bare.put(f"{RECORD}/claim", f"stack {stack}\nnode {node}\nsince 2026-01-01T00:00:00Z\n", 0o600)
    before = bare.state("/var")
    header = Bundle("claim", bare.node, "192.0.2.7", bare.claim, script="release").render()
    done = bare.shell(_lines("release", verb="update")[0], header)
    told = (
        f"kubenode: this host is claimed by stack {stack} as node {node}. Nothing was written. Correct the node's "
        "address; or, to put it on this host, destroy it there first.\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", told if code else "")
    assert bare.state("/var") == before


def test_a_claim_of_the_same_stack_and_node_is_adopted(bare: Box) -> None:
    assert _claim(bare).returncode == 0
    first = bare.text(f"{RECORD}/claim")
    done = _claim(bare)
    assert done.returncode == 0, done.stderr
    assert "claimed" not in done.stdout
    assert bare.text(f"{RECORD}/claim") == first


def test_a_killed_first_claim_is_adopted_with_a_node_already_running(host: Box) -> None:
    """What makes a bare host unfit is what makes ours fit: a kubelet, its port, its folders."""
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    done = _claim(host)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("stack", "node"), [("other/stack/x", "worker-1"), ("organization/kubenode/test", "worker-9")]
)
@pytest.mark.parametrize("verb", ["apply", "remove"])
def test_a_foreign_claim_is_refused_and_nothing_is_written(
    bare: Box, verb: str, stack: str, node: str
) -> None:
    bare.put(f"{RECORD}/claim", f"stack {stack}\nnode {node}\n", 0o600)
    for name in [toolkit.LIBRARY, *toolkit.SCRIPTS]:
        bare.put(f"{LIBRARY}/{name}", f"{toolkit.source(name)}# another version\n", 0o755)
    before = bare.shell(f"find {RECORD} {LIBRARY} /etc /usr/local -newer /stubs -ls | sort").stdout
    done = _claim(bare) if verb == "apply" else _release(bare)
    # A destroy after a refused claim finds nothing of its own, and must not fail over it for ever.
    assert done.returncode == (1 if verb == "apply" else 0)
    assert f"claimed by stack {stack} as node {node}" in done.stderr + done.stdout
    assert (
        "Nothing was written" if verb == "apply" else "nothing of ours is here"
    ) in done.stderr + done.stdout
    assert bare.shell(f"find {RECORD} {LIBRARY} /etc /usr/local -newer /stubs -ls | sort").stdout == before
    assert bare.leftovers() == []


def test_an_update_is_for_the_machine_that_was_claimed(bare: Box) -> None:
    """Another machine at the node's address must not take its place: nothing of its parts is there."""
    update = _lines(verb="update")[0]
    assert update == _lines()[0] + " claimed"
    before = bare.state()
    done = bare.shell(update, bundles.claim(bare))
    assert done.returncode == 1
    assert "this host carries no claim of organization/kubenode/test" in done.stderr
    assert bare.state() == before
    assert not bare.path(RECORD).exists()
    assert not bare.path(LIBRARY).exists()
    # Nor the host of another node, if the addresses were mixed up.
    bare.put(f"{RECORD}/claim", "stack organization/kubenode/test\nnode worker-9\n", 0o600)
    before = bare.state()
    done = bare.shell(update, bundles.claim(bare))
    assert done.returncode == 1
    assert "as node worker-9. Nothing was written. Correct the node's address; or, " in done.stderr
    assert bare.state() == before
    bare.shell(f"rm -r {RECORD}")
    assert _claim(bare).returncode == 0
    assert bare.shell(update, bundles.claim(bare)).returncode == 0


def test_a_newer_toolkit_replaces_the_old_one(bare: Box) -> None:
    assert _claim(bare).returncode == 0
    inode = bare.path(f"{LIBRARY}/docker").stat().st_ino
    newer = bundles.changed_toolkit("kubelet", "#!/bin/sh\necho newer\n")
    assert bare.shell(_lines()[0], bundles.claim(bare, newer)).returncode == 0
    assert bare.shell(f"{LIBRARY}/kubelet").stdout == "newer\n"
    assert bare.path(f"{LIBRARY}/docker").stat().st_ino == inode


def test_preflight_names_every_problem_at_once_and_writes_nothing(bare: Box) -> None:
    bare.put("/proc_swaps", "Filename Type Size Used Priority\n/swapfile file 1 0 -2\n")
    bare.shell("mount --bind /proc_swaps /proc/swaps")
    bare.put("/etc/kubernetes/admin.conf", "x\n")
    for name in "dbca":
        bare.put(f"/var/lib/kubelet/{name}", "x\n")
    for unit in ("kubelet", "k3s"):
        bare.put(f"/state/active/{unit}", "")
    bare.shell("rm -r /run/systemd/system; mv /usr/bin/comm /usr/bin/comm.away")
    bare.stub("df", "echo; echo 'x 1 1 1048576 1% /var'\n")
    listening = _listen(bare, 10250)
    bare.shell("mkdir -p /run/lock; touch /run/lock/kubenode")
    before = bare.state()
    done = _claim(bare, architecture="s390x")
    listening.kill()
    assert done.returncode == 1
    for problem in [
        "- systemd does not run here",
        "- the command comm is missing",
        "- the machine is amd64, the configuration says s390x",
        "- /var/lib has 1024 MiB free, needs 2048",
        "- swap is on (/swapfile): turn it off for good, or set host.swap to allow",
        "- the unit kubelet runs",
        "- the unit k3s runs",
        "- /etc/kubernetes is not empty (admin.conf): another installation left it",
        "- /var/lib/kubelet is not empty (a b c …): another installation left it",
        "- port 10250 is taken",
    ]:
        assert problem in done.stderr
    assert "Nothing was written." in done.stderr
    assert done.stderr.count("\n- ") == 10
    assert bare.state() == before
    assert not bare.path(RECORD).exists()
    assert not bare.path(LIBRARY).exists()


@pytest.mark.parametrize(
    ("release", "family", "problem"),
    [
        (
            'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nPRETTY_NAME="openSUSE Leap 15.6"\n',
            "debian",
            "- the system is openSUSE Leap 15.6 (ID opensuse-leap), which is not supported. "
            "Supported are debian (Debian, Ubuntu and ",
        ),
        (
            'ID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"\n',
            "debian",
            "- the system is Rocky Linux 9.5 (Blue Onyx), of the family redhat, "
            "the configuration says debian: set host.osFamily to redhat\n- the command rpm is missing\n",
        ),
        (
            'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
            "redhat",
            "- the system is Debian GNU/Linux 12 (bookworm), of the family debian, "
            "the configuration says redhat: set host.osFamily to debian\n",
        ),
    ],
)
def test_a_system_of_another_kind_is_named(bare: Box, release: str, family: str, problem: str) -> None:
    bare.shell("rm -f /etc/os-release /usr/bin/rpm")
    bare.put("/etc/os-release", release)
    done = bare.shell(_lines()[0], bundles.claim(bare, os_family=family))
    assert done.returncode == 1
    assert problem in done.stderr
    assert "Nothing was written." in done.stderr
    assert not bare.path(RECORD).exists()


def test_a_host_of_the_red_hat_family_is_claimed(bare: Box) -> None:
    bare.shell("rm -f /etc/os-release /stubs/apt-get /stubs/dpkg-query /usr/bin/apt-get /usr/bin/dpkg-query")
    bare.put("/etc/os-release", 'ID="almalinux"\nID_LIKE="rhel centos fedora"\n')
    bare.standins("dnf")
    done = bare.shell(_lines()[0], bundles.claim(bare, os_family="redhat"))
    assert done.returncode == 0, done.stderr
    assert _release(bare).returncode == 0
    assert not bare.path(RECORD).exists()


def _listen(box: Box, port: int) -> subprocess.Popen[str]:
    """Somebody else's server in the box's network."""
    script = f"import socket, time; s = socket.create_server(('', {port})); print('up', flush=True); time.sleep(60)"
    enter = ["nsenter", "--target", str(box.holder), "--net"]
    server = subprocess.Popen([*enter, "python3", "-c", script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "up\n"
    return server


def test_swap_may_be_allowed(bare: Box) -> None:
    bare.put("/proc_swaps", "Filename Type Size Used Priority\n/swapfile file 1 0 -2\n")
    bare.shell("mount --bind /proc_swaps /proc/swaps")
    assert _claim(bare).returncode == 1
    assert _claim(bare, swap="allow").returncode == 0


@pytest.mark.parametrize("away", ["31 minutes", "-31 minutes"])
@pytest.mark.parametrize(
    ("ntp", "advice"),
    [
        ("echo yes", "look at the API server's clock too"),
        ("echo no", "'timedatectl set-ntp true'"),
        ("exit 1", "Set the clock by NTP"),
    ],
)
def test_a_clock_that_is_far_from_the_api_servers_is_refused(
    bare: Box, away: str, ntp: str, advice: str
) -> None:
    bare.stub("timedatectl", f"{ntp}\n")
    bare.put("/state/api-date", f"{away} + 0 days")
    before = bare.state()
    done = bare.shell(_lines()[0], bundles.claim(bare, server="https://10.0.0.1:6443"))
    assert done.returncode == 1
    found = re.search(
        r"- the clock is at (\S+Z), that of the API server at (\S+Z): (\d+) s apart, "
        r"host.maxClockSkewSeconds allows 30\. (.+)",
        done.stderr,
    )
    assert found is not None, done.stderr
    ours, theirs = (datetime.fromisoformat(found[number]) for number in (1, 2))
    assert abs((ours - theirs).total_seconds()) == int(found[3])
    assert 1855 < int(found[3]) < 1865
    assert advice in found[4]
    assert "Nothing was written." in done.stderr
    assert bare.state() == before
    (call,) = bare.calls("curl")
    assert call.endswith(" --noproxy * -o /dev/null -D - https://10.0.0.1:6443/version")


@pytest.mark.parametrize("date", ["now", "20 seconds ago", "20 seconds", None])
def test_a_clock_that_is_near_or_cannot_be_compared_is_taken(bare: Box, date: str | None) -> None:
    if date is not None:
        bare.put("/state/api-date", date)
    done = bare.shell(_lines()[0], bundles.claim(bare, server="https://10.0.0.1:6443"))
    assert done.returncode == 0, done.stderr


def test_how_far_a_clock_may_be_is_the_users_word(bare: Box) -> None:
    bare.put("/state/api-date", "20 seconds ago")
    done = bare.shell(
        _lines()[0], bundles.claim(bare, server="https://10.0.0.1:6443", max_clock_skew_seconds="10")
    )
    assert done.returncode == 1
    assert "host.maxClockSkewSeconds allows 10" in done.stderr


def test_a_host_without_curl_is_claimed_and_its_clock_compared_later(bare: Box) -> None:
    bare.shell("rm /stubs/curl; mv /usr/bin/curl /usr/bin/curl.away")
    assert bare.shell(_lines()[0], bundles.claim(bare)).returncode == 0
    bare.standins("node")
    bare.put("/state/api-date", "1 hour ago")
    bundle = bare.bundle("prepare", package=["curl"], server=["https://10.0.0.1:6443"])
    done = bare.run("prepare", "apply", bundle)
    assert done.returncode == 1
    assert "worker-1 (192.0.2.7): prepare apply: the clock is at " in done.stderr
    bare.put("/state/api-date", "now")
    assert bare.run("prepare", "apply", bundle).returncode == 0


def test_a_disk_that_is_too_full_and_a_lost_machine_id_are_refused(bare: Box) -> None:
    bare.put("/etc/machine-id", "")
    done = bare.shell(_lines()[0], bundles.claim(bare, disk_free_megabytes=str(1 << 30)))
    assert done.returncode == 1
    assert "MiB free, needs 1073741824: make room, or set host.diskFreeMegabytes" in done.stderr
    assert "- /etc/machine-id is missing or empty: run 'systemd-machine-id-setup'" in done.stderr
    assert not bare.path(RECORD).exists()


def test_the_sweep_takes_what_the_record_lists_in_the_order_of_a_destroy(host: Box) -> None:
    """Also parts that a killed create never told the state about, of which this claim's bundle knows nothing."""
    before = host.state()
    bundles.has_docker_packages(host)
    host.standins("systemd")
    for bundle, part in [
        (host.bundle("prepare"), "prepare"),
        (bundles.docker(host), "docker"),
        (bundles.calico(host, plugins={"bridge": "x\n"}), "calico"),
        (host.bundle("credentials"), "credentials"),
        (bundles.kubelet(host), "kubelet"),
        (bundles.kube_proxy(host), "kube-proxy"),
    ]:
        done = host.run(part, "apply", bundle)
        assert done.returncode == 0, done.stderr
    done = _release(host)
    assert done.returncode == 0, done.stderr
    swept = [line.split()[1].rstrip(",") for line in done.stdout.splitlines() if line.startswith("sweeping")]
    assert swept == ["kube-proxy", "kubelet", "credentials", "calico", "docker", "prepare"]
    assert done.stdout.endswith("claim released\n")
    assert not host.path(RECORD).exists()
    assert host.state() == before
    assert host.running() == {}


@pytest.mark.parametrize("part", ["credentials", "calico", "docker", "prepare"])
def test_what_a_part_carries_is_undone_before_it_also_if_the_state_never_knew(host: Box, part: str) -> None:
    """The engine was killed while it made the kubelet: a destroy then starts below it."""
    before = host.state()
    bundles.has_docker_packages(host)
    host.standins("systemd")
    for bundle, name in [
        (host.bundle("prepare"), "prepare"),
        (bundles.docker(host), "docker"),
        (bundles.calico(host, plugins={"bridge": "x\n"}), "calico"),
        (host.bundle("credentials"), "credentials"),
        (bundles.kubelet(host), "kubelet"),
    ]:
        assert host.run(name, "apply", bundle).returncode == 0
    done = host.run(part, "remove", host.bundle(part))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sweeping kubelet, which the host's record still lists\n")
    assert "kubelet" not in host.running()
    assert _release(host).returncode == 0
    assert host.state() == before


def test_a_claim_without_its_toolkit_is_not_released_but_told_the_way_out(host: Box) -> None:
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    host.shell(f"rm -r {LIBRARY}")
    done = _release(host)
    assert done.returncode == 1
    assert "Run pulumi up, which brings it back, then try again." in done.stderr
    assert host.path(f"{RECORD}/claim").exists()
    assert _claim(host).returncode == 0
    done = _release(host)
    assert done.returncode == 0, done.stderr
    assert "sweeping kubelet" in done.stdout
    assert not host.path(RECORD).exists()
    assert not host.path("/usr/local/bin/kubelet").exists()
    assert host.running() == {}


def test_a_part_that_cannot_be_swept_keeps_the_claim_and_says_why(host: Box) -> None:
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    host.shell("mkdir -p /var/lib/kubelet/pods/x; mount -t tmpfs tmpfs /var/lib/kubelet/pods/x")
    host.stub("umount", "exit 1\n")
    done = _release(host)
    assert done.returncode == 1
    assert "something is still mounted below /var/lib/kubelet" in done.stderr
    assert "the sweep of kubelet failed" in done.stderr
    assert host.path(f"{RECORD}/claim").exists()
    assert host.path(f"{LIBRARY}/kubelet").exists()
    host.path("/stubs/umount").unlink()
    assert _release(host).returncode == 0
    assert not host.path(RECORD).exists()


def test_releasing_what_is_not_claimed_is_a_success(bare: Box) -> None:
    before = bare.state()
    done = _release(bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert bare.state() == before
    assert not bare.path(RECORD).exists()


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_a_claim_or_a_release_that_is_killed_anywhere_is_released_all_the_same(bare: Box, step: int) -> None:
    before = bare.state("/var")
    steps = 0
    for line, bundle in (
        (_lines()[0], bundles.claim(bare)),
        (f"{LIBRARY}/claim remove", bundles.claim(bare)),
    ):
        for at in range(1, 99, step):
            if line.endswith("remove"):
                assert _claim(bare).returncode == 0
            log = bare.killed(at, line, bundle)
            if len(log) < at:
                break
            steps += 1
            if not bare.path(f"{LIBRARY}/claim").exists():
                # Nothing is there to release it with; the same claim again brings it.
                assert not bare.path(f"{RECORD}/claim").exists(), log[-1]
                assert _claim(bare).returncode == 0, log[-1]
            done = _release(bare)
            assert done.returncode == 0, (log[-1], done.stderr)
            assert bare.state("/var") == before, log[-1]
            assert not bare.path(LIBRARY).exists(), log[-1]
            assert not bare.path(RECORD).exists(), log[-1]
    assert steps > 40 // step


def test_a_part_that_goes_after_the_release_is_a_success(host: Box) -> None:
    """The delete line of every other part."""
    host.shell(f"rm -r {LIBRARY} {RECORD}/claim")
    for part in ("kubelet", "docker"):
        assert host.shell(_lines(part)[1], host.bundle(part)).returncode == 0


@pytest.mark.parametrize("lost", [LIBRARY, f"{LIBRARY}/kubelet"])
def test_a_part_whose_script_was_lost_is_not_undone_but_told_the_way_out(host: Box, lost: str) -> None:
    host.shell(f"rm -r {lost}")
    done = host.shell(_lines("kubelet")[1], host.bundle("kubelet"))
    assert done.returncode == 1
    assert f"this host is claimed, but {LIBRARY}/kubelet is gone, so nothing can be undone" in done.stderr
    assert "pulumi up --replace and the URN of the claim of this node" in done.stderr


def test_a_sweep_that_lacks_a_script_says_so(host: Box) -> None:
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    host.shell(f"rm {LIBRARY}/kubelet")
    done = host.run("docker", "remove", host.bundle("docker"))
    assert done.returncode == 1
    assert f"kubelet must be undone first, and its script {LIBRARY}/kubelet is gone." in done.stderr
    assert "pulumi up --replace and the URN of worker-1-claim" in done.stderr


@pytest.mark.parametrize("user", ["root", "operator"])
@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_failed_claims_message_begins_with_a_short_line(user: str, verb: str) -> None:
    """Pulumi shows the line before what the host said."""
    assert len(_lines(user=user, verb=verb)[0]) < 110


@pytest.mark.parametrize("left", [0, 200, 400, 700, 900, 1100, 1300, 1500, 20_000])
def test_a_bundle_that_was_cut_off_is_no_success_and_leaves_nothing(bare: Box, left: int) -> None:
    before = bare.state()
    done = bare.shell(_lines()[0], bundles.claim(bare)[:left])
    assert done.returncode != 0
    assert bare.state() == before
    assert bare.leftovers() == []


def test_another_user_becomes_root_by_sudo_without_a_password(bare: Box) -> None:
    bare.stub("sudo", '[ "$1" = -n ] || exit 9\nshift\nexec "$@"\n')
    done = bare.shell(_lines(user="operator")[0], bundles.claim(bare))
    assert done.returncode == 0, done.stderr
    assert bare.path(f"{RECORD}/claim").exists()
    tried, claimed = bare.calls("sudo")
    assert tried == "sudo -n sh -c :"
    assert claimed.startswith("sudo -n sh -c umask 077; ")
    bare.install()
    for line in (*_lines("docker", user="operator"), _lines(user="operator")[1]):
        bare.forget_calls()
        bare.shell(line, bare.bundle("docker"))
        assert bare.calls("sudo"), line


def test_a_changed_user_who_may_not_become_root_is_told_the_line_that_is_missing(bare: Box) -> None:
    header = Bundle("claim", bare.node, "192.0.2.7", bare.claim, script="release").render()
    line = _lines("release", user="operator", verb="update")[0]
    bare.stub("sudo", '[ "$1" = -n ] || exit 9\nshift\nexec "$@"\n')
    assert bare.shell(line, header).returncode == 0
    assert _claim(bare).returncode == 0
    assert bare.shell(line, header).returncode == 0
    foreign = bare.shell(line, header.replace(bare.claim, "a/b/c"))
    assert "this host is claimed by stack organization/kubenode/test as node worker-1" in foreign.stderr
    bare.stub("sudo", "cat >/dev/null; echo 'sudo: a password is required' >&2; exit 1\n")
    done = bare.shell(line, header)
    assert done.returncode == 1
    assert done.stderr.startswith("kubenode: release: the user root may not become root by 'sudo -n' on ")
    assert done.stderr.endswith(
        ": sudo: a password is required. Nothing was written. "
        "Put this line into /etc/sudoers.d/kubenode there: root ALL=(root) NOPASSWD: ALL\n"
    )


@pytest.mark.parametrize(
    ("sudo", "reason"),
    [
        ("cat >/dev/null; echo 'sudo: a password is required' >&2; exit 1\n", "sudo: a password is required"),
        (None, "sudo: not found"),
    ],
)
@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_user_who_may_not_become_root_is_told_the_line_that_is_missing(
    bare: Box, sudo: str | None, reason: str, verb: str
) -> None:
    bare.shell("rm -f /usr/bin/sudo")
    if sudo is not None:
        bare.stub("sudo", sudo)
    before = bare.state()
    done = bare.shell(_lines(user="operator", verb=verb)[0], bundles.claim(bare))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        "kubenode: worker-1 (192.0.2.7): claim apply: the user root may not become root by 'sudo -n' on "
    )
    assert reason in done.stderr
    assert done.stderr.endswith(
        "Nothing was written. "
        "Put this line into /etc/sudoers.d/kubenode there: root ALL=(root) NOPASSWD: ALL\n"
    )
    assert done.stderr.count("\n") == 1
    assert bare.state() == before
    assert not bare.path(RECORD).exists()


@pytest.mark.parametrize("bundle", ["", "kubenode bundle 1\npart | claim\n", "payload | bm90IGEgdGFy\n"])
def test_a_bundle_without_a_toolkit_changes_nothing(bare: Box, bundle: str) -> None:
    before = bare.state()
    assert bare.shell(_lines()[0], bundle).returncode != 0
    assert bare.state() == before
    assert bare.leftovers() == []


def test_the_exit_code_comes_through_and_nothing_stays_in_memory(bare: Box) -> None:
    failing = bundles.changed_toolkit("claim", "#!/bin/sh\necho said; echo complained >&2; exit 42\n")
    done = bare.shell(_lines()[0], bundles.claim(bare, failing))
    assert (done.returncode, done.stdout, done.stderr) == (42, "said\n", "complained\n")
    assert bare.leftovers() == []


def test_check_misses_a_script(bare: Box) -> None:
    assert _claim(bare).returncode == 0
    assert bare.shell(f"{LIBRARY}/claim check", bundles.claim(bare)).returncode == 0
    bare.path(f"{LIBRARY}/verify").unlink()
    done = bare.shell(f"{LIBRARY}/claim check", bundles.claim(bare))
    assert done.returncode == 1
    assert f"{LIBRARY}/verify: expected 0755 root:root sha256 " in done.stderr
    assert "found nothing" in done.stderr


def test_every_part_but_the_proof_is_swept() -> None:
    """A part that the sweep does not know would stay behind; `verify` leaves nothing."""
    text = toolkit.source("claim")
    known = text.split("kn_sweep ", 1)[1].split("\n", 1)[0].split()
    assert sorted([*known, "claim", "verify"]) == sorted(toolkit.SCRIPTS)
    listed = text.split('KN_PARTS="', 1)[1].split('"', 1)[0].split()
    assert sorted(listed) == sorted(toolkit.SCRIPTS)


# ---------------------------------------------------------------------------------------------------------------------
# Docker.


@pytest.mark.parametrize(
    ("source", "package", "there", "problem"),
    [
        ("distribution", "docker.io", "", ""),
        ("distribution", "docker.io", "docker.io", ""),
        ("existing", "", "docker-ce", ""),
        ("distribution", "docker.io", "docker-ce", "from the package docker-ce: set docker.source to existing"),
        ("docker", "docker-ce", "docker.io", "from the package docker.io: set docker.source to existing"),
        ("archive", "", "moby-engine", "from the package moby-engine: set docker.source to existing"),
        ("existing", "", "", "docker.source is existing, and no Docker is installed here"),
    ],
)  # fmt: skip
def test_the_preflight_looks_for_a_docker_in_the_way(
    bare: Box, source: str, package: str, there: str, problem: str
) -> None:
    bare.put("/state/packages", f"ii base-files\nii {there}\n" if there else "ii base-files\n")
    if there:
        bare.put("/lib/systemd/system/docker.service", bundles.DOCKER_UNIT)
    done = _claim(bare, docker_source=source, docker_package=package)
    assert (done.returncode == 0) is not bool(problem), done.stderr
    assert problem in done.stderr
    assert bare.path(RECORD).exists() is not bool(problem)


def test_a_data_root_is_looked_at_where_it_will_be(bare: Box) -> None:
    """Its disk counts, and not that of /var/lib, also if the folder is not there yet."""
    bare.shell("mkdir /data; mount -t tmpfs -o size=1m tmpfs /data")
    done = _claim(bare, data_root="/data/of/docker")
    assert done.returncode == 1
    assert "- /data/of/docker has 1 MiB free, needs 2048" in done.stderr
    assert "/var/lib has" not in done.stderr
    bare.put("/srv/file", "no folder\n")
    done = _claim(bare, data_root="/srv/file/docker")
    assert "- /srv/file is no folder, so /srv/file/docker cannot be made" in done.stderr
    assert not bare.path(RECORD).exists()
    assert _claim(bare, data_root="/var/lib/elsewhere").returncode == 0
