"""The identities of a node as files."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from components.identity import kubeconfigs
from components.identity.kubeconfigs import KeyPair
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


def test_a_kubelet_that_is_given_its_certificate() -> None:
    file = kubeconfigs.kubelet(SERVER, "worker-1", kubeconfigs.KeyPair("certificate\n", "key\n"))
    assert (file.path, file.mode) == ("/etc/kubernetes/kubelet.kubeconfig", "0600")
    config = yaml.safe_load(file.content)
    assert config["contexts"][0]["context"]["user"] == config["users"][0]["name"] == "system:node:worker-1"
    assert base64.b64decode(config["users"][0]["user"]["client-key-data"]) == b"key\n"


def test_what_it_shows_to_the_api_server_is_two_files_and_the_key_is_its_own() -> None:
    files = kubeconfigs.serving(kubeconfigs.KeyPair("certificate", "key\n"))
    assert [(file.path, file.mode, file.content) for file in files] == [
        ("/etc/kubernetes/ssl/kubelet-server.pem", "0644", "certificate\n"),
        ("/etc/kubernetes/ssl/kubelet-server-key.pem", "0600", "key\n"),
    ]


def test_who_is_given_a_certificate_gets_no_token(tmp_path: Path) -> None:
    node = example.stack(tmp_path).nodes["worker-1"]
    pair = kubeconfigs.KeyPair("certificate", "key")
    names = [file.name for file in kubeconfigs.content(node, kubeconfigs.Identities("t", client=pair)).files]
    assert names == ["ca.pem", "kubelet.kubeconfig"]
    names = [file.name for file in kubeconfigs.content(node, kubeconfigs.Identities("t", proxy=pair)).files]
    assert names == ["ca.pem", "bootstrap.kubeconfig", "kube-proxy.kubeconfig"]


def test_a_pem_ends_with_one_line_break() -> None:
    certificate, key = kubeconfigs.serving(KeyPair("max\n\n", "key"))
    assert (certificate.content, key.content) == ("max\n", "key\n")
