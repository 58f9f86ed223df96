"""The secrets of a node: never in output, log, error, process list or an open file; the token only until the join."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import RECORD, Box

TOKEN = "abcdef.0123456789abcdef"
KEY = "LS0tLS1CRUdJTi-PRIVATE-KEY"
BOOTSTRAP = "/etc/kubernetes/bootstrap.kubeconfig"
PROXY = "/etc/kubernetes/kube-proxy.kubeconfig"
CA = "/etc/kubernetes/ssl/ca.pem"
LOGINS = "/var/lib/kubelet/config.json"
CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_SECRETS = (TOKEN, KEY)
_PROGRAMS = (
    "awk cat chmod chown cp cut grep mkdir mv sed sha256sum sort stat tail head rm date dirname basename cmp"
)


def _bundle(host: Box, token: str = TOKEN, key: str = KEY, **settings: list[str]) -> str:
    return host.bundle(
        "credentials",
        HostFile("ca.pem", CA, "-----BEGIN CERTIFICATE-----\nca\n"),
        HostFile("bootstrap.kubeconfig", BOOTSTRAP, f"token: {token}\n", "0600"),
        HostFile("kube-proxy.kubeconfig", PROXY, f"client-key-data: {key}\n", "0600"),
        **settings,  # type: ignore[arg-type]
    )


def _with_logins(host: Box, password: str = KEY) -> str:
    return host.bundle(
        "credentials",
        HostFile("ca.pem", CA, "-----BEGIN CERTIFICATE-----\nca\n"),
        HostFile("config.json", LOGINS, f'{{"auth": "{password}"}}\n', "0600"),
    )


def _apply(host: Box, bundle: str) -> str:
    done = host.run("credentials", "apply", bundle)
    assert done.returncode == 0, done.stderr
    assert host.leftovers() == []
    _assert_hidden(done.stdout + done.stderr)
    return done.stdout


def _assert_hidden(text: str) -> None:
    for secret in _SECRETS:
        assert secret not in text


def _holders(host: Box) -> list[Path]:
    """Every file that was written and holds a secret, wherever it is."""
    written = [path for root in (host.upper, host.path("/run")) for path in root.rglob("*") if path.is_file()]
    return [path for path in written if any(secret.encode() in path.read_bytes() for secret in _SECRETS)]


def _modes(host: Box) -> dict[str, int]:
    return {
        path: stat.S_IMODE(host.path(path).stat().st_mode)
        for path in (BOOTSTRAP, PROXY, CA, "/etc/kubernetes/ssl")
    }


def test_a_whole_life_leaves_nothing_and_says_nothing(host: Box) -> None:
    before = host.state()
    said = _apply(host, _bundle(host))
    assert said == f"changed {CA}\nchanged {BOOTSTRAP}\nchanged {PROXY}\n"
    assert _modes(host) == {BOOTSTRAP: 0o600, PROXY: 0o600, CA: 0o644, "/etc/kubernetes/ssl": 0o700}
    assert _apply(host, _bundle(host)) == "credentials: nothing to change\n"
    done = host.run("credentials", "remove", _bundle(host))
    assert done.returncode == 0
    _assert_hidden(done.stdout + done.stderr)
    assert host.state() == before
    assert _holders(host) == []


def test_no_secret_is_ever_an_argument_or_in_an_open_file(host: Box) -> None:
    """Every program that the part runs is written down with its arguments; every new file is looked at."""
    programs = host.shell("cd /usr/bin; ls").stdout.split()
    for name in sorted({*_PROGRAMS.split()} & {*programs}):
        host.stub(name, f'exec /usr/bin/{name} "$@"\n')
    host.stub("sync", "stat -c '%a %n' \"$@\" >>/state/modes 2>/dev/null\nexit 0\n")
    host.put("/state/modes", "")
    _apply(host, _bundle(host))
    calls = "\n".join(host.calls())
    assert "kube-proxy.kubeconfig.kubenode-new" in calls
    _assert_hidden(calls)
    for line in host.text("/state/modes").splitlines():
        mode, _, path = line.partition(" ")
        if "kubeconfig" in path:
            assert mode == "600", line


@pytest.mark.parametrize(
    "spoil",
    ["mkdir -p /etc/kubernetes/kube-proxy.kubeconfig", "mount -t tmpfs -o size=4k,ro tmpfs /etc/kubernetes"],
)
def test_an_error_holds_no_secret(host: Box, spoil: str) -> None:
    host.shell(f"mkdir -p /etc/kubernetes; {spoil}")
    done = host.run("credentials", "apply", _bundle(host))
    assert done.returncode != 0
    assert done.stderr
    _assert_hidden(done.stdout + done.stderr)
    assert host.leftovers() == []


def test_check_and_an_edited_secret_tell_its_path_only(host: Box) -> None:
    _apply(host, _bundle(host))
    host.put(PROXY, f"client-key-data: {KEY}2\n", 0o640)
    done = host.run("credentials", "check", _bundle(host))
    assert done.returncode == 1
    assert PROXY in done.stderr
    _assert_hidden(done.stdout + done.stderr)
    assert "was edited since the last apply" in _apply(host, _bundle(host))
    for path in host.path(f"{RECORD}/parts/credentials/edited").iterdir():
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_bundle_of_secrets_of_another_claim_is_wiped_too(host: Box) -> None:
    host.claim = "other/stack/x"
    done = host.run("credentials", "apply", _bundle(host))
    assert done.returncode == 1
    _assert_hidden(done.stdout + done.stderr)
    assert host.leftovers() == []


def test_a_killed_apply_leaves_the_secret_in_memory_only_and_the_next_command_wipes_it(host: Box) -> None:
    host.killed(22, "/usr/local/lib/kubenode/credentials apply", _bundle(host))
    assert len(_holders(host)) > 1
    for path in _holders(host):
        closed = [folder for folder in path.parents if not folder.stat().st_mode & 0o077]
        assert closed or not path.stat().st_mode & 0o077, path
    assert host.run("calico", "apply", bundles.calico(host)).returncode == 0
    assert host.leftovers() == []


def test_the_token_of_a_node_that_has_not_joined_is_renewed(host: Box) -> None:
    _apply(host, _bundle(host))
    assert _apply(host, _bundle(host, "fedcba.fedcba9876543210")) == f"changed {BOOTSTRAP}\n"
    assert "fedcba." in host.text(BOOTSTRAP)


def test_a_node_that_has_joined_gets_no_token_again(host: Box) -> None:
    before = host.state()
    _apply(host, _bundle(host))
    host.path(BOOTSTRAP).unlink()
    host.put(CLIENT, "joined\n", 0o600)
    host.put(bundles.KUBECONFIG, "its own\n", 0o600)
    assert _apply(host, _bundle(host, "fedcba.fedcba9876543210")) == "credentials: nothing to change\n"
    assert not host.path(BOOTSTRAP).exists()
    assert host.run("credentials", "check", _bundle(host)).returncode == 0
    # But if it is to join once more.
    _apply(host, _bundle(host, heal=["1"]))
    assert TOKEN in host.text(BOOTSTRAP)
    # Which was done by then, so that a later change of something else brings none.
    host.path(BOOTSTRAP).unlink()
    assert _apply(host, _bundle(host, key="another", heal=["1"])) == f"changed {PROXY}\n"
    assert not host.path(BOOTSTRAP).exists()
    _apply(host, _bundle(host, heal=["2"]))
    assert TOKEN in host.text(BOOTSTRAP)
    host.shell(f"rm -r /var/lib/kubelet {bundles.KUBECONFIG}")
    assert host.run("credentials", "remove", _bundle(host)).returncode == 0
    assert host.state() == before


def test_a_token_that_was_never_used_goes_with_the_rest(host: Box) -> None:
    _apply(host, _bundle(host))
    _apply(host, _bundle(host, key="another"))
    assert host.run("credentials", "remove", _bundle(host)).returncode == 0
    assert not host.path("/etc/kubernetes").exists()


# ---------------------------------------------------------------------------------------------------------------------
# Logins to registries, in the folder of the kubelet.


@pytest.mark.parametrize("prepare", ["", "mkdir -m 0711 /var/lib/kubelet"], ids=["bare", "empty folder"])
def test_logins_and_the_kubelet_s_folder_go_together(host: Box, prepare: str) -> None:
    host.shell(prepare)
    before = host.state()
    assert f"changed {LOGINS}" in _apply(host, _with_logins(host))
    assert stat.S_IMODE(host.path(LOGINS).stat().st_mode) == 0o600
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    host.put("/var/lib/kubelet/pods/x", "x\n")
    host.forget_calls()
    # The kubelet reads it by itself.
    assert _apply(host, _with_logins(host, TOKEN)) == f"changed {LOGINS}\n"
    assert host.calls("systemctl") == []
    done = host.run("kubelet", "remove", bundles.kubelet(host))
    assert (done.returncode, "held data" in done.stdout) == (0, False)
    assert host.run("credentials", "remove", _with_logins(host)).returncode == 0
    assert host.state() == before
    assert _holders(host) == []


def test_logins_that_come_later_and_go_again_leave_the_kubelet_alone(host: Box) -> None:
    before = host.state()
    _apply(host, _bundle(host))
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    _apply(host, _with_logins(host))
    assert "gave back /var/lib/kubelet/config.json" in _apply(host, _bundle(host))
    assert host.path("/var/lib/kubelet/pki").exists()
    assert host.run("kubelet", "remove", bundles.kubelet(host)).returncode == 0
    assert host.run("credentials", "remove", _bundle(host)).returncode == 0
    assert host.state() == before


def test_logins_without_a_kubelet_yet_go_with_their_folder(host: Box) -> None:
    before = host.state()
    _apply(host, _with_logins(host))
    assert host.run("credentials", "remove", _with_logins(host)).returncode == 0
    assert host.state() == before
