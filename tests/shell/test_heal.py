"""A kubelet that the API server does not hear of: its certificate has ended, is damaged or gone; or it is not."""

from __future__ import annotations

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import Box

KUBECONFIG = "/etc/kubernetes/kubelet.kubeconfig"
BOOTSTRAP = "/etc/kubernetes/bootstrap.kubeconfig"
PKI = "/var/lib/kubelet/pki"
CLIENT = f"{PKI}/kubelet-client-current.pem"
OWN = f"clusters:\n- cluster:\n    server: https://api:6443\nusers:\n- user:\n    client-certificate: {CLIENT}\n"
JOINED = '200 {"metadata":{"labels":{"kubernetes.io/hostname":"worker-1"}}}'
SAID = "the API server does not take the kubelet's client certificate: removed, another is asked for"


def _bundle(host: Box, heal: str = "", approval: str = "") -> str:
    more = "".join(
        f"set | {key} {value}\n" for key, value in (("approval", approval), ("heal", heal)) if value
    )
    return bundles.kubelet(host).replace("\nend\n", f"\n{more}end\n")


def _apply(host: Box, bundle: str) -> str:
    done = host.run("kubelet", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _answer(host: Box, text: str) -> None:
    host.put(f"/state/node-{host.node}", f"{text}\n")


def _restarts(host: Box) -> int:
    return len(host.calls("systemctl restart"))


@pytest.fixture
def joined(host: Box) -> Box:
    """A node that joined long ago, whose credentials have just brought a new token."""
    _apply(host, _bundle(host))
    host.put(KUBECONFIG, OWN, 0o600)
    host.shell(f"mv {CLIENT} {PKI}/kubelet-client-2026.pem; ln -s {PKI}/kubelet-client-2026.pem {CLIENT}")
    host.put(BOOTSTRAP, "    server: https://api:6443\n", 0o600)
    _answer(host, JOINED)
    host.forget_calls()
    return host


def test_a_certificate_that_the_api_server_refuses_goes_and_the_kubelet_asks_anew_once(joined: Box) -> None:
    _answer(joined, "401 {}")
    said = _apply(joined, _bundle(joined, "one"))
    assert SAID in said
    assert "restarted kubelet.service, healthy" in said
    assert _restarts(joined) == 1
    assert not joined.path(f"{PKI}/kubelet-client-2026.pem").exists()
    assert joined.text(CLIENT) == "certificate\n", "the kubelet's new one"
    assert joined.text(KUBECONFIG) == "kubeconfig\n", "the kubelet's new one"
    assert not joined.path(BOOTSTRAP).exists()
    # It is done: whatever else changes later heals nothing.
    joined.forget_calls()
    assert _apply(joined, _bundle(joined, "one")) == "kubelet: nothing to change\n"
    _apply(joined, _bundle(joined, "two"))
    assert _restarts(joined) == 1


def test_one_that_nobody_can_read_goes_too(joined: Box) -> None:
    joined.stub("curl", 'case "$*" in *10248*) printf ok ;; *) exit 58 ;; esac\n')
    assert SAID in _apply(joined, _bundle(joined, "one"))
    assert not joined.path(f"{PKI}/kubelet-client-2026.pem").exists()


def test_a_link_to_nothing_goes_too(joined: Box) -> None:
    joined.path(f"{PKI}/kubelet-client-2026.pem").unlink()
    joined.stub("curl", 'case "$*" in *10248*) printf ok ;; *) exit 58 ;; esac\n')
    assert SAID in _apply(joined, _bundle(joined, "one"))
    assert joined.text(CLIENT) == "certificate\n"


@pytest.mark.parametrize("answer", [JOINED, "403 {}", None], ids=["taken", "known", "no answer"])
def test_one_that_is_good_or_cannot_be_told_stays_and_the_kubelet_starts_anew(
    joined: Box, answer: str | None
) -> None:
    if answer:
        _answer(joined, answer)
    else:
        joined.path(f"/state/node-{joined.node}").unlink()
    said = _apply(joined, _bundle(joined, "one"))
    assert SAID not in said
    assert _restarts(joined) == 1
    assert joined.path(f"{PKI}/kubelet-client-2026.pem").exists()
    assert joined.text(KUBECONFIG) == OWN


def test_without_anything_to_heal_no_certificate_is_looked_at(joined: Box) -> None:
    _answer(joined, "401 {}")
    assert _apply(joined, _bundle(joined)) == "kubelet: nothing to change\n"
    assert joined.path(f"{PKI}/kubelet-client-2026.pem").exists()


def test_a_kubelet_without_any_certificate_is_asked_to_go_on_not_to_start_anew(host: Box) -> None:
    bundle = _bundle(host, approval="manual")
    host.path("/state/start-kubelet.service").unlink()
    _apply(host, bundle)
    running = host.running()
    bundle = _bundle(host, "one", approval="manual")
    host.path("/state/start-kubelet.service").unlink()
    assert "waits for somebody" in _apply(host, bundle)
    assert host.running() == running, "its request would be given up"


def _reapply(host: Box, text: str) -> str:
    return text.replace("\nend\n", "\nset | reapply now\nend\n")


@pytest.mark.parametrize(
    "lost", [f"{PKI}", f"{PKI}/kubelet-client-*", f"{PKI} /var/lib/kubenode/parts/kubelet"]
)
def test_a_lost_certificate_is_found_and_asked_for_anew_by_a_reapply(joined: Box, lost: str) -> None:
    """A kubelet that runs has it in memory, and would not start again."""
    _apply(joined, _bundle(joined))
    joined.path(BOOTSTRAP).unlink(missing_ok=True)
    joined.shell(f"rm -r {lost}")
    running = joined.running()
    if "parts" not in lost:
        checked = joined.run("kubelet", "check", _bundle(joined))
        found = [line for line in checked.stderr.splitlines() if ": expected " in line]
        assert found == [f"kubelet: {CLIENT}: expected 0600 root:root, found nothing"]
        done = joined.run("kubelet", "apply", bundles.kubelet(joined, config="maxPods: 2\n"))
        assert done.returncode == 1
        assert f"{CLIENT} is gone, and without it the kubelet could not start again" in done.stderr
        assert joined.running() == running
    token = joined.bundle("credentials", HostFile("bootstrap.kubeconfig", BOOTSTRAP, "token\n", "0600"))
    done = joined.run("credentials", "apply", _reapply(joined, token))
    assert done.returncode == 0, done.stderr
    assert joined.path(BOOTSTRAP).exists()
    assert "lost its client certificate: stopped, to join anew" in done.stdout
    assert joined.calls("systemctl stop") == ["systemctl stop kubelet.service"]
    assert "started kubelet.service, healthy" in _apply(joined, _reapply(joined, _bundle(joined)))
    assert joined.text(CLIENT) == "certificate\n"
    assert not joined.path(BOOTSTRAP).exists()
    assert _apply(joined, _reapply(joined, _bundle(joined))) == "kubelet: nothing to change\n"
    assert joined.run("kubelet", "check", _bundle(joined)).returncode == 0


def test_a_lost_kubeconfig_is_written_anew_with_a_token(joined: Box) -> None:
    """By a re-apply, which brings one; without it nothing is changed, for the kubelet could not start again."""
    joined.path(BOOTSTRAP).unlink()
    joined.path(KUBECONFIG).unlink()
    running = joined.running()
    done = joined.run("kubelet", "apply", bundles.kubelet(joined, config="maxPods: 2\n"))
    assert done.returncode == 1
    assert f"{KUBECONFIG} is gone" in done.stderr
    assert "Nothing was changed. Next: make reconcile NODE=worker-1" in done.stderr
    assert joined.running() == running
    token = joined.bundle("credentials", HostFile("bootstrap.kubeconfig", BOOTSTRAP, "token\n", "0600"))
    done = joined.run("credentials", "apply", token)
    assert done.returncode == 0, done.stderr
    assert joined.path(BOOTSTRAP).exists()
    assert "restarted kubelet.service, healthy" in _apply(joined, _bundle(joined))
    assert joined.text(KUBECONFIG) == "kubeconfig\n"
    assert joined.path(f"{PKI}/kubelet-client-2026.pem").exists(), "its certificate is good"
    assert not joined.path(BOOTSTRAP).exists()
    assert _apply(joined, _bundle(joined)) == "kubelet: nothing to change\n"
