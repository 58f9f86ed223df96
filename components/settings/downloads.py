"""Where each binary comes from: its name below a mirror, its upstream URL, its SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.settings.calico_sections import ManifestSection
from components.settings.docker_sections import ImageSection
from components.settings.problems import Problem
from components.settings.resolved import Download, ImageDownload
from components.settings.sections import DownloadsSection

_UPSTREAM: Mapping[str, str] = {
    "release/": "https://dl.k8s.io/release/",
    "cri-dockerd/": "https://github.com/Mirantis/cri-dockerd/releases/download/",
    "cni-plugins/": "https://github.com/containernetworking/plugins/releases/download/",
    "calico/": "https://raw.githubusercontent.com/projectcalico/calico/",
}
_PATH = "downloads.checksumsFile"


@dataclass
class Downloads:
    """Makes downloads, and collects a problem for each one without checksum.

    `checksums` is None if its file was unreadable, which is reported already; so is a mirror that is wrong.
    """

    section: DownloadsSection
    checksums: Mapping[str, str] | None
    mirror_is_wrong: bool
    problems: list[Problem] = field(default_factory=list)

    def kubernetes(self, binary: str, version: str, architecture: str) -> Download:
        """A binary of a Kubernetes release."""
        urls = self.section.urls
        template = urls.kubelet if binary == "kubelet" else urls.kube_proxy
        name = f"release/v{version}/bin/linux/{architecture}/{binary}"
        return self._release(template, version, architecture, name)

    def cri_dockerd(self, version: str, architecture: str) -> Download:
        """The archive of a cri-dockerd release."""
        name = f"cri-dockerd/v{version}/cri-dockerd-{version}.{architecture}.tgz"
        return self._release(self.section.urls.cri_dockerd, version, architecture, name)

    def cni_plugins(self, version: str, architecture: str) -> Download:
        """The archive of a release of the reference CNI plugins."""
        name = f"cni-plugins/v{version}/cni-plugins-linux-{architecture}-v{version}.tgz"
        return self._release(self.section.urls.cni_plugins, version, architecture, name)

    def calico(self, version: str, file: str) -> Download:
        """A manifest of a Calico release."""
        return self._release(None, version, "", f"calico/v{version}/manifests/{file}")

    def manifest(self, manifest: ManifestSection, at: str) -> Download | None:
        """A manifest that is fetched, from anywhere; None if it cannot be told which. `at` is where it stands."""
        if manifest.path is not None:
            if self.section.mirror is None and not self.mirror_is_wrong:
                below = "a path is below downloads.mirror, which is not set; give url"
                self.problems.append(Problem(f"{at}.path", below))
            return self._fetched(
                f"{self._mirror()}/{manifest.path}", manifest.sha256 or self._sha256(manifest.path)
            )
        if manifest.sha256 is None:
            self.problems.append(Problem(f"{at}.sha256", "required: the SHA-256 of the file at url"))
        return self._fetched(manifest.url or "", manifest.sha256 or "")

    @staticmethod
    def _fetched(url: str, sha256: str) -> Download | None:
        return Download("", url, sha256) if sha256 else None

    def image(self, image: ImageSection, at: str) -> ImageDownload:
        """The archive of an image. `at` is where the image stands in the configuration."""
        if (image.path is None) == (image.url is None):
            message = "give exactly one of path and url, for example path: images/pause-3.10.2.tar"
            self.problems.append(Problem(at, message))
        if image.path is not None and self.section.mirror is None and not self.mirror_is_wrong:
            self.problems.append(
                Problem(f"{at}.path", "a path is below downloads.mirror, which is not set; give url")
            )
        if image.url is not None and image.sha256 is None:
            self.problems.append(Problem(f"{at}.sha256", "required: the SHA-256 of the archive at url"))
        if image.url is not None:
            return ImageDownload(image.name, image.url, image.sha256 or "")
        path = image.path or ""
        sha256 = image.sha256 or (self._sha256(path) if path else "")
        return ImageDownload(image.name, f"{self._mirror()}/{path}", sha256)

    def _mirror(self) -> str:
        return (self.section.mirror or "").rstrip("/")

    def _release(self, template: str | None, version: str, architecture: str, name: str) -> Download:
        """`name` is the one below a mirror, and in the checksums file wherever the download comes from."""
        url = f"{self._mirror()}/{name}"
        if template is not None:
            url = template.replace("{version}", version).replace("{architecture}", architecture)
        elif self.section.mirror is None:
            root = name[: name.index("/") + 1]
            url = _UPSTREAM[root] + name.removeprefix(root)
        return Download(version, url, self._sha256(name))

    def _sha256(self, name: str) -> str:
        sha256 = "" if self.checksums is None else self.checksums.get(name, "")
        if not sha256 and self.checksums is not None:
            file = self.section.checksums_file
            fix = (
                f"add its line to {file}" if file else "set a file with a line for it, as sha256sum prints it"
            )
            self.problems.append(Problem(_PATH, f"no SHA-256 for {name}: {fix}"))
        return sha256
