"""The logins of the kubelet's pulls as a file.

Owns its text. Does not own whose images are pulled, nor pull secrets of pods, which are the cluster's.
"""

from __future__ import annotations

import base64

from components.remote.bundle import HostFile
from components.rendering import json_text
from components.settings import NodeSettings

_ROOT = "/var/lib/kubelet"
# Docker Hub's name in such files, which is older than its name in those of images.
_HUB = "https://index.docker.io/v1/"


def root_directory(node: NodeSettings) -> str:
    """The kubelet's folder on the host, with its pods' volumes."""
    return node.kubelet.extra_flags.get("root-dir", _ROOT).rstrip("/")


def registries(node: NodeSettings) -> HostFile | None:
    """config.json in the kubelet's folder, as `docker login` would write it; None without logins.

    The kubelet looks there first, and reads it anew at the first pull after five minutes at the latest.
    """
    logins = node.docker.registries
    if not logins:
        return None
    auths = {
        _HUB if name.lower() == "docker.io" else name: {
            "auth": base64.b64encode(
                f"{login.username}:{login.password.get_secret_value()}".encode()
            ).decode()
        }
        for name, login in logins.items()
    }
    return HostFile("config.json", f"{root_directory(node)}/config.json", json_text({"auths": auths}), "0600")
