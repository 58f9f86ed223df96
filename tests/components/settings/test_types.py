"""The named types, each with values it takes and values it does not."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.settings import expected, forms, types
from tests.components import example

SHA = "a" * 64
EMPTY_PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"

GOOD: list[tuple[Any, list[Any]]] = [
    (types.NodeName, ["a", "worker-1", "worker-1.example.org", "192.168.178.128", "a" * 63]),
    (types.Address, ["10.0.0.7", "fd00::7", "host", "Host.example.org"]),
    (types.NodeIp, ["10.0.0.7", "fd00::7", "203.0.113.9"]),
    (types.Cidr, ["10.244.0.0/16", "fd00::/108", "10.0.0.1/32"]),
    (
        types.HttpsUrl,
        ["https://10.0.0.1:6443", "https://[fd00::1]:6443", "https://api.example.org/k8s/clusters/c-1"],
    ),
    (types.HostKey, [*example.HOST_KEYS, example.HOST_KEYS[0] + " root@host"]),
    (types.KubernetesVersion, ["1.37.2", "v1.37.2"]),
    (types.Package, ["docker.io", "docker-ce=5:27.5.1-1~debian.12~bookworm", "g++"]),
    (types.ImageName, ["pause:3.10", "localhost:5000/a/b:1", f"a@sha256:{SHA}", f"r.io/a:1@sha256:{SHA}"]),
    (types.LabelKey, ["a", "example.org/a_b.c", "topology.kubernetes.io/zone"]),
    (types.LabelValue, ["", "7", "a.b_c-d"]),
    (types.PrivateKey, [example.private_key(), example.private_key(words="RSA PRIVATE KEY")]),
    (types.CaData, [example.CA_PEM, example.CA_PEM * 2, base64.b64encode(example.CA_PEM.encode()).decode()]),
    (types.MirrorPath, ["a", "images/pause-3.10.2.tar"]),
    (types.FlagValue, ["4", 4, True, "a=b,c=d", "10.0.0.0/8"]),
    (types.SysctlValue, [1, "1", None, "4096\t87380 6291456"]),
    (types.LogSize, ["10m", "1g"]),
]
BAD: list[tuple[Any, list[Any]]] = [
    (types.NodeName, ["", "A", "a_b", "-a", "a-", "a..b", "a" * 64, 1, None, "a\n"]),
    (types.Address, ["", "10.0.0", "10.0.0.256", "a b", "http://a", "fe80::1%eth0", "a/b", "a:22"]),
    (types.NodeIp, ["127.0.0.1", "::1", "0.0.0.0", "::", "169.254.1.1", "224.0.0.1", "host"]),
    (types.Cidr, ["10.244.0.0", "10.244.0.1/16", "10.0.0.0/33", "a/8", 10]),
    (types.HttpsUrl, ["http://a", "https://", "https://a b", "https://user:pw@a", "https://a?x=1", "a:6443"]),
    (types.HostKey, ["ssh-ed25519", f"ssh-rsa {example.HOST_KEYS[0].split()[1]}", "ssh-ed25519 !!", "x y z"]),
    (types.KubernetesVersion, ["1.37", "1.37.2-rc.0", "latest", 1.37, "1.37.2 "]),
    (types.Package, ["", "a b", "a;b", "a=1 2", "Docker"]),
    (types.ImageName, ["nginx", "nginx:latest", "a:1 b", "A:1", "a@sha256:12"]),
    (types.LabelKey, ["", "/a", "a/", "A B", "a/b/c", "EXAMPLE.org/a"]),
    (types.LabelValue, ["-a", "a b", "a" * 64, 7]),
    (types.PrivateKey, ["", "x", example.private_key(b"aes256-ctr"), example.CA_PEM, 1]),
    (types.CaData, ["", "x", example.private_key() + example.CA_PEM, EMPTY_PEM]),
    (types.MirrorPath, ["", "/a", "a/", "../a", "a/../b", "a//b", "a b"]),
    (types.FlagValue, ["a b", 'a"', "$(x)", "%n", 1.5, None, ["a"]]),
    (types.SysctlValue, ["a\nb", "1;", True, 1.5, ""]),
    (types.LogSize, ["10", "0m", "10 m", "10M", 10]),
]  # fmt: skip


def rows(table: list[tuple[Any, list[Any]]]) -> list[Any]:
    names = {id(value): name for name, value in vars(types).items()}
    return [
        pytest.param(kind, value, id=f"{names[id(kind)]}-{value!r:.30}")
        for kind, all_ in table
        for value in all_
    ]


@pytest.mark.parametrize(("kind", "value"), rows(GOOD))
def test_takes(kind: Any, value: object) -> None:
    TypeAdapter(kind).validate_python(value, strict=True)


@pytest.mark.parametrize(("kind", "value"), rows(BAD))
def test_refuses_with_an_example(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value, strict=True)
    (error,) = caught.value.errors()
    assert error["type"] == "kubenode"
    assert error["msg"].startswith("expected ")
    assert ", for example " in error["msg"]


def test_every_type_s_own_example_is_not_a_lie() -> None:
    """Each example is a value that the type takes; only those of keys and secrets are abbreviated."""
    abbreviated = {"CaData", "HostKey", "Sha256", "PrivateKey", "SigningKey", "StaticToken"}
    checked = 0
    for name, kind in vars(types).items():
        for item in getattr(kind, "__metadata__", ()):
            if isinstance(item, expected.Expected) and name not in abbreviated:
                assert item.accept(item.example.strip('"')), name
                checked += 1
    assert checked > 20


def test_certificates_are_put_into_one_form() -> None:
    once = forms.pem_certificates(
        "some words\r\n" + example.CA_PEM.replace("\n", "\r\n") + "\n" + example.CA_PEM
    )
    assert once == example.CA_PEM * 2
    assert forms.pem_certificates(base64.b64encode(example.CA_PEM.encode()).decode()) == example.CA_PEM
