"""What one look at a joining node means."""

from __future__ import annotations

from typing import Any

import pytest

from components.identity.csr import Judgement, Standing
from components.local.csr_sight import Reach, Sight, classify, is_done


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("error trying to reach service: remote error: tls: internal error", Reach.NO_CERTIFICATE),
        (
            "error trying to reach service: tls: failed to verify certificate: x509: certificate",
            Reach.UNTRUSTED,
        ),
        ("error trying to reach service: dial tcp 10.0.0.7:10250: connect: connection refused", Reach.SILENT),
        ("Error from server: no preferred addresses found; known addresses: []", Reach.SILENT),
        ("Error from server (Forbidden): Forbidden (user=kube-apiserver, verb=get)", Reach.REFUSED),
        ("error: You must be logged in to the server (Unauthorized)", Reach.REFUSED),
        ('User "x" cannot get resource "nodes/proxy" in API group ""', Reach.FORBIDDEN),
    ],
)
def test_classify(text: str, reach: Reach) -> None:
    assert classify(text) is reach


JOINED = {"metadata": {"name": "w"}, "status": {"nodeInfo": {"kubeletVersion": "v1.37.2"}}}


@pytest.mark.parametrize(
    ("standing", "node", "lease", "reach", "serving", "done"),
    [
        (Standing.SETTLED, JOINED, {}, Reach.REACHED, True, True),
        (Standing.REFUSED, JOINED, {}, Reach.REACHED, True, True),
        # In order, but its approval was refused because somebody wrote it meanwhile: look again.
        (Standing.EXPECTED, JOINED, {}, Reach.REACHED, True, False),
        (Standing.SETTLED, JOINED, {}, Reach.NO_CERTIFICATE, True, False),
        (Standing.SETTLED, JOINED, {}, Reach.UNTRUSTED, True, False),
        (Standing.SETTLED, JOINED, {}, Reach.SILENT, False, True),
        (Standing.SETTLED, JOINED, None, Reach.REACHED, True, False),
        (Standing.SETTLED, {"metadata": {"name": "w"}}, {}, Reach.REACHED, True, False),
        (Standing.SETTLED, None, {}, Reach.REACHED, True, False),
    ],
)
def test_is_done(standing: Standing, node: Any, lease: Any, reach: Reach, serving: bool, done: bool) -> None:
    sight = Sight([({"metadata": {"name": "r"}}, Judgement(standing))], node, lease, reach, "")
    assert is_done(sight, serving=serving) is done


CLIENT, SERVING = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"


def _request(signer: str, user: str, minute: int) -> dict[str, Any]:
    made = f"2026-01-01T00:{minute:02}:00Z"
    return {
        "metadata": {"name": f"{user}-{minute}", "creationTimestamp": made},
        "spec": {"signerName": signer, "username": user},
    }


@pytest.mark.parametrize(
    ("pending", "decided", "reach", "is_waited_for"),
    [
        (_request(CLIENT, "kubelet-bootstrap", 1), None, Reach.SILENT, True),
        # A boot between two requests: the second one was approved, and the kubelet has its certificate.
        (
            _request(CLIENT, "kubelet-bootstrap", 1),
            _request(CLIENT, "kubelet-bootstrap", 2),
            Reach.NO_CERTIFICATE,
            False,
        ),
        (_request(CLIENT, "kubelet-bootstrap", 1), None, Reach.REACHED, False),
        # A later one than what was decided, and one of another kind, are waited for.
        (
            _request(CLIENT, "kubelet-bootstrap", 3),
            _request(CLIENT, "kubelet-bootstrap", 2),
            Reach.NO_CERTIFICATE,
            True,
        ),
        (
            _request(SERVING, "system:node:w", 1),
            _request(CLIENT, "kubelet-bootstrap", 2),
            Reach.NO_CERTIFICATE,
            True,
        ),
        # A renewal of a kubelet that answers still needs its human.
        (_request(SERVING, "system:node:w", 5), _request(SERVING, "system:node:w", 1), Reach.REACHED, True),
    ],
)
def test_what_a_human_is_asked_for(
    pending: dict[str, Any], decided: dict[str, Any] | None, reach: Reach, is_waited_for: bool
) -> None:
    requests = [(pending, Judgement(Standing.EXPECTED))]
    if decided is not None:
        requests.append((decided, Judgement(Standing.SETTLED)))
    sight = Sight(requests, JOINED, {}, reach, "")
    assert (sight.waited_for == [pending]) is is_waited_for
    assert is_done(sight, serving=True, by_hand=True) is (reach is Reach.REACHED and not is_waited_for)
    assert is_done(sight, serving=True) is False
