"""The pod network as the stack configures it: the section, with the files that it points to.

Owns which files those are. Does not own what contradicts what (`checks_calico.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from components.settings import forms, manifests, sources
from components.settings.calico_sections import CalicoSection
from components.settings.downloads import Downloads
from components.settings.file_or_text import file_or_text
from components.settings.problems import Problem
from components.settings.report import Report
from components.settings.resolved import CalicoSettings, Download, EtcdSettings, ManifestFile
from components.settings.salvage import salvaged
from components.settings.sections import DownloadsSection
from components.settings.sources import SourceError
from components.versions import calico as versions

_EXAMPLES = {
    "ca": "secrets/etcd-ca.pem",
    "certificate": "secrets/etcd-client.pem",
    "privateKey": "secrets/etcd-client-key.pem",
}


def calico_of(report: Report, section: CalicoSection, pod_cidr: str, downloads: Downloads) -> CalicoSettings:
    """The settings; every problem of its files is in the report."""
    is_installed = section.mode in ("manifest", "operator") and not report.is_wrong("calico.manifests")
    found = tuple(_manifests(report, section, downloads)) if is_installed else ()
    for name in manifests.repeated(found):
        report.refuse("calico.manifests", f"{name} stands there twice")
    etcd = _etcd(report, section) if section.mode == "manifest" and section.datastore == "etcd" else None
    return CalicoSettings(section, pod_cidr, found, etcd)


def _manifests(report: Report, section: CalicoSection, downloads: Downloads) -> Iterator[ManifestFile]:
    is_known = section.version is not None and versions.kubernetes_range(section.version) is not None
    for number, given in enumerate(section.manifests):
        at = f"calico.manifests[{number}]"
        if not given.has_one_place:
            report.refuse(at, "give exactly one of file, path and url, for example file: calico.yaml")
        elif not is_known:
            continue
        elif given.file is not None:
            yield from _read(report, f"{at}.file", manifests.kept, given.file, given.sha256)
        elif (download := downloads.manifest(given, at)) is not None:
            yield from _read(report, at, manifests.fetched, download)
    if section.manifests or not is_known:
        return
    for download in own_manifests(section, downloads):
        if download.sha256:
            yield from _read(report, "calico.version", manifests.fetched, download)


def wanted_manifests(raw: Mapping[str, Any], project_dir: Path) -> tuple[list[Download], list[Problem]]:
    """What is to be fetched for a raw configuration, whatever else is wrong with it. A file without SHA-256 has its
    name below a mirror in the place of a version. Raises SourceError for checksums that cannot be read.
    """
    section = salvaged(CalicoSection, raw.get("calico")) or CalicoSection()
    places = salvaged(DownloadsSection, raw.get("downloads")) or DownloadsSection()
    checksums = sources.checksums_of(
        sources.text_of(project_dir, places.checksums_file) if places.checksums_file else ""
    )
    if section.mode not in ("manifest", "operator") or section.version is None:
        return [], []
    downloads = Downloads(places, checksums, mirror_is_wrong=False)
    found = [] if section.manifests else own_manifests(section, downloads)
    # Its checksum is what is looked for here.
    without = [replace(one, version=one.url.partition("/calico/")[2]) for one in found if not one.sha256]
    named = [replace(one, version=f"calico/{one.version}") for one in without]
    known = [one for one in found if one.sha256]
    downloads.problems.clear()
    for number, given in enumerate(section.manifests):
        if given.file is None and (given.path is None) != (given.url is None):
            download = downloads.manifest(given, f"calico.manifests[{number}]")
            known += [download] if download else []
    return [*known, *named], downloads.problems


def own_manifests(section: CalicoSection, downloads: Downloads) -> list[Download]:
    """The release's own files; one without SHA-256 is reported by `downloads`."""
    version = (section.version or "").removeprefix("v")
    names = versions.manifest_names(version, section.mode, section.datastore)
    return [downloads.calico(version, name) for name in names]


def _read(
    report: Report, at: str, read: Callable[..., ManifestFile], *arguments: object
) -> Iterator[ManifestFile]:
    try:
        yield read(report.project_dir, *arguments)
    except SourceError as error:
        report.refuse(at, str(error))


def _etcd(report: Report, section: CalicoSection) -> EtcdSettings | None:
    etcd = section.etcd
    if etcd is None:
        return None
    key = etcd.private_key.get_secret_value() if etcd.private_key else None
    given = {
        "ca": (etcd.ca_file, etcd.ca),
        "certificate": (etcd.certificate_file, etcd.certificate),
        "privateKey": (etcd.private_key_file, key),
    }
    parts: dict[str, str | None] = {}
    for part, (file, contents) in given.items():
        is_secret = part == "privateKey"
        text = file_or_text(report, "calico.etcd", part, file, contents, _EXAMPLES[part], is_secret=is_secret)
        if text is not None and not is_secret and forms.pem_certificates(text) is None:
            report.refuse(f"calico.etcd.{part}File", "expected certificates in PEM")
        elif text is not None and is_secret and not forms.is_private_key(text):
            report.refuse(f"calico.etcd.{part}File", "expected a private key in PEM, without passphrase")
        parts[part] = text
    secret = parts["privateKey"]
    return EtcdSettings(
        etcd.endpoints,
        forms.pem_certificates(parts["ca"] or "") or "",
        forms.pem_certificates(parts["certificate"] or "") or "",
        SecretStr(secret) if secret else None,
    )
