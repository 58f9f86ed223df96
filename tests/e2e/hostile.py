"""Certificate requests that no node of ours sends, posted by whoever might try.

Owns the requests and their posting, each as the user it is said to be of. Does not own who may be what.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.cluster import Cluster
from tests.support.would_be_kubelet import CLIENT_SIGNER, SERVING_SIGNER, request_pem, signing_request

_CLIENT = ("digital signature", "client auth")
_SERVER = ("digital signature", "server auth")


@dataclass(frozen=True)
class User:
    """Whoever posts, and which groups the API server gives to them."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One request: `what` names it, of signer, common name and the rest as a kubelet would fill them in."""

    what: str
    signer: str
    common_name: str
    organizations: tuple[str, ...] = ("system:nodes",)
    dns_names: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()


def of_token(node: str, other: str) -> list[Attempt]:
    """What somebody may try who has the token of a node."""
    name = f"system:node:{node}"
    return [
        Attempt("other-nodes-name", CLIENT_SIGNER, f"system:node:{other}"),
        Attempt("extra-organization", CLIENT_SIGNER, name, ("system:nodes", "system:masters")),
        Attempt("extra-name", CLIENT_SIGNER, name, dns_names=("kubernetes.default.svc",)),
        Attempt("wrong-usages", CLIENT_SIGNER, name, usages=(*_CLIENT, "server auth")),
        Attempt("serving-by-token", SERVING_SIGNER, name, dns_names=(node,)),
    ]


def of_node(node: str, address: str, foreign_address: str) -> list[Attempt]:
    """What somebody may try who has the client certificate of a node."""
    name = f"system:node:{node}"
    return [
        Attempt(
            "address-of-another", SERVING_SIGNER, name, dns_names=(node,), ips=(address, foreign_address)
        ),
        Attempt("name-of-the-api", SERVING_SIGNER, name, dns_names=(node, "kubernetes"), ips=(address,)),
        Attempt(
            "serving-extra-organization",
            SERVING_SIGNER,
            name,
            ("system:nodes", "system:masters"),
            (node,),
            (address,),
        ),
        Attempt(
            "serving-wrong-usages",
            SERVING_SIGNER,
            name,
            dns_names=(node,),
            ips=(address,),
            usages=(*_SERVER, "client auth"),
        ),
    ]


def of_strangers(node: str, address: str) -> list[Attempt]:
    """Just what the node may ask for, when it is somebody else who asks."""
    name = f"system:node:{node}"
    return [
        Attempt("as-the-node", CLIENT_SIGNER, name),
        Attempt("as-its-server", SERVING_SIGNER, name, dns_names=(node,), ips=(address,)),
    ]


def post(cluster: Cluster, user: User, attempts: Sequence[Attempt], prefix: str) -> dict[str, str]:
    """Posts all of them; returns what the API server answered by their names: empty where it took one."""
    return {f"{prefix}-{one.what}": _post(cluster, user, one, f"{prefix}-{one.what}") for one in attempts}


def _post(cluster: Cluster, user: User, attempt: Attempt, name: str) -> str:
    pem = request_pem(
        ec.generate_private_key(ec.SECP256R1()),
        attempt.common_name,
        attempt.organizations,
        attempt.dns_names,
        attempt.ips,
    )
    usages = attempt.usages or (_CLIENT if attempt.signer == CLIENT_SIGNER else _SERVER)
    request = signing_request(pem, attempt.signer, usages)
    request["metadata"] = {"name": name}
    who = ["--as", user.name, *(f"--as-group={group}" for group in user.groups)]
    said = cluster.kubectl("create", "-f", "-", *who, stdin=json.dumps(request), check=False)
    return "" if f"/{name} created" in said else said


def approved(cluster: Cluster, names: Sequence[str]) -> list[str]:
    """Which of them somebody approved, or issued."""
    found = {one["metadata"]["name"]: one.get("status") or {} for one in cluster.items("csr")}
    return [
        name
        for name in names
        if found.get(name, {}).get("certificate")
        or any(condition["type"] == "Approved" for condition in found.get(name, {}).get("conditions") or ())
    ]


def token_user(cluster: Cluster, node: str) -> User | None:
    """As whom the API server knows the token of a node, if there is one now."""
    secrets = cluster.items("secrets", "-n", "kube-system", "-l", f"kubenode/node={node}")
    if not secrets:
        return None
    data = {name: base64.b64decode(value).decode() for name, value in secrets[0]["data"].items()}
    groups = ("system:bootstrappers", *data["auth-extra-groups"].split(","))
    return User(f"system:bootstrap:{data['token-id']}", groups)
