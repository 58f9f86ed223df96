"""Which changes of a node must not happen under running pods.

Owns the digest that `in-service` writes to the Node and `out-of-service` compares. Does not drain anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from components.docker import files as docker_files
from components.host import proxy
from components.kubelet import files as kubelet_files
from components.settings import NodeSettings

# Fields of the KubeletConfiguration that running pods do not survive, or keep an old answer to, and why.
KUBELET_FIELDS: Mapping[str, str] = {
    "cgroupDriver": "running containers stay in cgroups that the kubelet no longer looks at",
    "cgroupRoot": "running containers stay below the old root",
    "cgroupsPerQOS": "running containers stay in the old hierarchy",
    "cpuManagerPolicy": "the kubelet refuses another policy's state file; pinned containers keep their CPUs",
    "cpuManagerPolicyOptions": "pinned containers keep CPUs that the new options give to others",
    "memoryManagerPolicy": "the kubelet refuses the state file of another policy",
    "reservedMemory": "the kubelet refuses a state file with other reservations",
    "reservedSystemCPUs": "pinned containers keep CPUs that now belong to the system",
    "topologyManagerPolicy": "running pods were admitted under the old policy",
    "topologyManagerPolicyOptions": "running pods were admitted under the old options",
    "topologyManagerScope": "running pods were admitted under the old scope",
    "podLogsDir": "running containers write to the old directory",
    "clusterDNS": "running pods keep the old resolv.conf",
    "clusterDomain": "running pods keep the old resolv.conf",
    "resolvConf": "running pods keep the old resolv.conf",
}

# Flags of the kubelet with the same property.
KUBELET_FLAGS: Mapping[str, str] = {
    "root-dir": "running pods have their volumes below the old directory",
}


def disruption_digest(node: NodeSettings) -> str:
    """SHA-256 over everything whose change needs the node drained first."""
    config = kubelet_files.configuration(node)
    flags = node.kubelet.extra_flags
    inputs: dict[str, object] = {
        # A restart of Docker, or another release of it or of cri-dockerd, may take every container with it.
        "docker-package": _docker_release(node),
        "docker-files": {file.name: file.content for file in docker_files.files(_in_its_place(node))},
        "cri-dockerd": node.artifacts.cri_dockerd.sha256 if node.artifacts.cri_dockerd else None,
        # Another minor of the kubelet over running pods is unsupported upstream; a patch release is fine.
        "kubernetes-minor": node.minor.name,
        "kubelet-fields": {name: config[name] for name in KUBELET_FIELDS if name in config},
        "kubelet-flags": {name: flags[name] for name in KUBELET_FLAGS if name in flags},
        # Pods on the host network carry the address in their status and environment.
        "node-ip": node.node_ip,
    }
    # A restart of Docker again. Without the password: this digest is public.
    if (environment := proxy.public_environment(node)) is not None:
        inputs["docker-proxy"] = environment
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _docker_release(node: NodeSettings) -> str:
    """What the release of Docker Engine comes from."""
    archive = node.docker.archive if node.docker.source == "archive" else None
    return archive.sha256 if archive else " ".join(docker_files.packages(node))


def _in_its_place(node: NodeSettings) -> NodeSettings:
    """With Docker's data in its usual place: a change of it is refused on the host, so nothing is drained for it."""
    return replace(node, docker=node.docker.model_copy(update={"data_root": None}))
