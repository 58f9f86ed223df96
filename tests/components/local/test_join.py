"""A node joins a real API server: its token, its requests, and those of others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.components.local.cluster import (
    GROUP,
    STACK,
    TOKENS,
    allow_bootstrap,
    content,
    is_pending,
    make_node,
    new_name,
    new_token,
    requests_of,
    tokens_of,
    until,
)
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiError, ApiServer, Authority, new_key
from tests.support.would_be_kubelet import (
    CLIENT_SIGNER,
    REQUESTS,
    SERVING_SIGNER,
    WouldBeKubelet,
    request_pem,
    signing_request,
)

pytestmark = pytest.mark.sandbox
CLIENT_USAGES = ["digital signature", "client auth"]
NODE_CLIENT = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
SERVING_USAGES = ["digital signature", "server auth"]


@pytest.fixture(autouse=True)
def rbac(api_server: ApiServer) -> None:
    allow_bootstrap(api_server)


@pytest.fixture
def name(api_server: ApiServer) -> Iterator[str]:
    """A node's name; what is left of it in the cluster is removed afterwards."""
    one = new_name()
    yield one
    for request in requests_of(api_server, f"system:node:{one}"):
        api_server.admin.delete(f"{REQUESTS}/{request['metadata']['name']}")
    api_server.admin.delete(f"/api/v1/nodes/{one}")


@pytest.fixture
def kubelet(api_server: ApiServer, name: str) -> Iterator[WouldBeKubelet]:
    with WouldBeKubelet(api_server, name) as played:
        yield played
        assert played.errors == []


def values(name: str, **more: Any) -> dict[str, Any]:
    return {"node": name, "stack": STACK, "groups": [GROUP], **new_token(), **more}


def joined_text(token: dict[str, Any]) -> str:
    return f"{token['tokenId']}.{token['tokenSecret']}"


def post(server: ApiServer, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """Posts a request with a bootstrap token, as soon as the API server knows it."""

    def attempt() -> Any:
        try:
            return server.client(token=token).post(REQUESTS, body)
        except ApiError as error:
            if error.code in (401, 403):
                return None
            raise

    made: dict[str, Any] = until(attempt)
    return made


def test_a_node_joins(api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet) -> None:
    make_node(api_server, name)
    given = values(name)
    assert run("bootstrap-token", "apply", **given).stdout == ""
    kubelet.join(joined_text(given))
    approval = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=30, **given)
    assert (approval.stdout, approval.stderr) == ("", "")
    assert api_server.kubectl("get", "--raw", f"/api/v1/nodes/{name}/proxy/healthz") == "ok"
    assert tokens_of(api_server, name) == [], "no usable token is left"
    assert not any(map(is_pending, requests_of(api_server, f"system:node:{name}")))

    # Again, as after a change of the kubeconfig: nothing happens, quickly.
    started = time.monotonic()
    again = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=30, **given)
    run("bootstrap-token", "apply", **given)
    assert again.stderr == ""
    assert time.monotonic() - started < 8
    assert tokens_of(api_server, name) == []


def test_a_node_that_is_applied_again_gets_a_token_though_it_has_joined(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """Its Node looks well for most of a minute after its kubelet has lost everything."""
    kubelet.adopt()
    given = values(name)
    for mark in ("", "once more", "2026-01-31T10:00:00Z"):
        run("bootstrap-token", "apply", **given, reapply=mark)
        assert tokens_of(api_server, name) == []
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run("bootstrap-token", "apply", **given, reapply=moment)
    assert len(tokens_of(api_server, name)) == 1
    run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=30, **given, reapply=moment)
    assert tokens_of(api_server, name) == []


@pytest.mark.parametrize("asks", [True, False])
def test_a_kubelet_that_has_not_restarted_yet_is_waited_for(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet, asks: bool
) -> None:
    """It answers as before, and will ask for another certificate, or show another, once it has."""
    kubelet.configuration = {} if asks else {"serverTLSBootstrap": True}
    kubelet.adopt()
    given = {"node": name, "stack": STACK, "nodeIp": kubelet.address, "serverTlsBootstrap": asks}
    outcome = run("csr-approval", "apply", timeoutSeconds=2, expect=1, **given)
    assert "the kubelet still runs with its configuration from before" in outcome.stderr
    kubelet.configuration = {"serverTLSBootstrap": True} if asks else {}
    run("csr-approval", "apply", timeoutSeconds=20, **given)


def test_by_rbac_the_cluster_approves_for_the_client_and_we_for_the_server(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    group = f"system:bootstrappers:{name}"
    for binding, role in (("join", "system:node-bootstrapper"), ("approve", NODE_CLIENT)):
        api_server.kubectl(
            "create", "clusterrolebinding", f"{name}-{binding}", f"--clusterrole={role}", f"--group={group}"
        )
    make_node(api_server, name)
    given = {**values(name), "groups": [group], "approval": "rbac"}
    run("bootstrap-token", "apply", **given)
    kubelet.join(joined_text(given))
    run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=30, **given)
    by = {
        one["spec"]["signerName"]: one["status"]["conditions"][0]["reason"]
        for user in (f"system:bootstrap:{given['tokenId']}", f"system:node:{name}")
        for one in requests_of(api_server, user)
    }
    assert by == {CLIENT_SIGNER: "AutoApproved", SERVING_SIGNER: "KubenodeApproved"}
    assert tokens_of(api_server, name) == []


def test_by_hand_a_run_stops_with_the_request_and_the_next_one_goes_on(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    make_node(api_server, name)
    given = values(name, approval="manual", nodeIp=kubelet.address, timeoutSeconds=30)
    token = {key: given[key] for key in ("node", "stack", "groups", "tokenId", "tokenSecret")}
    run("bootstrap-token", "apply", **token)
    kubelet.join(joined_text(given))
    for signer, user in (
        (CLIENT_SIGNER, f"system:bootstrap:{given['tokenId']}"),
        (SERVING_SIGNER, f"system:node:{name}"),
    ):
        stopped = run("csr-approval", "apply", expect=1, **given)
        (request,) = (one for one in requests_of(api_server, user) if is_pending(one))
        for line in (
            f"the request {request['metadata']['name']} waits for your approval",
            f"signer: {signer}",
            f"requestor: {user}",
            f"common name: system:node:{name}",
            "organization: system:nodes",
            f"Next: kubectl certificate approve {request['metadata']['name']}; then run again.",
        ):
            assert line in stopped.stderr
        assert given["tokenSecret"] not in stopped.stdout + stopped.stderr
        assert ("names: " in stopped.stderr) == (signer == SERVING_SIGNER)
        api_server.kubectl("certificate", "approve", request["metadata"]["name"])
    assert run("csr-approval", "apply", **given).code == 0
    assert tokens_of(api_server, name) == []


def test_who_takes_longer_than_a_token_lives_gets_the_same_one_anew(
    api_server: ApiServer, run: Run, name: str
) -> None:
    make_node(api_server, name)
    given = values(name)
    run("csr-approval", "apply", expect=1, approval="manual", nodeIp="10.0.0.7", timeoutSeconds=1, **given)
    (secret,) = tokens_of(api_server, name)
    assert content(secret)["token-id"] == given["tokenId"]


def test_by_hand_a_request_that_is_not_in_order_is_not_commended(
    api_server: ApiServer, run: Run, name: str
) -> None:
    given = values(name, approval="manual", nodeIp="10.0.0.7", timeoutSeconds=2)
    run(
        "bootstrap-token",
        "apply",
        **{key: given[key] for key in ("node", "stack", "groups", "tokenId", "tokenSecret")},
    )
    body = signing_request(request_pem(new_key(), "system:node:victim"), CLIENT_SIGNER, CLIENT_USAGES)
    post(api_server, joined_text(given), body)
    stopped = run("csr-approval", "apply", expect=1, **given)
    assert "kubectl certificate approve" not in stopped.stderr
    assert "common name: expected" in stopped.stderr


def test_the_token_is_the_node_s_own_short_lived_and_only_authenticates(
    api_server: ApiServer, run: Run, name: str
) -> None:
    given = values(name, ttlSeconds=600)
    outcome = run("bootstrap-token", "apply", **given)
    assert given["tokenSecret"] not in outcome.stdout + outcome.stderr
    (secret,) = tokens_of(api_server, name)
    data = content(secret)
    assert secret["type"] == "bootstrap.kubernetes.io/token"
    assert secret["metadata"]["labels"]["kubenode/stack"].startswith("acme-kubenode-dev-")
    assert data["usage-bootstrap-signing"] == "false"
    assert data["auth-extra-groups"] == GROUP
    expires = datetime.fromisoformat(data["expiration"])
    assert timedelta(seconds=500) < expires - datetime.now(UTC) <= timedelta(seconds=600)
    user = until(lambda: whoami(api_server, joined_text(given)))
    assert user["username"] == f"system:bootstrap:{given['tokenId']}"
    assert GROUP in user["groups"]


def whoami(server: ApiServer, token: str) -> Any:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = server.client(token=token).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    except ApiError:
        return None
    return answer["status"]["userInfo"]


def test_leftovers_go_and_tokens_of_others_stay(api_server: ApiServer, run: Run, name: str) -> None:
    first, second = values(name), values(name)
    others = values(name, stack="acme/kubenode/prod")
    neighbour = values(new_name())
    for one in (first, others, neighbour):
        run("bootstrap-token", "apply", **one)
    run("bootstrap-token", "apply", **second)
    left = {content(one)["token-id"] for one in tokens_of(api_server, name)}
    assert left == {second["tokenId"], others["tokenId"]}
    for one in (others, neighbour):
        assert api_server.admin.find(f"{TOKENS}/bootstrap-token-{one['tokenId']}") is not None
        run("bootstrap-token", "remove", **one)
    run("bootstrap-token", "remove", **second)
    assert tokens_of(api_server, name) == []


def test_who_may_not_read_secrets_can_remove_a_node(api_server: ApiServer, run: Run, name: str) -> None:
    """With certificates that the stack issues, nobody needs that right."""
    somebody = values(name)
    run("bootstrap-token", "apply", **somebody)
    kubeconfig = api_server.kubeconfig_for(token=joined_text(somebody))
    run("leftovers", "remove", node=name, stack=somebody["stack"], kubeconfig=kubeconfig)
    assert len(tokens_of(api_server, name)) == 1, "it had no right to"
    run("bootstrap-token", "remove", **somebody)


def test_the_same_token_again_gets_a_new_expiration(api_server: ApiServer, run: Run, name: str) -> None:
    given = values(name)
    run("bootstrap-token", "apply", **given, ttlSeconds=100)
    (before,) = tokens_of(api_server, name)
    run("bootstrap-token", "apply", **given, ttlSeconds=3600)
    (after,) = tokens_of(api_server, name)
    assert content(before)["expiration"] < content(after)["expiration"]
    run("bootstrap-token", "remove", **given)


def test_a_secret_of_that_name_that_is_no_token_is_left_alone(
    api_server: ApiServer, run: Run, name: str
) -> None:
    given = values(name)
    path = f"{TOKENS}/bootstrap-token-{given['tokenId']}"
    api_server.admin.post(
        TOKENS, {"metadata": {"name": f"bootstrap-token-{given['tokenId']}"}, "type": "Opaque"}
    )
    run("bootstrap-token", "remove", **given)
    assert api_server.admin.find(path) is not None
    outcome = run("bootstrap-token", "apply", **given, expect=1)
    assert "already exists" in outcome.stderr
    api_server.admin.delete(path)


def test_a_joined_node_gets_no_token_but_one_to_heal_does(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.adopt()
    given = values(name)
    run("bootstrap-token", "apply", **given)
    assert tokens_of(api_server, name) == []
    run("bootstrap-token", "apply", **given, heal="2026-01-31")
    assert len(tokens_of(api_server, name)) == 1
    run("bootstrap-token", "remove", **given)
    run("bootstrap-token", "remove", **given)  # absent is success
    assert tokens_of(api_server, name) == []


@pytest.mark.parametrize("seconds", [59, 3601])
def test_no_token_lives_longer_than_an_hour(run: Run, name: str, seconds: int) -> None:
    outcome = run("bootstrap-token", "apply", **values(name), ttlSeconds=seconds, expect=2)
    assert "ttlSeconds: expected a whole number from 60 to 3600" in outcome.stderr


def test_groups_outside_the_bootstrappers_are_refused(run: Run, name: str) -> None:
    outcome = run("bootstrap-token", "apply", **{**values(name), "groups": ["system:masters"]}, expect=2)
    assert "system:bootstrappers:" in outcome.stderr


def test_removal_deletes_the_requests_of_exactly_this_node(
    api_server: ApiServer, run: Run, name: str
) -> None:
    given = values(name)
    run("bootstrap-token", "apply", **given)
    # A name that starts with ours, and another bootstrap token: neither is this node's.
    longer = f"system:node:{name}0"
    own = signing_request(request_pem(new_key(), f"system:node:{name}"), CLIENT_SIGNER, CLIENT_USAGES)
    post(api_server, joined_text(given), own)
    for user in (f"system:node:{name}", longer):
        pair = api_server.authority.issue(user, ["system:nodes"])
        body = signing_request(request_pem(new_key(), user), CLIENT_SIGNER, CLIENT_USAGES)
        api_server.client(certificate=pair[0], key=pair[1]).post(REQUESTS, body)
    run("bootstrap-token", "remove", **given)
    assert requests_of(api_server, f"system:node:{name}") == []
    assert requests_of(api_server, f"system:bootstrap:{given['tokenId']}") == []
    (kept,) = requests_of(api_server, longer)
    api_server.admin.delete(f"{REQUESTS}/{kept['metadata']['name']}")


def test_hostile_requests_stay_pending_while_the_right_ones_are_approved(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    given = values(name)
    run("bootstrap-token", "apply", **given)
    token = joined_text(given)
    user = f"system:node:{name}"
    serving = request_pem(new_key(), user, dns_names=[name], ips=[kubelet.address])
    hostile = {
        "other node": signing_request(
            request_pem(new_key(), "system:node:victim"), CLIENT_SIGNER, CLIENT_USAGES
        ),
        "serving by token": signing_request(serving, SERVING_SIGNER, SERVING_USAGES),
        "admin": signing_request(
            request_pem(new_key(), "admin"), "kubernetes.io/kube-apiserver-client", CLIENT_USAGES
        ),
    }
    names = {why: post(api_server, token, body)["metadata"]["name"] for why, body in hostile.items()}
    # Another node's, in order for that node, that the cluster approves by no right: pending before, pending after.
    foreign = new_name("foreign")
    pair = api_server.authority.issue(f"system:node:{foreign}", ["system:nodes"])
    csr = request_pem(new_key(), f"system:node:{foreign}", dns_names=[foreign], ips=["10.0.0.99"])
    body = signing_request(csr, SERVING_SIGNER, SERVING_USAGES)
    api_server.client(certificate=pair[0], key=pair[1]).post(REQUESTS, body)

    kubelet.join(token)
    outcome = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=30, **given)

    for why, request in names.items():
        assert is_pending(api_server.admin.get(f"{REQUESTS}/{request}")), why
        assert f"request {request} not approved:" in outcome.stderr
    assert all(map(is_pending, requests_of(api_server, f"system:node:{foreign}")))
    for one in requests_of(api_server, f"system:node:{foreign}"):
        assert one["metadata"]["name"] not in outcome.stderr
        api_server.admin.delete(f"{REQUESTS}/{one['metadata']['name']}")
    run("bootstrap-token", "remove", **given)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"dns_names": ["kubernetes.default.svc"]}, "unexpected DNS name 'kubernetes.default.svc'"),
        ({"ips": ["10.96.0.1"]}, "unexpected IP address 10.96.0.1"),
    ],
)
def test_a_serving_request_for_more_is_not_approved_and_named(
    api_server: ApiServer,
    run: Run,
    name: str,
    kubelet: WouldBeKubelet,
    asked: dict[str, list[str]],
    reason: str,
) -> None:
    kubelet.serving_request = {
        "dns_names": [name, *asked.get("dns_names", ())],
        "ips": [kubelet.address, *asked.get("ips", ())],
    }
    given = values(name)
    run("bootstrap-token", "apply", **given)
    kubelet.join(joined_text(given))
    started = time.monotonic()
    outcome = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=6, **given, expect=1)
    assert 5 < time.monotonic() - started < 12, "the timeout is honoured"
    (pending,) = [one for one in requests_of(api_server, f"system:node:{name}") if is_pending(one)]
    assert f"request {pending['metadata']['name']}: not approved: names: {reason}" in outcome.stderr
    assert "the kubelet has no serving certificate yet" in outcome.stderr
    assert "remote error: tls: internal error" in outcome.stderr
    assert f"Next: kubectl get csr {pending['metadata']['name']} -o yaml" in outcome.stderr
    assert len(tokens_of(api_server, name)) == 1, "the node may still need its token"


def test_nobody_comes(api_server: ApiServer, run: Run, name: str) -> None:
    make_node(api_server, name)
    given = values(name)
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=2, **given, expect=1)
    assert (
        f"{name}: after 2 s (timeouts.csrSeconds): no kubelet has registered as this node\n"
        "awaited: a kubelet that registers as this node and renews its Lease, "
        "whose serving certificate the API server accepts\n"
    ) in outcome.stderr
    assert f"Next: if {name}-kubelet failed in this run, its error says why; " in outcome.stderr
    assert "else on the host 10.0.0.7: systemctl status kubelet; " in outcome.stderr
    assert f"requests of system:bootstrap:{given['tokenId']} or system:node:{name}: none" in outcome.stderr
    assert "journalctl -u kubelet" in outcome.stderr


def test_a_certificate_of_another_authority(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.adopt()
    other = Authority.make("another-ca")
    kubelet._serve(*other.issue(f"system:node:{name}", ips=[kubelet.address], dns_names=[name]))
    outcome = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=3, **values(name), expect=1)
    assert "x509: certificate signed by unknown authority" in outcome.stderr
    assert "--kubelet-certificate-authority" in outcome.stderr


def test_a_kubelet_that_refuses_the_api_server_is_reached_and_told(
    run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.adopt()
    kubelet.answer(403)
    outcome = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=5, **values(name))
    assert "--kubelet-client-certificate" in outcome.stderr


def test_without_serving_certificates_joining_is_enough(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.adopt()
    kubelet._context = None
    run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=5, serving=False, **values(name))


def test_a_renewal_is_approved_although_the_kubelet_is_reached(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.adopt()
    user = f"system:node:{name}"
    for signer, usages, names in (
        (CLIENT_SIGNER, CLIENT_USAGES, {}),
        (SERVING_SIGNER, SERVING_USAGES, {"dns_names": [name], "ips": [kubelet.address]}),
    ):
        body = signing_request(request_pem(new_key(), user, **names), signer, usages)
        kubelet._own().post(REQUESTS, body)
    run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=10, **values(name))
    found = requests_of(api_server, user)
    assert len(found) == 2
    assert not any(map(is_pending, found))


def test_without_a_signer_the_error_says_so(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    given = values(name)
    run("bootstrap-token", "apply", **given)
    api_server.stop("kube-controller-manager")
    try:
        kubelet.join(joined_text(given))
        outcome = run("csr-approval", "apply", nodeIp=kubelet.address, timeoutSeconds=5, **given, expect=1)
    finally:
        api_server.start("kube-controller-manager")
        kubelet.stop()
    assert "approved by this run, but no signer has issued the certificate" in outcome.stderr
    assert "--cluster-signing-cert-file" in outcome.stderr


def test_a_kubelet_that_the_control_plane_has_given_up_is_not_waited_for_long(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.adopt()
    kubelet.stop()
    gone = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "silent"}
    api_server.admin.merge(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [gone]}})
    given = {"node": name, "stack": STACK, "nodeIp": kubelet.address}
    started = time.monotonic()
    outcome = run("csr-approval", "apply", timeoutSeconds=180, expect=1, **given)
    assert 30 <= time.monotonic() - started < 60
    assert f"if the host is gone for good: make forget NODE={name}" in outcome.stderr
