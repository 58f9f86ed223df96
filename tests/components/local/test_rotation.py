"""Certificates that the cluster signs for minutes: who renews which, twice; a run with nothing to do does nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.components.local.cluster import STACK, allow_renewal, new_name, new_token, requests_of, until
from tests.components.local.conftest import Run, environment, runner
from tests.support import apiserver
from tests.support.apiserver import ApiServer, key_pem, new_key
from tests.support.would_be_kubelet import (
    CLIENT_SIGNER,
    REQUESTS,
    SERVING_SIGNER,
    WouldBeKubelet,
    request_pem,
    signing_request,
)

pytestmark = pytest.mark.sandbox

_MINUTES = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """With the binding that every stack makes, and a controller manager that signs for minutes."""
    flags = [f"--cluster-signing-duration={_MINUTES}m"]
    folder = tmp_path_factory.mktemp("short")
    with apiserver.running(folder, controller_manager_flags=flags) as made:
        allow_renewal(made)
        yield made


@pytest.fixture
def run_short(server: ApiServer, tmp_path: Path) -> Run:
    inner = runner(environment(tmp_path, Path(server.kubectl_path).parent))

    def run(program: str, verb: str, **values: Any) -> Any:
        return inner(program, verb, kubeconfigFile=str(server.kubeconfig), **values)

    return run


def ask(kubelet: WouldBeKubelet, signer: str, usage: str, names: dict[str, Any]) -> tuple[str, str]:
    """What a kubelet does when its certificate comes to its end: the request's name, and the new key."""
    key = new_key()
    pem = request_pem(key, f"system:node:{kubelet.node}", **names)
    body = signing_request(pem, signer, ["digital signature", usage])
    return kubelet._own().post(REQUESTS, body)["metadata"]["name"], key_pem(key)


def issued(server: ApiServer, name: str) -> str | None:
    text = (server.admin.get(f"{REQUESTS}/{name}").get("status") or {}).get("certificate")
    return base64.b64decode(text).decode() if text else None


def test_both_certificates_are_renewed_twice_and_nothing_is_done_in_between(
    server: ApiServer, run_short: Run
) -> None:
    name = new_name()
    given = {"node": name, "stack": STACK, **new_token(), "timeoutSeconds": 30}
    serials: set[int] = set()
    with WouldBeKubelet(server, name) as kubelet:
        kubelet.adopt()
        given["nodeIp"] = kubelet.address
        for _ in range(2):
            # The client's: the controller manager approves it, and no run of the stack is needed.
            request, key = ask(kubelet, CLIENT_SIGNER, "client auth", {})
            client = until(partial(issued, server, request))
            kubelet.client = server.client(certificate=client, key=key)
            kubelet.renew()
            # The server's: it waits until a night's run of csr-approval.
            request, key = ask(kubelet, SERVING_SIGNER, "server auth", kubelet.serving_request)
            assert issued(server, request) is None
            run_short("csr-approval", "apply", **given)
            serving = until(partial(issued, server, request))
            kubelet._serve(serving, key)
            for pem in (client, serving):
                certificate = x509.load_pem_x509_certificate(pem.encode())
                assert certificate.not_valid_after_utc - datetime.now(UTC) <= timedelta(minutes=_MINUTES)
                serials.add(certificate.serial_number)
            # As kubectl logs goes: through the API server, which verifies what is shown to it.
            server.kubectl("get", "--raw", f"/api/v1/nodes/{name}/proxy/healthz")
            # A night without anything to renew.
            before = requests_of(server, f"system:node:{name}")
            run_short("csr-approval", "apply", **given)
            assert requests_of(server, f"system:node:{name}") == before
    assert len(serials) == 4


def test_what_the_cluster_signs_for_less_than_was_asked_ends_before_its_clock(
    server: ApiServer, run_short: Run
) -> None:
    """Which no clock shows: it is said then, and `identity.expiryWarningHours` is for later."""
    pem = request_pem(new_key(), "system:kube-proxy", ())
    outcome = run_short(
        "signed-certificate",
        "apply",
        name="cluster-kube-proxy",
        stack=STACK,
        request=pem,
        usages=["digital signature", "client auth"],
        expirationSeconds=8760 * 3600,
        notBefore=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        expectedCommonName="system:kube-proxy",
    )
    end = x509.load_pem_x509_certificate(outcome.stdout.encode()).not_valid_after_utc
    assert end <= datetime.now(UTC) + timedelta(minutes=_MINUTES)
    assert "gave a certificate of 0 hours, 8760 were asked for" in outcome.stderr
    assert "Set identity.certificateValidityHours to 0 or less" not in outcome.stderr
