"""The frame around every part: the way in, the claim, the lock."""

from __future__ import annotations

import os

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import LIBRARY, RECORD, Box


def test_a_wrong_word_is_answered_with_the_usage(host: Box) -> None:
    done = host.shell(f"{LIBRARY}/calico destroy")
    assert done.returncode == 2
    assert "usage: calico apply|remove|check < bundle" in done.stderr


def test_who_is_not_root_is_told_so(host: Box) -> None:
    host.shell("chmod 755 /run")
    done = host.shell(
        f"setpriv --reuid 65534 --regid 65534 --clear-groups {LIBRARY}/calico apply", bundles.calico(host)
    )
    assert done.returncode == 1
    assert done.stderr == (
        "kubenode: calico apply: needs root: log in as root, or as a user with passwordless sudo\n"
    )


def test_the_bundle_is_kept_in_memory_and_closed_to_others_while_it_runs(host: Box) -> None:
    host.put(
        f"{LIBRARY}/calico",
        f"set -eu\n. {LIBRARY}/lib.sh\n"
        'kn_part_apply() { stat -c "%a %n" "$KN_TMP" "$KN_TMP/bundle"; stat -f -c %T "$KN_TMP"; }\n'
        'kn_main calico "$@"\n',
    )
    said = host.shell(f"sh {LIBRARY}/calico apply", bundles.calico(host)).stdout
    assert "700 /run/kubenode." in said
    assert "600 /run/kubenode." in said
    assert "tmpfs" in said


def test_a_part_that_reads_its_input_gets_nothing(host: Box) -> None:
    host.part('kn_say "read: $(cat)"\nkn_run 5 cat\nkn_say "log: $(cat "$KN_TMP/log")"')
    done = host.run("calico", "apply", bundles.calico(host, HostFile("x", "/etc/x", "secret\n")))
    assert done.stdout.startswith("read: \nlog: \n")


def test_standard_input_is_closed_for_good(host: Box) -> None:
    """Not only read to its end: whoever holds the other end could write more."""
    host.part('kn_say "$(readlink /proc/$$/fd/0)"')
    assert host.run("calico", "apply", bundles.calico(host)).stdout.startswith("/dev/null\n")


@pytest.mark.parametrize("part", [0.2, 0.6, 0.9, 0.995])
def test_a_bundle_that_did_not_arrive_as_a_whole_is_not_applied(host: Box, part: float) -> None:
    """A lost connection looks like the end of the input; a file cut in half must not reach its place."""
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "line\n" * 100), HostFile("y", "/etc/y", "y\n"))
    assert host.run("calico", "apply", bundle).returncode == 0
    before = host.state()
    changed = bundle.replace("line", "new")
    done = host.run("calico", "apply", changed[: int(len(changed) * part)])
    assert done.returncode == 1
    assert "the connection was lost before all of the bundle had arrived. Nothing was done" in done.stderr
    assert host.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# Whose host this is.


def test_an_apply_without_a_claim_is_refused_with_the_way_out_and_writes_nothing(host: Box) -> None:
    host.path(f"{RECORD}/claim").unlink()
    before = host.state()
    done = host.run("calico", "apply", bundles.calico(host, HostFile("x", "/etc/x", "x\n")))
    assert done.returncode == 1
    assert "carries no claim of organization/kubenode/test" in done.stderr
    assert (
        "put its address back, 'pulumi up'; to move the node, remove it, 'pulumi up', and add it with"
        in done.stderr
    )
    assert "make forget NODE=worker-1 STACK=test FORCE=yes, then 'pulumi up'." in done.stderr
    assert host.state() == before
    assert os.listdir(host.path(RECORD)) == []


def test_a_remove_without_a_claim_is_a_success_with_a_notice(host: Box) -> None:
    host.path(f"{RECORD}/claim").unlink()
    done = host.run("calico", "remove", bundles.calico(host))
    assert (done.returncode, done.stdout) == (0, "no claim on this host: nothing of ours is here\n")


@pytest.mark.parametrize("verb", ["apply", "remove", "check"])
@pytest.mark.parametrize(
    ("claim", "node"),
    [("organization/kubenode/other", "worker-1"), ("organization/kubenode/test", "worker-2")],
)
def test_anothers_host_is_left_alone(host: Box, verb: str, claim: str, node: str) -> None:
    assert host.run("calico", "apply", bundles.calico(host, HostFile("x", "/etc/x", "x\n"))).returncode == 0
    before = host.state()
    host.claim, host.node = claim, node
    done = host.run("calico", verb, bundles.calico(host, HostFile("x", "/etc/x", "other\n")))
    claimed = "claimed by stack organization/kubenode/test as node worker-1"
    if verb == "remove":
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{claimed}, not by us: nothing of ours is here" in done.stdout
    else:
        assert done.returncode == 1
        assert f"{claimed}. Nothing was written." in done.stderr
    assert host.state() == before


def test_removing_a_part_that_never_was_does_nothing(host: Box) -> None:
    before = host.state()
    done = host.run("calico", "remove", bundles.calico(host))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert host.state() == before


@pytest.mark.parametrize(
    ("part", "above"),
    [
        ("kubelet", ["kube-proxy"]),
        ("docker", ["kube-proxy", "kubelet"]),
        ("calico", ["kube-proxy", "kubelet"]),
        ("credentials", ["kube-proxy", "kubelet"]),
        ("prepare", ["kube-proxy", "kubelet", "credentials", "calico", "docker"]),
        ("kube-proxy", []),
    ],
)
def test_what_stands_on_a_part_goes_before_it(host: Box, part: str, above: list[str]) -> None:
    """Parts whose create was killed before the state knew of them. Here each only says its name."""
    parts = ["prepare", "docker", "calico", "credentials", "kubelet", "kube-proxy"]
    for name in parts:
        host.shell(
            f"mkdir -p {RECORD}/parts/{name}; sed -i '/^kn_main/i kn_part_remove() {{ :; }}' {LIBRARY}/{name}"
        )
    done = host.run(part, "remove", host.bundle(part))
    assert done.returncode == 0, done.stderr
    removed = [line.split(":")[0] for line in done.stdout.splitlines() if line.endswith(": removed")]
    assert removed == [*above, part]
    assert sorted(path.name for path in host.path(f"{RECORD}/parts").iterdir()) == sorted(
        {*parts} - {*removed}
    )


def test_removing_twice_is_a_success(host: Box) -> None:
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "x\n"))
    assert host.run("calico", "apply", bundle).returncode == 0
    assert host.run("calico", "remove", bundle).returncode == 0
    host.put("/etc/x", "somebody's\n")
    assert host.run("calico", "remove", bundle).returncode == 0
    assert host.text("/etc/x") == "somebody's\n"


# ---------------------------------------------------------------------------------------------------------------------
# One at a time.


def _wait_for(host: Box, path: str) -> None:
    done = host.shell(f"until [ -e {path} ]; do sleep 0.02; done", timeout=30)
    assert done.returncode == 0


def test_the_waiting_one_names_the_holder_and_goes_on_when_that_ends(host: Box) -> None:
    host.part("touch /held; until [ -e /go ]; do sleep 0.05; done", "docker")
    first = host.start(f"{LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    second = host.start(f"{LIBRARY}/calico apply", bundles.calico(host))
    assert second.stderr is not None
    told = second.stderr.readline()
    assert ": calico apply: waits for: docker apply, process " in told
    assert second.poll() is None
    host.put("/go", "")
    assert first.wait(30) == 0
    said, complained = second.communicate(timeout=30)
    assert second.returncode == 0, complained
    assert said.startswith("waited for: docker apply, process ")
    assert said.endswith("calico: nothing to change\n")


def test_waiting_is_bounded_and_ends_with_nothing_done(host: Box) -> None:
    host.part("touch /held; until [ -e /go ]; do sleep 0.05; done", "docker")
    first = host.start(f"{LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "x\n"))
    done = host.shell(f"KN_LOCK_SECONDS=1 {LIBRARY}/calico apply", bundle)
    assert done.returncode == 1
    assert "another kubenode command still runs on this host: docker apply, process " in done.stderr
    assert "Wait for it, or end it, and try again." in done.stderr
    assert not host.path("/etc/x").exists()
    host.put("/go", "")
    assert first.wait(30) == 0


def test_what_a_killed_command_started_still_holds_the_lock(host: Box) -> None:
    """A package manager outlives the shell that started it; the next command must not run beside it."""
    host.part("sleep 3 >/dev/null 2>&1 & touch /held; wait", "docker")
    first = host.start(f"echo $$ >/group; exec {LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    host.shell("kill -KILL $(cat /group)")
    first.communicate(timeout=10)
    done = host.shell(f"KN_LOCK_SECONDS=0 {LIBRARY}/calico apply", bundles.calico(host))
    assert "docker apply, process " in done.stderr
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode == 0, done.stderr


def test_the_next_command_wipes_what_a_killed_one_left_in_memory(host: Box) -> None:
    host.part("touch /held; kill -KILL $$", "docker")
    assert host.run("docker", "apply", host.bundle("docker")).returncode != 0
    (left,) = host.leftovers()
    assert (host.path("/run") / left / "bundle").exists()
    assert host.run("calico", "apply", bundles.calico(host)).returncode == 0
    assert host.leftovers() == []


def test_what_a_running_command_has_in_memory_stays(host: Box) -> None:
    host.part("touch /held; until [ -e /go ]; do sleep 0.05; done", "docker")
    # The second waits for the lock with its bundle in memory while a third, which came later, may clean up.
    first = host.start(f"{LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    waiting = host.start(f"exec {LIBRARY}/calico apply", bundles.calico(host, HostFile("x", "/etc/x", "x\n")))
    host.shell("until ls /run/kubenode.*/say 2>/dev/null | sort -u | wc -l | grep -q 2; do sleep 0.02; done")
    assert host.library("KN_LOCK_SECONDS=0; rm /run/lock/kubenode; kn_lock").returncode == 0
    host.put("/go", "")
    assert first.wait(30) == 0
    assert waiting.wait(30) == 0
    assert host.text("/etc/x") == "x\n"
