"""The identities of a node as files: the cluster's CA, kubeconfigs of kubelet and kube-proxy, a serving certificate.

Owns their text. Does not own a kubelet.kubeconfig that the kubelet writes itself, once its certificate is approved,
and does not decide who is who (`identity/`).

All kubeconfigs name the CA by its path. The kubelet copies that into the kubeconfig it writes, so a new CA
reaches a node with one file, and never leaves an old copy behind in a file that is not ours.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from components.identity.registries import registries
from components.remote.bundle import HostFile
from components.remote.content import Content
from components.rendering import digest, yaml_text
from components.settings import NodeSettings
from components.settings.defaults import (
    CA_PATH,
    KUBELET_KUBECONFIG_PATH,
    SERVING_CERTIFICATE_PATH,
    SERVING_KEY_PATH,
)

BOOTSTRAP_PATH = "/etc/kubernetes/bootstrap.kubeconfig"
KUBE_PROXY_PATH = "/etc/kubernetes/kube-proxy.kubeconfig"


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Identities:
    """What a run makes for one node. `token` for a kubelet that asks; each pair for one that gets it; `proxy_token` in
    place of kube-proxy's pair."""

    token: str = ""
    proxy: KeyPair | None = None
    client: KeyPair | None = None
    serving: KeyPair | None = None
    proxy_token: str = ""

    @property
    def kubelet_certificates(self) -> list[str]:
        """Those that the kubelet is given, PEM."""
        return [pair.certificate for pair in (self.client, self.serving) if pair is not None]

    @property
    def proxy_mark(self) -> dict[str, str]:
        """What changes whenever kube-proxy's proof does."""
        if self.proxy is not None:
            return {"certificate": digest(self.proxy.certificate)}
        return {"token": digest(self.proxy_token)}


def content(node: NodeSettings, made: Identities) -> Content:
    """Everything that the part puts on a host. All of it is secret, because some of it is."""
    server = node.cluster.server
    files = [certificate_authority(node.cluster.ca_pem)]
    files.append(kubelet(server, node.name, made.client) if made.client else bootstrap(server, made.token))
    if made.serving is not None:
        files += serving(made.serving)
    if made.proxy is not None:
        files.append(kube_proxy(server, made.proxy.certificate, made.proxy.key))
    elif made.proxy_token:
        files.append(kube_proxy_with_token(server, made.proxy_token))
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


def kubelet(server: str, node: str, pair: KeyPair) -> HostFile:
    """The kubeconfig of a kubelet that asks for no certificate, because it is given one."""
    return HostFile(
        "kubelet.kubeconfig",
        KUBELET_KUBECONFIG_PATH,
        _kubeconfig(server, f"system:node:{node}", _embedded(pair.certificate, pair.key)),
        "0600",
    )


def serving(pair: KeyPair) -> list[HostFile]:
    """What a kubelet shows to the API server, if it is given that too."""
    return [
        HostFile("kubelet-server.pem", SERVING_CERTIFICATE_PATH, _lines(pair.certificate)),
        HostFile("kubelet-server-key.pem", SERVING_KEY_PATH, _lines(pair.key), "0600"),
    ]


def kube_proxy(server: str, certificate_pem: str, key_pem: str) -> HostFile:
    """kube-proxy's kubeconfig with certificate and key inside: one 0600 file is all there is of them."""
    return HostFile(
        "kube-proxy.kubeconfig",
        KUBE_PROXY_PATH,
        _kubeconfig(server, "kube-proxy", _embedded(certificate_pem, key_pem)),
        "0600",
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


def _embedded(certificate_pem: str, key_pem: str) -> dict[str, str]:
    return {"client-certificate-data": _base64(certificate_pem), "client-key-data": _base64(key_pem)}


def _lines(pem: str) -> str:
    return pem.rstrip("\n") + "\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
