"""The sandbox's cluster as the tests see it, through kubectl and, where that hides something, plain HTTPS."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from typing import Any

import yaml

from tests.e2e.place import Place

Json = dict[str, Any]


class Cluster:
    """As the cluster's administrator."""

    def __init__(self, place: Place) -> None:
        self.place = place
        kubeconfig = yaml.safe_load(place.checkout.kubeconfig.read_text(encoding="utf-8"))
        cluster = kubeconfig["clusters"][0]["cluster"]
        self.server: str = cluster["server"]
        self.ca_pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
        user = kubeconfig["users"][0]["user"]
        fields = ("client-certificate-data", "client-key-data")
        self.administrators_pair = "\n".join(base64.b64decode(user[field]).decode() for field in fields)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        done = subprocess.run(
            ["kubectl", *arguments],
            cwd=self.place.root,
            env=self.place.env,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout if check else done.stdout + done.stderr

    def get(self, *arguments: str) -> Json:
        found: Json = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def items(self, *arguments: str) -> list[Json]:
        found: list[Json] = self.get(*arguments)["items"]
        return found

    def nodes(self) -> dict[str, Json]:
        return {node["metadata"]["name"]: node for node in self.items("nodes")}

    def pods(self) -> dict[str, Json]:
        """The verification's pods by name."""
        return {pod["metadata"]["name"]: pod for pod in self.items("pods", "-n", "kubenode-verification")}

    def bootstrap_tokens(self) -> list[str]:
        """Names of the token Secrets that a stack of ours made."""
        found = self.items("secrets", "-n", "kube-system", "-l", "kubenode/node")
        return [one["metadata"]["name"] for one in found]

    def requests_of_nodes(self) -> list[str]:
        """Names of certificate requests that were sent as one of our nodes, or as who a node joins."""
        users = ("system:node:worker-", "system:bootstrap:", "kubelet-bootstrap")
        return [
            one["metadata"]["name"] for one in self.items("csr") if one["spec"]["username"].startswith(users)
        ]

    def lease_renewed(self, node: str) -> str:
        """When the node's kubelet was last heard of."""
        found = self.get("lease", "-n", "kube-node-lease", node)
        return str(found["spec"]["renewTime"])

    def leftovers(self) -> list[str]:
        """What a stack of ours made in the cluster and has to take away: its requests, tokens, rights, accounts."""
        kinds = (
            "certificatesigningrequests,clusterrolebindings,rolebindings,serviceaccounts,secrets,namespaces"
        )
        listed = self.kubectl("get", kinds, "--all-namespaces", "-o", "name").split()
        # But for what these tests made for themselves.
        ours = [one for one in listed if "kubenode" in one and "kubenode-e2e" not in one]
        return sorted({*ours, *self.nodes(), *self.requests_of_nodes(), *self.bootstrap_tokens()})

    def status_with_token(self, token: str) -> int:
        """The HTTP status of a request with that bearer token."""
        return http_status(f"{self.server}/api", ssl.create_default_context(cadata=self.ca_pem), token=token)


def http_status(url: str, context: ssl.SSLContext, *, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def is_ready(node: Json) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])


def is_schedulable(node: Json) -> bool:
    return not node["spec"].get("unschedulable") and not node["spec"].get("taints")


def unfit(nodes: dict[str, Json]) -> dict[str, str]:
    """The nodes that would take no pod, each with what keeps pods off it."""
    return {
        name: f"Ready={is_ready(node)}, unschedulable={bool(node['spec'].get('unschedulable'))}, "
        f"taints={node['spec'].get('taints')}"
        for name, node in nodes.items()
        if not (is_ready(node) and is_schedulable(node))
    }


def unchanged_part(pod: Json) -> Json:
    """What must stay the same while a pod is left alone."""
    return {
        "uid": pod["metadata"]["uid"],
        "node": pod["spec"]["nodeName"],
        "containers": [
            (one["name"], one["restartCount"], one["state"].get("running", {}).get("startedAt"))
            for one in pod["status"]["containerStatuses"]
        ],
    }
