"""What stands in a stack file that nobody reads. The same with the real engine: tests/plugins/test_stack_file.py."""

# ruff: noqa: E501 - messages word for word
from __future__ import annotations

import pytest

from components.settings.documents import document_of
from components.settings.stackfile import StackFile, is_of, raw_of, stack_file, strangers


def _file(text: str) -> StackFile:
    return stack_file(document_of(text), "kubenode", "Pulumi.dev.yaml")


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("kubnode:nodes", "nobody reads the namespace kubnode, did you mean kubenode:nodes?"),
        ("kubenodes:ssh", "nobody reads the namespace kubenodes, did you mean kubenode:ssh?"),
        ("KubeNode:ssh", "nobody reads the namespace KubeNode, did you mean kubenode:ssh?"),
        ("kube-node:config:ssh", "nobody reads the namespace kube-node, did you mean kubenode:ssh?"),
        ("k8s:kubelet", "nobody reads the namespace k8s, did you mean kubenode:kubelet?"),
    ],
)
def test_a_namespace_that_looks_like_ours(key: str, line: str) -> None:
    assert [str(one) for one in strangers([key], "kubenode")] == [f"{key}: {line}"]


@pytest.mark.parametrize(
    "key",
    [
        "kubenode:nodes",
        "kubenode:config:ssh",
        "nodes",
        "pulumi:disable-default-providers",
        "kubernetes:context",
        "kubernetes:kubeconfig",
        "command:x",
        "tls:proxy",
        "aws:region",
        "docker:host",
        "cloudflare:apiToken",
    ],
)
def test_namespaces_of_others(key: str) -> None:
    assert list(strangers([key], "kubenode")) == []


def test_keys_beside_config() -> None:
    found = _file(
        "secretsprovider: x\nencryptionsalt: x\nencryptedkey: x\nenvironment: [a]\nx-common: &a {v: 1}\n"
        "secretprovider: y\nnodes: {}\nkubenode:ssh: {}\nmore: 1\nconfig: {kubenode:drain: *a}\n"
    )
    assert [str(one) for one in found.problems] == [
        "secretprovider: unknown key, did you mean secretsprovider? (in Pulumi.dev.yaml; a key that begins with x- is left alone)",
        "nodes: stands beside config in Pulumi.dev.yaml, where nobody reads it: move it below config",
        "kubenode:ssh: stands beside config in Pulumi.dev.yaml, where nobody reads it: move it below config",
        "more: unknown key, known here: config, encryptedkey, encryptionsalt, environment, secretsprovider "
        "(in Pulumi.dev.yaml; a key that begins with x- is left alone)",
    ]
    assert found.config == {"drain": {"v": 1}}


def test_where_a_doubt_and_an_encrypted_value_stand() -> None:
    found = _file(
        "config:\n  kubenode:nodes:\n    w.1: {annotations: {a: 2024-05-01}, ssh: {password: {secure: v1:x}}}\n"
        "  kubenode:ssh: {secure: v1:y}\n"
    )
    assert [str(one) for one in found.problems] == [
        "nodes.w.1.annotations.a: a date, of which Pulumi makes other text: write it in quotes (Pulumi.dev.yaml, line 3)"
    ]
    assert found.encrypted == {"nodes.w.1.ssh.password", "ssh"}
    assert found.doubtful == {"nodes"}


def test_what_the_engine_hands_over() -> None:
    texts = {"a": '{"x": 1}', "b": "[1]", "c": "{x", "d": "", "e": "12", "f": "text"}
    assert raw_of(texts) == {"a": {"x": 1}, "b": [1], "c": "{x", "d": None, "e": "12", "f": "text"}
    assert raw_of({"a": {"x": 1}, "d": None, "e": 12, "g": True}) == {
        "a": {"x": 1},
        "d": None,
        "e": "12",
        "g": "true",
    }


@pytest.mark.parametrize(
    ("raw", "same"),
    [
        ({"drain": {"force": True}, "ssh": {"password": "word"}, "nodes": {"w": {"a": "other text"}}}, True),
        ({"drain": {"force": True}, "ssh": {}, "nodes": {}, "more": 1}, True),
        ({"drain": {"force": False}, "ssh": {}, "nodes": {}}, False),
        ({"drain": {"force": True}, "ssh": {}}, False),
    ],
)
def test_a_file_that_another_run_reads_is_not_this_one_s(raw: dict[str, object], same: bool) -> None:
    file = _file(
        "config:\n  kubenode:drain: {force: true}\n  kubenode:ssh: {password: {secure: v1:x}}\n  kubenode:nodes: {w: {a: 2024-05-01}}\n"
    )
    assert is_of(file, raw) is same
    assert not is_of(_file("config: {}\n"), raw)
