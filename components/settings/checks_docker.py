"""What is wrong with a node's Docker although each value is valid."""

from __future__ import annotations

import re
from collections.abc import Mapping

from components.settings.checks_daemon import wrong_of
from components.settings.docker_sections import DockerSection
from components.settings.draft import NodeDraft
from components.settings.inherit import SOURCE_KEYS
from components.settings.nearest import nearest
from components.settings.plain import is_masked
from components.settings.problems import Problem, dotted
from components.versions import MINORS
from components.versions.cri_dockerd import parsed, refusal
from components.versions.daemon import DAEMON_KEYS


def check_docker(node: NodeDraft) -> None:
    """Note every problem in it."""
    if node.docker is None:
        return
    _check_source(node, node.docker)
    _check_data_root(node, node.docker)
    _check_extra_config(node, node.docker)
    _check_registries(node, node.docker)
    _check_images(node)
    _check_cri_dockerd(node)


def _check_source(node: NodeDraft, docker: DockerSection) -> None:
    for key, source in SOURCE_KEYS.items():
        is_given = key in docker.model_fields_set and getattr(docker, key) is not None
        if is_given and docker.source != source and not node.is_wrong("docker", "source"):
            node.refuse(
                f"belongs to docker.source {source}, and that is {docker.source}: leave one of them out",
                "docker",
                key,
            )
    in_archive = (("archive",), ("archive", "url"), ("archive", "sha256"))
    is_wrong = any(node.is_wrong("docker", *place) for place in in_archive)
    if docker.source == "archive" and docker.archive is None and not is_wrong:
        example = (
            "{url: https://download.docker.com/linux/static/stable/x86_64/docker-27.5.1.tgz, sha256: ...}"
        )
        # Where the source was chosen.
        at = dotted((*node.place("docker", "source")[:-1], "archive"))
        node.problems.append(Problem(at, f"required for docker.source archive, for example {example}"))
    if node.host is not None and node.host.os_family == "redhat":
        _check_red_hat(node, docker)
    if docker.repository is not None and not docker.repository.packages:
        node.refuse(
            "expected Docker Engine's package at least, for example docker-ce",
            "docker",
            "repository",
            "packages",
        )


def _check_red_hat(node: NodeDraft, docker: DockerSection) -> None:
    if docker.source == "distribution" and docker.package.startswith("docker.io"):
        node.refuse(
            "the Red Hat family has no package docker.io: set docker-ce (the hosts need Docker's repository) "
            "or, on Fedora, moby-engine",
            "docker",
            "package",
        )
    if docker.source == "docker":
        node.refuse(
            "kubenode sets up Docker's repository for apt only: give the hosts that repository, and set "
            "docker.source distribution with docker.package docker-ce",
            "docker",
            "source",
        )


# Folders that Docker's data must not be, hold or lie in, and why.
_TAKEN_FOLDERS: Mapping[str, str] = {
    "/var/lib/kubelet": "it is the kubelet's",
    "/var/lib/kubenode": "it is this project's own",
    "/var/lib/containerd": "it is containerd's",
    "/var/lib/cri-dockerd": "it is cri-dockerd's",
    "/etc": "it holds the system",
    "/usr": "it holds the system",
    "/boot": "it holds the system",
    "/dev": "it is no place for files that last",
    "/proc": "it is no place for files that last",
    "/run": "it is no place for files that last",
    "/sys": "it is no place for files that last",
    "/tmp": "it is no place for files that last",  # noqa: S108 - refused
    "/var/run": "it is no place for files that last",
    "/var/tmp": "it is no place for files that last",  # noqa: S108 - refused
}


def _check_data_root(node: NodeDraft, docker: DockerSection) -> None:
    root = docker.data_root
    if root is None:
        return
    if docker.source == "existing":
        node.refuse(
            "contradicts docker.source existing: a Docker that is there keeps its data where it is",
            "docker",
            "dataRoot",
        )
    for folder, reason in _TAKEN_FOLDERS.items():
        if f"{root}/".startswith(f"{folder}/"):
            node.refuse(f"expected another folder than {folder}: {reason}", "docker", "dataRoot")
        elif folder.startswith(f"{root}/"):
            node.refuse(f"expected a folder of Docker's own: {folder} lies in it", "docker", "dataRoot")
            return


# Keys of daemon.json that another setting writes.
_OWN_SETTINGS: Mapping[str, str] = {
    "registry-mirrors": "registryMirrors",
    "insecure-registries": "insecureRegistries",
}
# Keys of daemon.json that nobody may give, and why.
_REFUSED_KEYS: Mapping[str, str] = {
    "data-root": "set docker.dataRoot: a removal takes that folder away again",
    "graph": "set docker.dataRoot: a removal takes that folder away again",
    "hosts": "Docker's unit gives it as a flag, and Docker refuses to start with both",
}


def _check_extra_config(node: NodeDraft, docker: DockerSection) -> None:
    extra, where = docker.extra_config, ("docker", "extraConfig")
    for key, value in extra.items():
        message = _daemon_refusal(key, value)
        if key in _REFUSED_KEYS:
            continue
        if message:
            node.refuse(message, *where, key)
        elif key != "log-opts" or extra.get("log-driver", "json-file") == "json-file":
            for below, reason in wrong_of(key, value):
                if not is_masked(value, below):
                    node.refuse(reason, *where, key, *below)
    if extra.get("log-driver", "json-file") != "json-file" and not node.is_wrong(*where, "log-driver"):
        node.refuse(
            "expected json-file: kubectl logs reads no other driver's logs",
            *where,
            "log-driver",
        )
    for key, setting in _OWN_SETTINGS.items():
        given = {"registryMirrors": docker.registry_mirrors, "insecureRegistries": docker.insecure_registries}
        if key in extra and given[setting]:
            node.refuse(f"contradicts docker.{setting}: leave one of them out", *where, key)
    for key, reason in _REFUSED_KEYS.items():
        if key in extra:
            node.refuse(f"not here: {reason}", *where, key)
    if "exec-opts" in extra and not node.is_wrong(*where, "exec-opts"):
        _check_cgroup_driver(node, docker)


# What dockerd's table calls a kind: the types of it. A number is text for nobody.
_KINDS: Mapping[str, tuple[type, ...]] = {
    "true or false": (bool,),
    "a whole number": (int,),
    "text": (str,),
    "a list": (list,),
    "a map of keys and values": (dict,),
}


def _daemon_refusal(key: str, value: object) -> str | None:
    if value is None:
        return None
    if key not in DAEMON_KEYS:
        near = nearest(key, DAEMON_KEYS)
        hint = f"; did you mean {near}?" if near else ""
        return f"dockerd knows no key of this name, and does not start with it{hint}"
    kind = DAEMON_KEYS[key]
    is_of_kind = isinstance(value, _KINDS[kind]) and (kind == "true or false" or not isinstance(value, bool))
    return None if is_of_kind else f"expected {kind}, which is what dockerd reads there"


def _check_cgroup_driver(node: NodeDraft, docker: DockerSection) -> None:
    """exec-opts of the user stands in place of ours, so it must name the driver that the kubelet has."""
    options, prefix = docker.extra_config["exec-opts"], "native.cgroupdriver="
    drivers = {
        str(option).removeprefix(prefix)
        for option in (options if isinstance(options, list) else [])
        if str(option).startswith(prefix)
    }
    if drivers and drivers != {docker.cgroup_driver}:
        reason = f"contradicts docker.cgroupDriver, which is {docker.cgroup_driver}: set the driver there"
    elif not drivers:
        reason = (
            "it replaces the cgroup driver that the kubelet is told: "
            f'expected a list with "{prefix}{docker.cgroup_driver}" in it'
        )
    else:
        return
    node.refuse(reason, "docker", "extraConfig", "exec-opts")


def _check_registries(node: NodeDraft, docker: DockerSection) -> None:
    hubs = [name for name in docker.registries if name.lower() in ("index.docker.io", "registry-1.docker.io")]
    for name in hubs:
        node.refuse(
            "expected docker.io, which is what Docker Hub's images are called", "docker", "registries", name
        )


def _check_images(node: NodeDraft) -> None:
    images = [image for _, image in node.images]
    names = [image.name for image in images]
    for name in sorted({name for name in names if names.count(name) > 1}):
        node.refuse(f"{name} stands there twice", "docker", "images")
    archives = [(image.path or image.url or "").rpartition("/")[2] for image in images]
    for name in sorted({name for name in archives if archives.count(name) > 1}):
        node.refuse(f"two archives are called {name}; give each its own file name", "docker", "images")


def _check_cri_dockerd(node: NodeDraft) -> None:
    docker, minor = node.docker, node.minor
    if docker is None or minor is None or not minor.runtime.needs_cri_dockerd:
        return
    if docker.cri_dockerd is None:
        first = min(
            row.number for row in MINORS.values() if row.runtime.needs_cri_dockerd and row.number > 23
        )
        reason = f"required: a kubelet of Kubernetes {minor.name} reaches Docker through cri-dockerd only"
        node.refuse(
            f"{reason} (supported from 1.{first} on), for example {{version: 0.4.3}}", "docker", "criDockerd"
        )
        return
    version = docker.cri_dockerd.version
    oldest = minor.runtime.oldest_cri_dockerd
    if parsed(version) < oldest:
        needed = ".".join(str(part) for part in oldest)
        node.refuse(
            f"Kubernetes {minor.name} needs cri-dockerd {needed} or newer", "docker", "criDockerd", "version"
        )
    major = _docker_major(docker)
    reason_docker = refusal(version, major) if major is not None else None
    if reason_docker is not None:
        node.refuse(reason_docker, "docker", "criDockerd", "version")


def _docker_major(docker: DockerSection) -> int | None:
    """The major version of Docker Engine, if the configuration says it."""
    if docker.source == "archive":
        archive = docker.archive.url.rpartition("/")[2] if docker.archive else ""
        match = re.match(r"docker-([0-9]+)\.", archive)
    elif docker.source == "existing":
        return None
    else:
        packages = docker.repository.packages if docker.repository else ()
        package = docker.package if docker.source == "distribution" else next(iter(packages), "")
        match = re.fullmatch(r"[^=]+=(?:[0-9]+:)?([0-9]+)\..*", package)
    return int(match[1]) if match else None
