"""Bundles of each part as the program renders them, cut down to what the scripts look at.

What a bundle downloads is put on the box's mirror on the way.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

from components.remote import toolkit
from components.remote.bundle import Artifact, HostFile
from tests.shell.box import Box

PKI = "/var/lib/kubelet/pki"
KUBECONFIG = "/etc/kubernetes/kubelet.kubeconfig"
KUBELET_UNIT = "[Service]\nExecStart=/usr/local/bin/kubelet \\\n  --config=/etc/kubernetes/kubelet.yaml\n"
KUBE_PROXY_UNIT = "[Service]\nExecStart=/usr/local/bin/kube-proxy --config=/etc/kubernetes/kube-proxy.yaml\n"
CRI_UNIT = "[Service]\nExecStart=/usr/local/bin/cri-dockerd\n"
CRI_SOCKET_UNIT = "[Socket]\nListenStream=/run/cri-dockerd.sock\n"
DOCKER_UNIT = "[Service]\nExecStart=/usr/bin/dockerd\n"


def mirrored(box: Box, content: str | bytes) -> tuple[str, str]:
    """URL and SHA-256 of a download."""
    data = content.encode() if isinstance(content, str) else content
    digest = hashlib.sha256(data).hexdigest()
    path = box.path(f"/mirror/{digest[:12]}")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return f"http://mirror/{digest[:12]}", digest


def archive(members: Mapping[str, str]) -> bytes:
    """A .tgz; the same members always give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid = len(content.encode()), 0o700, 1234
            tar.addfile(entry, io.BytesIO(content.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


def kubelet(
    box: Box,
    config: str = "maxPods: 1\n",
    binary: str = "kubelet 1\n",
    unit: str = KUBELET_UNIT,
    more: Sequence[HostFile] = (),
    timeout: int = 1,
    root_dir: Sequence[str] = (),
    log_dir: Sequence[str] = (),
) -> str:
    """The kubelet's part. Once it runs, its certificate request is approved."""
    box.put(
        "/state/start-kubelet.service",
        f"umask 077; mkdir -p {PKI}; echo certificate >{PKI}/kubelet-client-current.pem\n"
        f"[ -e {KUBECONFIG} ] || echo kubeconfig >{KUBECONFIG}\n",
    )
    return box.bundle(
        "kubelet",
        HostFile("kubelet.yaml", "/etc/kubernetes/kubelet.yaml", config),
        HostFile("kubelet.service", "/etc/systemd/system/kubelet.service", unit),
        *more,
        artifacts=[Artifact("kubelet", "/usr/local/bin/kubelet", *mirrored(box, binary))],
        healthy_timeout_seconds=[str(timeout)],
        root_dir=root_dir,
        log_dir=log_dir,
    )


def kube_proxy(
    box: Box,
    config: str = "mode: iptables\n",
    binary: str = "#!/bin/sh\necho proxy 1\n",
    certificate: str = "0123456789ab",
    mode: str = "iptables",
) -> str:
    """kube-proxy's part."""
    return box.bundle(
        "kube-proxy",
        HostFile("kube-proxy.yaml", "/etc/kubernetes/kube-proxy.yaml", config),
        HostFile("kube-proxy.service", "/etc/systemd/system/kube-proxy.service", KUBE_PROXY_UNIT),
        artifacts=[Artifact("kube-proxy", "/usr/local/bin/kube-proxy", *mirrored(box, binary))],
        mode=[mode],
        certificate=[certificate],
        healthy_timeout_seconds=["1"],
    )


def kube_proxy_by_flags(box: Box, mode: str) -> str:
    """The same without a file: its unit says it all."""
    unit = KUBE_PROXY_UNIT + f"# --proxy-mode={mode}\n"
    return box.bundle(
        "kube-proxy",
        HostFile("kube-proxy.service", "/etc/systemd/system/kube-proxy.service", unit),
        artifacts=[
            Artifact("kube-proxy", "/usr/local/bin/kube-proxy", *mirrored(box, "#!/bin/sh\necho proxy 1\n"))
        ],
        mode=[mode],
        certificate=["0123456789ab"],
        healthy_timeout_seconds=["1"],
        log_dir=["/var/log/k8s"],
    )


def docker(
    box: Box,
    daemon: str = '{"log-driver": "json-file"}\n',
    adapter: str = "cri-dockerd 1\n",
    images: Sequence[str] = ("registry.k8s.io/pause:3.10.2",),
    package: str = "docker.io",
    *,
    with_adapter: bool = True,
    more: Sequence[HostFile] = (),
    artifacts: Sequence[Artifact] = (),
    **settings: Sequence[str],
) -> str:
    """Docker's part. An image's archive holds nothing but the image's name, which is what the stand-in loads.

    `more` and `artifacts` are what a source brings, and `settings` says which: `source=["archive"]`.
    """
    files = [HostFile("daemon.json", "/etc/docker/daemon.json", daemon), *more]
    downloads = [*artifacts]
    if with_adapter:
        files += [
            HostFile("cri-docker.service", "/etc/systemd/system/cri-docker.service", CRI_UNIT),
            HostFile("cri-docker.socket", "/etc/systemd/system/cri-docker.socket", CRI_SOCKET_UNIT),
        ]
        url, digest = mirrored(
            box, archive({"cri-dockerd/cri-dockerd": adapter, "cri-dockerd/README": "read\n"})
        )
        member = "cri-dockerd/cri-dockerd"
        downloads.append(Artifact("cri-dockerd", "/usr/local/bin/cri-dockerd", url, digest, member=member))
    return box.bundle(
        "docker",
        *files,
        artifacts=downloads,
        package=[package] if package else [],
        healthy_timeout_seconds=["1"],
        image=[" ".join((image, *mirrored(box, image_archive(image)))) for image in images],
        **settings,  # type: ignore[arg-type]
    )


def image_archive(name: str, *, zipped: bool = False) -> bytes:
    """What `docker save` makes of an image, cut down to its name; `zipped` as gzip leaves it."""
    packed = archive({"manifest.json": json.dumps([{"RepoTags": [name]}]) + "\n"})
    return packed if zipped else gzip.decompress(packed)


def has_docker_packages(box: Box) -> None:
    """Docker's packages can be installed: docker.io needs containerd, which needs runc; docker.io brings a unit."""
    box.put("/state/depends", "docker.io containerd iptables\ncontainerd runc\n")
    box.put("/state/packages", "ii base-files\nii openssh-server\n")
    box.put("/state/install-docker.io", _INSTALL_DOCKER)
    box.put(
        "/state/purge-docker.io",
        "rm -f /lib/systemd/system/docker.service\nsystemctl disable docker.service\n",
    )
    # What systemd listens on for cri-dockerd, ready to be copied.
    os.mknod(box.path("/state/socket"), stat.S_IFSOCK | 0o660)


_INSTALL_DOCKER = f"""\
printf '%s' '{DOCKER_UNIT}' >/lib/systemd/system/docker.service
systemctl enable docker.service
systemctl start docker.service
mkdir -p /var/lib/docker /etc/docker
echo made by Docker >/var/lib/docker/engine-id
"""


def calico(box: Box, *files: HostFile, plugins: Mapping[str, str] | None = None) -> str:
    """Calico's part, which is files and an archive of plugins and no more."""
    artifacts = []
    if plugins is not None:
        url, digest = mirrored(box, archive(plugins))
        artifacts = [Artifact("cni-plugins", "/opt/cni/bin/", url, digest)]
    return box.bundle("calico", *files, artifacts=artifacts)


def claim(
    box: Box, payload: str = "", *, swap: str = "refuse", architecture: str = "", **settings: str
) -> str:
    """The claim with the toolkit of this tree."""
    more: dict[str, Any] = {key: [value] for key, value in settings.items()}
    return box.bundle(
        "claim",
        payload=payload or toolkit.payload(),
        toolkit=[toolkit.digest()],
        swap=[swap],
        architecture=[architecture],
        **more,
    )


def changed_toolkit(member: str, text: str) -> str:
    """A payload in which one script is another."""
    packed = io.BytesIO()
    source = gzip.decompress(base64.b64decode(toolkit.payload()))
    with tarfile.open(fileobj=io.BytesIO(source)) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for entry in old:
            extracted = old.extractfile(entry)
            assert extracted is not None
            data = text.encode() if entry.name == member else extracted.read()
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
    return base64.b64encode(gzip.compress(packed.getvalue(), mtime=0)).decode()
