"""An authority's certificates before a real API server, and which authority that says it trusts."""

from __future__ import annotations

import json

import pytest

from components.settings.authority import is_among
from sandbox.plugins.tls import CertRequest, LocallySignedCert
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiError, ApiServer, Authority, key_pem, new_key

pytestmark = pytest.mark.sandbox


def signed(authority: Authority, common_name: str, uses: list[str]) -> tuple[str, str]:
    """Certificate and key, as pulumi-tls makes them of the stack's inputs."""
    key = key_pem(new_key())
    _, request = CertRequest().make({"privateKeyPem": key, "subject": {"commonName": common_name}})
    _, made = LocallySignedCert().make(
        {
            **LocallySignedCert.defaults,
            "caCertPem": authority.pem,
            "caPrivateKeyPem": key_pem(authority.key),
            "certRequestPem": request["certRequestPem"],
            "allowedUses": uses,
            "validityPeriodHours": 1,
        }
    )
    return made["certPem"], key


def user_of(server: ApiServer, pair: tuple[str, str]) -> dict[str, object]:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    client = server.client(certificate=pair[0], key=pair[1])
    answer = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    found: dict[str, object] = answer["status"]["userInfo"]
    return found


def test_the_api_server_takes_what_its_authority_signed_and_no_other_s(api_server: ApiServer) -> None:
    uses = ["digital_signature", "client_auth"]
    user = user_of(api_server, signed(api_server.authority, "system:kube-proxy", uses))
    assert user["username"] == "system:kube-proxy"
    assert user["groups"] == ["system:authenticated"]
    with pytest.raises(ApiError, match="401"):
        user_of(api_server, signed(Authority.make("kubenode-test-ca"), "system:kube-proxy", uses))
    with pytest.raises(ApiError, match="401"):
        user_of(api_server, signed(api_server.authority, "system:kube-proxy", ["server_auth"]))


def test_the_api_server_says_which_authority_it_trusts(api_server: ApiServer, run: Run) -> None:
    outcome = run(
        "api-read", "apply", nodes=["w1"], stack="o/p/dev", kubeconfigFile=str(api_server.kubeconfig)
    )
    trusted = json.loads(outcome.stdout)["clientAuthorities"]
    assert is_among(api_server.authority.pem, trusted) is True
    assert is_among(Authority.make("kubenode-test-ca").pem, trusted) is False
