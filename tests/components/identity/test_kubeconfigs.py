"""The identities of a node as files."""

from __future__ import annotations

import base64

import yaml

from components.identity import kubeconfigs
from tests.components import example

SERVER = "https://10.0.0.1:6443"


def test_the_certificate_authority_is_readable_by_all() -> None:
    file = kubeconfigs.certificate_authority(example.CA_PEM)
    assert (file.name, file.path, file.mode) == ("ca.pem", "/etc/kubernetes/ssl/ca.pem", "0644")
    assert file.content == example.CA_PEM


def test_the_bootstrap_kubeconfig() -> None:
    file = kubeconfigs.bootstrap(SERVER, "abcdef.0123456789abcdef")
    assert (file.path, file.mode, file.owner) == ("/etc/kubernetes/bootstrap.kubeconfig", "0600", "root:root")
    assert file.content == (
        """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority: /etc/kubernetes/ssl/ca.pem
    server: https://10.0.0.1:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubelet-bootstrap
  name: default
current-context: default
kind: Config
users:
- name: kubelet-bootstrap
  user:
    token: abcdef.0123456789abcdef
"""
    )


def test_a_token_of_digits_stays_text() -> None:
    """A Go reader takes 123456.789e12 for a number."""
    content = kubeconfigs.bootstrap(SERVER, "123456.0000000000000e12").content
    assert "token: '123456.0000000000000e12'" in content


def test_kube_proxy_with_a_certificate() -> None:
    file = kubeconfigs.kube_proxy(SERVER, "certificate\n", "key\n")
    assert (file.path, file.mode) == ("/etc/kubernetes/kube-proxy.kubeconfig", "0600")
    (user,) = yaml.safe_load(file.content)["users"]
    assert user == {
        "name": "kube-proxy",
        "user": {
            "client-certificate-data": base64.b64encode(b"certificate\n").decode(),
            "client-key-data": base64.b64encode(b"key\n").decode(),
        },
    }


def test_kube_proxy_with_a_token() -> None:
    config = yaml.safe_load(kubeconfigs.kube_proxy_with_token(SERVER, "t.o.k").content)
    assert config["users"] == [{"name": "kube-proxy", "user": {"token": "t.o.k"}}]
    assert config["clusters"][0]["cluster"]["server"] == SERVER
