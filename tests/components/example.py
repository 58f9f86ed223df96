"""A valid configuration of two nodes, as a user writes it, to break one thing of it in a test."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.settings import SettingsError, StackSettings, load

MIRROR = "http://artifacts.example:8080"


def _pem(words: str, blob: bytes) -> str:
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {words}-----", *lines, f"-----END {words}-----", ""])


def host_key(letter: bytes) -> str:
    """The public key of a host, another one for each letter."""
    return "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + letter * 32).decode()


HOST_KEYS = (host_key(b"a"), host_key(b"b"))
CA_PEM = _pem("CERTIFICATE", b"\x30\x82\x01\x0a" + b"no real certificate" * 14)


def private_key(cipher: bytes = b"none", words: str = "OPENSSH PRIVATE KEY") -> str:
    """What an SSH key looks like from outside. `cipher` is what it is encrypted with."""
    blob = (
        b"openssh-key-v1\0"
        + len(cipher).to_bytes(4, "big")
        + cipher
        + b"\0\0\0\x04none"
        + b"secret-of-the-key" * 8
    )
    return _pem(words, blob)


def kubeconfig(server: str = "https://10.0.0.1:6443", authority: str | None = None) -> str:
    """An admin's kubeconfig. `authority` replaces the line of the certificate authority."""
    line = authority or f"certificate-authority-data: {base64.b64encode(CA_PEM.encode()).decode()}"
    return f"""\
apiVersion: v1
kind: Config
current-context: admin@example
clusters:
- name: example
  cluster:
    server: {server}
    {line}
- name: other
  cluster:
    server: https://10.9.9.9:6443
    {line}
contexts:
- name: admin@example
  context: {{cluster: example, user: admin}}
- name: admin@other
  context: {{cluster: other, user: admin}}
users:
- name: admin
  user:
    token: token-of-the-admin
"""


def checksum(name: str) -> str:
    """The made-up SHA-256 of a download."""
    return hashlib.sha256(name.encode()).hexdigest()


def checksums(*versions: str) -> str:
    """A checksums file for these Kubernetes releases and everything that goes with them."""
    names = [
        *(
            f"release/v{version}/bin/linux/amd64/{binary}"
            for version in versions
            for binary in ("kubelet", "kube-proxy")
        ),
        *(
            f"cri-dockerd/v{version}/cri-dockerd-{version}.amd64.tgz"
            for version in ("0.4.3", "0.4.1", "0.3.10", "0.2.6")
        ),
        "cni-plugins/v1.1.1/cni-plugins-linux-amd64-v1.1.1.tgz",
        "images/pause.tar",
        "images/nginx.tar",
    ]
    return "".join(f"{checksum(name)}  {name}\n" for name in names)


def write_project(directory: Path, *versions: str) -> None:
    """The files that `raw` points to."""
    (directory / "admin.kubeconfig").write_text(kubeconfig())
    (directory / "id_ed25519").write_text(private_key())
    (directory / "SHA256SUMS").write_text(checksums(*(versions or ("1.37.2",))))


def raw(version: str = "1.37.2") -> dict[str, Any]:
    """The configuration: `worker-1` takes every default, `worker-2` overrides what it can."""
    return {
        "cluster": {
            "kubeconfigFile": "admin.kubeconfig",
            "podCidr": "10.244.0.0/16",
            "serviceCidr": "10.96.0.0/16",
            "dns": {"address": "10.96.0.10"},
        },
        "ssh": {"privateKeyFile": "id_ed25519"},
        "downloads": {"mirror": MIRROR, "checksumsFile": "SHA256SUMS"},
        "kubernetes": {"version": version},
        "nodes": {
            "worker-1": {"address": "10.0.0.7", "ssh": {"hostKey": HOST_KEYS[0]}},
            "worker-2": {
                "address": "worker-2.example.org",
                "nodeIp": "10.0.0.8",
                "ssh": {"hostKey": HOST_KEYS[1], "user": "operator", "port": 2222},
                "labels": {"node-role.kubernetes.io/worker": "", "example.org/rack": "7"},
                "annotations": {"example.org/bought": "2024"},
                "host": {
                    "swap": "allow",
                    "packages": ["nfs-common"],
                    "sysctls": {"net.core.somaxconn": 4096},
                },
                "docker": {
                    "package": "docker.io=20.10.24+dfsg1-1",
                    "cgroupDriver": "cgroupfs",
                    "logMaxSize": "50m",
                    "extraConfig": {"live-restore": None, "registry-mirrors": ["https://mirror.example.org"]},
                    "images": [
                        {"name": "registry.k8s.io/pause:3.10.2", "path": "images/pause.tar"},
                        {"name": "nginx:1.27.3", "path": "images/nginx.tar"},
                    ],
                },
                "calico": {"cniPlugins": {"version": "1.1.1"}},
                "kubelet": {
                    "extraConfig": {"maxPods": 55, "oomScoreAdj": 0, "kubeReserved": {"memory": "1e9"}},
                    "extraFlags": {"v": 4},
                },
                "kubeProxy": {
                    "mode": "ipvs",
                    "extraConfig": {"oomScoreAdj": 0, "ipvs": {"scheduler": "wrr"}},
                },
            },
        },
    }


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with values put at dotted places (`nodes/worker-1/address`); `...` takes the key out."""
    result = copy.deepcopy(dict(base))
    for place, value in changes.items():
        *way, last = place.split("/")
        target = result
        for part in way:
            target = target.setdefault(part, {})
        if value is ...:
            target.pop(last, None)
        else:
            target[last] = value
    return result


def stack(
    directory: Path, changes: Mapping[str, Any] | None = None, version: str = "1.37.2"
) -> StackSettings:
    """The settings of the example with changes."""
    write_project(directory, version)
    return load(changed(raw(version), changes or {}), directory)


def problems(directory: Path, changes: Mapping[str, Any], version: str = "1.37.2") -> list[str]:
    """The lines of the report for the example with changes; none if it is valid."""
    write_project(directory, version)
    try:
        load(changed(raw(version), changes), directory)
    except SettingsError as error:
        return str(error).splitlines()
    return []
