"""What a part says holds no secret of its host, even where a service or a tool quotes one."""

from __future__ import annotations

import base64

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import Box

_LOGIN = base64.b64encode(b"puller:pa*ss:w0rd").decode()
_KEY_LINE = "MHcCAQEEIFakeKeyOfATestThatIsNotAKeyAtAll0123456789abcdefghijklm"
_CONFIG = f'{{\n  "auths": {{\n    "registry.example.org": {{\n      "auth": "{_LOGIN}"\n    }}\n  }}\n}}\n'
_KUBECONFIG = "users:\n- name: kubelet-bootstrap\n  user:\n    token: abcdef.0123456789abcdef\n"
_PEM = f"-----BEGIN EC PRIVATE KEY-----\n{_KEY_LINE}\n-----END EC PRIVATE KEY-----\n"
_SECRETS = {
    "login": _LOGIN,
    "login as typed": "puller:pa*ss:w0rd",
    "password": "pa*ss:w0rd",
    "token": "abcdef.0123456789abcdef",
    "line of a key": _KEY_LINE,
    "URL": "someone:else@",
}


def _files() -> list[HostFile]:
    return [
        HostFile("config.json", "/var/lib/kubelet/config.json", _CONFIG, "0600"),
        HostFile("bootstrap.kubeconfig", "/etc/kubernetes/bootstrap.kubeconfig", _KUBECONFIG, "0600"),
        HostFile("kubelet-server-key.pem", "/etc/kubernetes/ssl/kubelet-server-key.pem", _PEM, "0600"),
    ]


def _journal() -> str:
    """A service that quotes each, at the end of long lines too, where they are cut."""
    quoted = [f"level=error msg='refused: {what} {text}'" for what, text in _SECRETS.items() if what != "URL"]
    long = [
        "x" * 110 + f" {_SECRETS['token']} " + "y" * 300,
        "x" * 590 + _KEY_LINE,
        "proxy http://someone:else@10.0.0.1",
    ]
    return "\n".join([*quoted, *long]) + "\n"


def _said_none(said: str) -> None:
    assert "***" in said
    assert [what for what, text in _SECRETS.items() if text in said] == []
    # Nor the beginning or the end of one that was cut.
    assert [text for text in _SECRETS.values() if text[:12] in said or text[-12:] in said] == []


@pytest.mark.parametrize(
    "failure",
    [
        "kn_start x.service 0 false",
        "kn_run 5 sh -c 'cat /words; false'",
        'kn_die "$(cat /words)"',
        'cat /words >>"$KN_TMP/log"; exit 3',
        'kn_say "$(cat /words)"; exit 3',
    ],
)
def test_a_service_that_quotes_a_secret_is_not_repeated(host: Box, failure: str) -> None:
    """Of the credentials, which another part put there before."""
    assert host.run("calico", "apply", bundles.calico(host, *_files())).returncode == 0
    host.put("/state/journal", _journal())
    host.put("/words", _journal())
    host.put("/etc/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/true\n")
    host.part(failure, "docker")
    done = host.run("docker", "apply", host.bundle("docker"))
    assert done.returncode != 0
    assert "refused: " in done.stderr
    _said_none(done.stdout + done.stderr)


def test_secrets_that_are_still_on_their_way_are_not_repeated_either(host: Box) -> None:
    host.put("/words", _journal())
    host.part('kn_say "$(cat /words)"')
    done = host.run("calico", "apply", bundles.calico(host, *_files()))
    assert done.returncode == 0, done.stderr
    assert "refused: " in done.stdout
    _said_none(done.stdout)


def test_a_secret_that_is_part_of_its_own_mask_ends_too(host: Box) -> None:
    host.part('kn_say "a * b"')
    login = base64.b64encode(b"u:*").decode()
    config = HostFile("config.json", "/etc/config.json", f'{{"auth": "{login}"}}\n', "0600")
    done = host.run("calico", "apply", bundles.calico(host, config))
    assert done.stdout.startswith("a *** b\n")


def test_words_without_a_secret_are_left_alone(host: Box) -> None:
    words = "see https://10.0.0.1:6443/version, mail@example.org, user:name, ssh://git@example.org"
    host.part(f'kn_say "{words}"')
    done = host.run("calico", "apply", bundles.calico(host, *_files()))
    assert done.stdout.startswith(f"{words}\n")


def test_words_of_a_host_without_any_secret_are_said(host: Box) -> None:
    host.part('kn_say "all is well"')
    assert host.run("calico", "apply", bundles.calico(host)).stdout.startswith("all is well\n")
