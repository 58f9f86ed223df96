"""The proxy of a host as the environment of what downloads there: packages, binaries, Docker's images. Pure.

Owns the text of /etc/kubenode/proxy.env. Does not own who reads it: `lib/words.sh` for package tools and curl, and
Docker's unit by a drop-in.
"""

from __future__ import annotations

import re

from components.settings import NodeSettings
from components.settings.forms import host_of

PATH = "/etc/kubenode/proxy.env"

_LOCAL = ("localhost", "127.0.0.1", "::1")


def environment(node: NodeSettings) -> str | None:
    """Lines that a shell and systemd read alike, with the password if there is one; None without a proxy."""
    proxy = node.host.proxy
    if proxy is None:
        return None
    values = {
        "http_proxy": proxy.http.get_secret_value() if proxy.http else None,
        "https_proxy": proxy.https.get_secret_value() if proxy.https else None,
        "no_proxy": ",".join(no_proxy(node)),
    }
    return "".join(f'{name}="{value}"\n' for name, value in values.items() if value is not None)


def public_environment(node: NodeSettings) -> str | None:
    """The same without user and password."""
    text = environment(node)
    return None if text is None else re.sub(r'="(https?://)[^"@]*@', r'="\1', text)


def has_password(node: NodeSettings) -> bool:
    """Whether the text is a secret."""
    return environment(node) != public_environment(node)


def no_proxy(node: NodeSettings) -> tuple[str, ...]:
    """What is asked directly. Of the nodes only this one: a new node must not change the files of all others."""
    cluster = node.cluster
    ours = (
        *_LOCAL,
        node.node_ip,
        host_of(cluster.server),
        cluster.pod_cidr,
        cluster.service_cidr,
        ".svc",
        f".{cluster.dns_domain}",
    )
    return tuple(dict.fromkeys((*ours, *(node.host.proxy.no_proxy if node.host.proxy else ()))))
