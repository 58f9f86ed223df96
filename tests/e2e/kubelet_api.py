"""The kubelet's own API on port 10250, asked as different clients.

Owns the asking, with a server certificate that is verified. Does not own who may ask.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from pathlib import Path

import yaml

from tests.e2e.cluster import Cluster, http_status
from tests.e2e.hosts import CLIENT_CERTIFICATE, Host

_GIVEN = "/etc/kubernetes/kubelet.kubeconfig"
_KUBE_PROXY = "/etc/kubernetes/kube-proxy.kubeconfig"


def status(cluster: Cluster, host: Host, *, pair: str = "") -> int:
    """The HTTP status of a look at the host's pods; `pair` is certificate and key in PEM."""
    context = ssl.create_default_context(cadata=cluster.ca_pem)
    if pair:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pair.pem"
            path.touch(mode=0o600)
            path.write_text(pair, encoding="utf-8")
            context.load_cert_chain(path)
    return http_status(f"https://{host.address}:10250/pods", context)


def kubelets_pair(host: Host) -> str:
    """Certificate and key with which this host's kubelet goes to the API server."""
    return (
        _pair(host, _GIVEN)
        if "client-key-data" in host.run(f"cat {_GIVEN}")
        else host.run(f"cat {CLIENT_CERTIFICATE}")
    )


def kube_proxys_pair(host: Host) -> str:
    """Those of its kube-proxy."""
    return _pair(host, _KUBE_PROXY)


def _pair(host: Host, kubeconfig: str) -> str:
    (user,) = yaml.safe_load(host.run(f"cat {kubeconfig}"))["users"]
    fields = ("client-certificate-data", "client-key-data")
    return "\n".join(base64.b64decode(user["user"][field]).decode() for field in fields)
