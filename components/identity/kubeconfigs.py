"""The identities of a node as files: the cluster's CA, the bootstrap kubeconfig, kube-proxy's kubeconfig.

Owns their text. Does not own kubelet.kubeconfig, which the kubelet writes once its certificate is approved,
and does not decide who is who (`identity/`).

Both kubeconfigs name the CA by its path. The kubelet copies that into the kubeconfig it writes, so a new CA
reaches a node with one file, and never leaves an old copy behind in a file that is not ours.
"""

from __future__ import annotations

import base64

from components.identity.registries import registries
from components.remote.bundle import HostFile
from components.remote.content import Content
from components.rendering import yaml_text
from components.settings import NodeSettings
from components.settings.defaults import CA_PATH

BOOTSTRAP_PATH = "/etc/kubernetes/bootstrap.kubeconfig"
KUBE_PROXY_PATH = "/etc/kubernetes/kube-proxy.kubeconfig"


def content(node: NodeSettings, token: str, proxy_certificate_pem: str, proxy_key_pem: str) -> Content:
    """Everything that the part puts on a host. All of it is secret, because some of it is.

    Certificate and key are read only if the node's kube-proxy is ours.
    """
    server = node.cluster.server
    files = [certificate_authority(node.cluster.ca_pem), bootstrap(server, token)]
    if node.runs_kube_proxy:
        files.append(kube_proxy(server, proxy_certificate_pem, proxy_key_pem))
    logins = registries(node)
    if logins is not None:
        files.append(logins)
    return Content(files=files)


def certificate_authority(ca_pem: str) -> HostFile:
    """The cluster's CA certificates."""
    return HostFile("ca.pem", CA_PATH, ca_pem)


def bootstrap(server: str, token: str, *, user: str = "kubelet-bootstrap") -> HostFile:
    """The kubeconfig that a kubelet asks for its first certificate with. It is of no use after that."""
    return HostFile(
        "bootstrap.kubeconfig", BOOTSTRAP_PATH, _kubeconfig(server, user, {"token": token}), "0600"
    )


def kube_proxy(server: str, certificate_pem: str, key_pem: str) -> HostFile:
    """kube-proxy's kubeconfig with certificate and key inside: one 0600 file is all there is of them."""
    credentials = {"client-certificate-data": _base64(certificate_pem), "client-key-data": _base64(key_pem)}
    return HostFile(
        "kube-proxy.kubeconfig", KUBE_PROXY_PATH, _kubeconfig(server, "kube-proxy", credentials), "0600"
    )


def kube_proxy_with_token(server: str, token: str) -> HostFile:
    """kube-proxy's kubeconfig with the token of a ServiceAccount."""
    return HostFile(
        "kube-proxy.kubeconfig", KUBE_PROXY_PATH, _kubeconfig(server, "kube-proxy", {"token": token}), "0600"
    )


def _kubeconfig(server: str, user: str, credentials: dict[str, str]) -> str:
    return yaml_text(
        {
            "apiVersion": "v1",
            "clusters": [
                {"cluster": {"certificate-authority": CA_PATH, "server": server}, "name": "kubernetes"}
            ],
            "contexts": [{"context": {"cluster": "kubernetes", "user": user}, "name": "default"}],
            "current-context": "default",
            "kind": "Config",
            "users": [{"name": user, "user": credentials}],
        }
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
