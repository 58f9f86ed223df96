"""Who signs the stack's certificates, in the graph: the cluster, or an authority of the user's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from components.settings import StackSettings, load
from tests.components import example
from tests.components.authorities import NOW, certificate_pem, key_pem, new_key
from tests.components.graph import Graph, graph_of, is_secret

NAME = "cluster-kube-proxy"


def with_authority(directory: Path, **identity: object) -> StackSettings:
    key = new_key()
    (directory / "ca.pem").write_text(certificate_pem(key, end=NOW + timedelta(days=36500)))
    (directory / "ca-key.pem").write_text(key_pem(key))
    ca = {"certificateFile": "ca.pem", "privateKeyFile": "ca-key.pem"}
    return example.stack(directory, {"identity": {"issuer": "ca", "ca": ca, **identity}})


def types(graph: Graph) -> dict[str, str]:
    return {
        one.type.rpartition(":")[2]: one.name for one in graph.resources.values() if one.name.startswith(NAME)
    }


def test_by_default_the_cluster_signs_and_no_authority_s_key_is_anywhere(tmp_path: Path) -> None:
    graph = graph_of(example.stack(tmp_path))
    assert sorted(types(graph)) == ["CertRequest", "Command", "PrivateKey", "SelfSignedCert"]
    assert "caPrivateKeyPem" not in str([one.inputs for one in graph.resources.values()])


def test_an_authority_signs_without_the_cluster(tmp_path: Path) -> None:
    settings = with_authority(tmp_path, certificateValidityHours=100, earlyRenewalHours=10)
    graph = graph_of(settings)
    assert sorted(types(graph)) == ["CertRequest", "LocallySignedCert", "PrivateKey"]
    signed = graph.resources[NAME].inputs
    assert is_secret(signed["caPrivateKeyPem"])
    assert settings.authority is not None
    assert signed["caCertPem"] == settings.authority.certificate_pem
    # Both change nothing by themselves, and a due renewal is pulumi-tls's to see.
    assert (signed["validityPeriodHours"], signed["earlyRenewalHours"]) == (100, 10)
    assert signed["allowedUses"] == ["digital_signature", "client_auth"]
    assert graph.follows("worker-1-credentials", NAME)
    # A new certificate restarts the one that runs with it.
    assert graph.follows("worker-1-kube-proxy", NAME)


def test_the_authority_s_key_is_in_one_secret_input_only(tmp_path: Path) -> None:
    settings = with_authority(tmp_path)
    assert settings.authority is not None
    assert settings.authority.private_key is not None
    key = settings.authority.private_key.get_secret_value()
    graph = graph_of(settings)
    holders = [one.name for one in graph.resources.values() if key[40:80] in str(one.inputs)]
    assert holders == [NAME]


def test_without_the_key_s_file_a_preview_shows_no_change(tmp_path: Path) -> None:
    with_authority(tmp_path)
    (tmp_path / "ca-key.pem").unlink()
    ca = {"certificateFile": "ca.pem", "privateKeyFile": "ca-key.pem"}
    raw = example.changed(example.raw(), {"identity": {"issuer": "ca", "ca": ca}})
    request = graph_of(load(raw, tmp_path)).resources[NAME].request
    assert list(request.ignoreChanges) == ["caPrivateKeyPem"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, {"algorithm": "ECDSA", "ecdsaCurve": "P256"}),
        ({"keyAlgorithm": "rsa"}, {"algorithm": "RSA", "rsaBits": 2048}),
    ],
    ids=["ecdsa", "rsa"],
)
def test_the_kind_of_the_keys(chosen: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    graph = graph_of(example.stack(tmp_path, {"identity": chosen}))
    assert graph.resources[f"{NAME}-key"].inputs == expected
    # A bootstrap token's key is no key of a certificate.
    assert graph.resources["worker-1-token-key"].inputs == {"algorithm": "ED25519"}
