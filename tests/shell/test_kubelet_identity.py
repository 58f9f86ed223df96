"""A kubelet that is given its client certificate, one that asks for it, and the way from each to the other."""

from __future__ import annotations

import base64
import re
import stat

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import LIBRARY, Box

KUBECONFIG = "/etc/kubernetes/kubelet.kubeconfig"
BOOTSTRAP = "/etc/kubernetes/bootstrap.kubeconfig"
CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
UNIT = "kubelet.service"
WATCH = "kubenode-bootstrap.path"
ASKING_UNIT = bundles.KUBELET_UNIT.replace(
    "kubelet \\\n", f"kubelet \\\n  --bootstrap-kubeconfig={BOOTSTRAP} \\\n"
)
OWN = f"clusters:\n- cluster:\n    server: https://api:6443\nusers:\n- user:\n    client-certificate: {CLIENT}\n"


def _given(host: Box, text: str = "one", key: str = "SECRET-KEY") -> str:
    encoded = [base64.b64encode(f"{kind} {text}".encode()).decode() for kind in ("certificate", key)]
    kubeconfig = (
        "clusters:\n- cluster:\n    server: https://api:6443\nusers:\n- user:\n"
        f"    client-certificate-data: {encoded[0]}\n    client-key-data: {encoded[1]}\n"
    )
    return host.bundle("credentials", HostFile("kubelet.kubeconfig", KUBECONFIG, kubeconfig, "0600"))


def _token(host: Box) -> str:
    return host.bundle("credentials", HostFile("bootstrap.kubeconfig", BOOTSTRAP, "token\n", "0600"))


def _issued(host: Box, digest: str = "0123456789ab", timeout: int = 1) -> str:
    bundle = bundles.kubelet(host, timeout=timeout)
    host.path("/state/start-kubelet.service").unlink()
    return bundle.replace("\nend\n", f"\nset | client issued\nset | certificates {digest}\nend\n")


def _asking(host: Box) -> str:
    return bundles.kubelet(host, unit=ASKING_UNIT)


def _apply(host: Box, part: str, bundle: str) -> str:
    done = host.run(part, "apply", bundle)
    assert done.returncode == 0, done.stderr
    assert "SECRET" not in done.stdout + done.stderr
    return done.stdout


def _bootstrapped(host: Box) -> None:
    _apply(host, "credentials", _token(host))
    _apply(host, "kubelet", _asking(host))
    host.put(KUBECONFIG, OWN, 0o600)


def _answer(
    host: Box, text: str = '200 {"metadata":{"labels":{"kubernetes.io/hostname":"worker-1"}}}'
) -> None:
    host.put(f"/state/node-{host.node}", f"{text}\n")


def _certify(host: Box) -> None:
    """What the kubelet writes once its request is approved."""
    host.put(KUBECONFIG, OWN, 0o600)
    host.put(CLIENT, "certificate\n", 0o600)


def _restarts(host: Box) -> int:
    return len(host.calls("systemctl restart"))


def _destroyed(host: Box, credentials: str) -> None:
    assert host.run("kubelet", "remove", _asking(host)).returncode == 0
    assert host.run("credentials", "remove", credentials).returncode == 0
    for leftover in (f"/state/node-{host.node}", "/state/start-kubelet.service"):
        host.path(leftover).unlink(missing_ok=True)


def test_a_whole_life_with_a_certificate_that_is_given(host: Box) -> None:
    before = host.state()
    _answer(host)
    _apply(host, "credentials", _given(host))
    assert stat.S_IMODE(host.path(KUBECONFIG).stat().st_mode) == 0o600
    assert "started kubelet.service, healthy" in _apply(host, "kubelet", _issued(host))
    assert not host.path(CLIENT).exists()
    assert _apply(host, "credentials", _given(host)) == "credentials: nothing to change\n"
    assert _apply(host, "kubelet", _issued(host)) == "kubelet: nothing to change\n"
    assert host.run("credentials", "check", _given(host)).returncode == 0
    _destroyed(host, _given(host))
    assert host.state() == before


def test_the_certificate_that_is_given_is_the_one_that_is_shown_to_the_api_server(host: Box) -> None:
    _answer(host)
    host.stub("base64", 'printf "%s\\n" "$(cat | /usr/bin/base64 -d)" | tee -a /state/shown\n')
    _apply(host, "credentials", _given(host, "one"))
    _apply(host, "kubelet", _issued(host))
    assert host.text("/state/shown").splitlines()[:2] == ["certificate one", "SECRET-KEY one"]
    assert host.leftovers() == []


def test_a_new_certificate_restarts_the_kubelet_once(host: Box) -> None:
    _answer(host)
    _apply(host, "credentials", _given(host))
    _apply(host, "kubelet", _issued(host))
    host.forget_calls()
    assert _apply(host, "credentials", _given(host, "two")) == f"changed {KUBECONFIG}\n"
    _apply(host, "kubelet", _issued(host, "ba9876543210"))
    assert _restarts(host) == 1
    _apply(host, "kubelet", _issued(host, "ba9876543210"))
    assert _restarts(host) == 1


def test_from_asking_to_given_nothing_of_the_old_certificate_is_left(host: Box) -> None:
    before = host.state()
    _bootstrapped(host)
    _answer(host)
    _apply(host, "credentials", _given(host))
    assert host.path(CLIENT).exists(), "the kubelet still runs with it"
    _apply(host, "kubelet", _issued(host))
    assert not host.path(CLIENT).exists()
    _destroyed(host, _given(host))
    assert host.state() == before, "the kubelet's own kubeconfig is put back by nobody"


@pytest.mark.parametrize("is_given", [True, False])
def test_of_a_serving_certificate_of_its_own_nothing_is_left_once_it_is_given_one(
    host: Box, is_given: bool
) -> None:
    own = "/var/lib/kubelet/pki/kubelet-server-2026-01-31-10-00-00.pem"
    _bootstrapped(host)
    host.put(own, "key\n", 0o600)
    if is_given:
        host.put("/etc/kubernetes/ssl/kubelet-server.pem", "certificate\n")
    _answer(host)
    _apply(host, "credentials", _given(host))
    _apply(host, "kubelet", _issued(host))
    assert host.path(own).exists() is not is_given


@pytest.mark.parametrize("answer", ["401 {}", None], ids=["refused", "no answer"])
def test_a_certificate_that_the_api_server_refuses_takes_the_old_one_from_nobody(
    host: Box, answer: str | None
) -> None:
    _bootstrapped(host)
    running = host.running()
    if answer:
        _answer(host, answer)
    _apply(host, "credentials", _given(host))
    done = host.run("kubelet", "apply", _issued(host))
    assert done.returncode == 1
    assert "The previous files are back and kubelet.service runs with them." in done.stderr
    assert host.running() == running
    assert host.path(CLIENT).exists()
    # And forward again, once it is taken.
    _answer(host)
    _apply(host, "kubelet", _issued(host))
    assert not host.path(CLIENT).exists()


def test_from_given_to_asking_the_kubelet_keeps_what_it_asks_with_until_it_has_its_own(host: Box) -> None:
    before = host.state()
    _answer(host)
    _apply(host, "credentials", _given(host))
    _apply(host, "kubelet", _issued(host))
    _apply(host, "credentials", _token(host))
    assert "client-key-data" in host.text(KUBECONFIG)
    assert _apply(host, "credentials", _token(host)) == "credentials: nothing to change\n"
    _apply(host, "kubelet", _asking(host))
    text = host.text(KUBECONFIG)
    assert f"client-certificate: {CLIENT}\n    client-key: {CLIENT}\n" in text
    assert "-data" not in text
    assert stat.S_IMODE(host.path(KUBECONFIG).stat().st_mode) == 0o600
    assert not host.path(BOOTSTRAP).exists()
    # From now on the file is the kubelet's: neither edited nor missing.
    assert _apply(host, "credentials", _token(host)) == "credentials: nothing to change\n"
    assert host.run("credentials", "check", _token(host)).returncode == 0
    assert host.text(KUBECONFIG) == text
    assert _apply(host, "kubelet", _asking(host)) == "kubelet: nothing to change\n"
    _destroyed(host, _token(host))
    assert host.state() == before


def test_a_kubelet_that_gets_no_certificate_of_its_own_goes_on_with_the_given_one(host: Box) -> None:
    _answer(host)
    _apply(host, "credentials", _given(host))
    _apply(host, "kubelet", _issued(host))
    running = host.running()
    _apply(host, "credentials", _token(host))
    bundle = _asking(host)
    host.path("/state/start-kubelet.service").unlink()
    done = host.run("kubelet", "apply", bundle)
    assert done.returncode == 1
    assert "The previous files are back and kubelet.service runs with them." in done.stderr
    assert host.running() == running
    assert "client-key-data" in host.text(KUBECONFIG)


def test_a_kubelet_that_waits_for_somebody_s_approval_is_no_failure(host: Box) -> None:
    before = host.state()
    _apply(host, "credentials", _token(host))
    bundle = _asking(host).replace("\nend\n", "\nset | approval manual\nend\n")
    host.path("/state/start-kubelet.service").unlink()
    assert "the kubelet runs and waits for somebody to approve its request" in _apply(host, "kubelet", bundle)
    assert host.path(BOOTSTRAP).exists(), "it may start anew while it waits"
    running = host.running()
    assert "waits for somebody" in _apply(host, "kubelet", bundle)
    assert host.running() == running
    assert host.path(f"/state/active/{WATCH}").exists()
    _certify(host)
    assert _apply(host, "kubelet", bundle) == "kubelet: nothing to change\n"
    assert not host.path(BOOTSTRAP).exists()
    assert not host.path(f"/state/active/{WATCH}").exists()
    _destroyed(host, _token(host))
    assert host.state() == before


def _waiting(host: Box) -> str:
    """A kubelet that waits for somebody's approval; its bundle."""
    _apply(host, "credentials", _token(host))
    bundle = _asking(host).replace("\nend\n", "\nset | approval manual\nend\n")
    host.path("/state/start-kubelet.service").unlink()
    _apply(host, "kubelet", bundle)
    return bundle


def _boot(host: Box) -> None:
    """Nothing runs any longer, /run is empty; then what is enabled starts."""
    host.shell("rm -rf /state/active /state/running /state/loaded /run/systemd/transient")
    enabled = host.shell("ls /etc/systemd/system/multi-user.target.wants").stdout.split()
    host.shell(f"systemctl start {' '.join(enabled)}")


def _end_the_wait(host: Box) -> None:
    """What systemd does when the path is there that its unit waits for."""
    assert host.path(f"/state/active/{WATCH}").exists()
    _certify(host)
    watched = re.findall(r"(?m)^PathExists=(.*)$", host.text(f"/etc/systemd/system/{WATCH}"))
    assert watched == [CLIENT]
    service = host.text(f"/etc/systemd/system/{WATCH.replace('.path', '.service')}")
    for command in re.findall(r"(?m)^ExecStart=(.*)$", service):
        program, _, words = command.partition(" ")
        assert host.path(program).exists()
        done = host.shell(f"{program.rpartition('/')[2]} {words}")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("booted", [False, True], ids=["same boot", "after a boot"])
def test_the_token_goes_when_the_certificate_comes_and_nobody_is_there(host: Box, booted: bool) -> None:
    before = host.state()
    bundle = _waiting(host)
    if booted:
        _boot(host)
    _end_the_wait(host)
    assert not host.path(BOOTSTRAP).exists()
    assert not host.path(f"/state/active/{WATCH}").exists(), "systemd would run it again and again"
    assert [path for path in host.state() if "kubenode-bootstrap" in path] == []
    assert _apply(host, "kubelet", bundle) == "kubelet: nothing to change\n"
    _destroyed(host, _token(host))
    assert host.state() == before


@pytest.mark.parametrize("cut_after", range(4))
def test_a_token_s_removal_that_is_cut_off_is_made_up_for(host: Box, cut_after: int) -> None:
    """By the next boot as long as there is something to do, and by the next apply."""
    bundle = _waiting(host)
    _certify(host)
    service = host.text(f"/etc/systemd/system/{WATCH.replace('.path', '.service')}")
    for command in re.findall(r"(?m)^ExecStart=/bin/(.*)$", service)[:cut_after]:
        host.shell(command)
    link = host.path(f"/etc/systemd/system/multi-user.target.wants/{WATCH}")
    assert link.is_symlink() or not host.path(BOOTSTRAP).exists()
    _apply(host, "kubelet", bundle)
    assert not host.path(BOOTSTRAP).exists()
    assert [path for path in host.state() if "kubenode-bootstrap" in path] == []


@pytest.mark.long
def test_a_kill_while_the_watch_is_made_or_taken_away_leaves_nothing_of_it(host: Box) -> None:
    before = host.state()

    def killed(at: int, verb: str) -> list[str]:
        bundle = _asking(host).replace("\nend\n", "\nset | approval manual\nend\n")
        host.path("/state/start-kubelet.service").unlink()
        return host.killed(at, f"{LIBRARY}/kubelet {verb}", bundle)

    def demand_nothing(after: str) -> None:
        _destroyed(host, _token(host))
        assert host.state() == before, after
        assert host.running() == {}, after

    _apply(host, "credentials", _token(host))
    log = killed(10_000, "apply")
    demand_nothing("the end")
    watch = [at for at, line in enumerate(log, 1) if "kubenode-bootstrap" in line]
    for at in range(watch[0] - 3, watch[-1] + 2):
        _apply(host, "credentials", _token(host))
        demand_nothing(f"apply, {killed(at, 'apply')[-1]}")
    _waiting(host)
    log = killed(10_000, "remove")
    demand_nothing("the end")
    watch = [at for at, line in enumerate(log, 1) if "kubenode-bootstrap" in line]
    for at in range(watch[0], watch[-1] + 2):
        _waiting(host)
        demand_nothing(f"remove, {killed(at, 'remove')[-1]}")


def test_a_removal_ends_the_watch(host: Box) -> None:
    before = host.state()
    _waiting(host)
    _destroyed(host, _token(host))
    assert not host.path(f"/state/active/{WATCH}").exists()
    assert host.state() == before


def test_who_approves_from_now_on_is_no_reason_to_go_on_watching(host: Box) -> None:
    _waiting(host)
    _certify(host)
    _apply(host, "kubelet", _asking(host))
    assert not host.path(BOOTSTRAP).exists()
    assert [path for path in host.state() if "kubenode-bootstrap" in path] == []


def test_without_the_watch_it_is_said_that_the_token_stays(host: Box) -> None:
    _apply(host, "credentials", _token(host))
    bundle = _asking(host).replace("\nend\n", "\nset | approval manual\nend\n")
    host.path("/state/start-kubelet.service").unlink()
    systemctl = host.text("/stubs/systemctl")
    refused = f'case "$*" in "enable {WATCH}") exit 1 ;; esac\n'
    host.put(
        "/stubs/systemctl",
        systemctl.replace("mkdir -p /state/active", f"{refused}mkdir -p /state/active"),
        0o755,
    )
    assert f"the token stays in {BOOTSTRAP}" in _apply(host, "kubelet", bundle)


def test_a_kubelet_that_does_not_run_is_one_also_while_it_would_wait(host: Box) -> None:
    _apply(host, "credentials", _token(host))
    bundle = bundles.kubelet(host, unit=ASKING_UNIT, binary="broken\n")
    host.path("/state/start-kubelet.service").unlink()
    done = host.run("kubelet", "apply", bundle.replace("\nend\n", "\nset | approval manual\nend\n"))
    assert done.returncode == 1
    assert "kubelet.service is not healthy" in done.stderr


def test_there_and_back_again(host: Box) -> None:
    before = host.state()
    _bootstrapped(host)
    _answer(host)
    for _ in range(2):
        _apply(host, "credentials", _given(host))
        _apply(host, "kubelet", _issued(host))
        _apply(host, "credentials", _token(host))
        _apply(host, "kubelet", _asking(host))
    assert "client-key-data" not in host.text(KUBECONFIG)
    _destroyed(host, _token(host))
    assert host.state() == before
