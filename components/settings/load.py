"""From the raw configuration to settings, or to every problem of it at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from components.identity.lifetimes import LONGEST_HOURS
from components.settings import addresses, plain, profiles, sources
from components.settings.calico import calico_of
from components.settings.calico_sections import CalicoSection
from components.settings.checks import check_node, check_profile
from components.settings.checks_calico import check_calico, check_node_calico
from components.settings.checks_kubelet import check_identity
from components.settings.cluster import cluster_of
from components.settings.connection import connection_of
from components.settings.defaults import EXISTING
from components.settings.downloads import Downloads
from components.settings.draft import NodeDraft
from components.settings.identity_sections import IdentitySection
from components.settings.nodes import drafts_of, shared_of
from components.settings.problems import Problem, SettingsError, dotted
from components.settings.report import Report
from components.settings.resolved import ClusterSettings, NodeArtifacts, NodeSettings, StackSettings
from components.settings.salvage import salvaged
from components.settings.sections import (
    NODE_SECTIONS,
    STACK_SECTIONS,
    ClusterSection,
    DownloadsSection,
    DrainSection,
    RolloutSection,
    TimeoutsSection,
    VerificationSection,
)
from components.settings.signer import authority_of
from components.settings.static_token import with_static_token
from components.settings.sysctls import check_sysctls
from components.settings.validate import SectionT, validated
from components.settings.whereabouts import unknown_at_top

# Stands in for required values that are missing, where a check asks about the others.
_ANY_CLUSTER = {"podCidr": "10.244.0.0/16", "serviceCidr": "10.96.0.0/16", "dns": {"address": "10.96.0.10"}}

_NODES_KEYS = ("nodes", "nodesFile")


def load(
    raw: Mapping[str, object],
    project_dir: Path,
    encrypted: Collection[str] | None = None,
    *,
    nodes_from_file: bool = False,
    noted: Iterable[Problem] = (),
    encrypted_at: Collection[str] | None = None,
) -> StackSettings:
    """The settings for a map of keys without namespace. Raises SettingsError with all problems at once.

    `encrypted`: the keys that hold encrypted values. None: nobody knows, and nothing is refused for being plain.
    `nodes_from_file`: the nodes in `raw` are what nodesFile names. `noted`: problems that were found before.
    `encrypted_at`: the places of the encrypted values. None: nobody knows more than `encrypted`.
    """
    raw = profiles.laid_below(raw)
    report = Report(
        raw, project_dir, encrypted, nodes_from_file or raw.get("nodes") is None, encrypted_at, list(noted)
    )
    _check_keys(report)
    cluster = cluster_of(report, _section(report, "cluster", ClusterSection, _ANY_CLUSTER))
    downloads = _downloads(report, _section(report, "downloads", DownloadsSection))
    identity = _section(report, "identity", IdentitySection)
    rollout = _section(report, "rollout", RolloutSection)
    drain = _section(report, "drain", DrainSection)
    timeouts = _section(report, "timeouts", TimeoutsSection)
    verification = _section(report, "verification", VerificationSection)
    calico = _section(report, "calico", CalicoSection)
    _check_defaults(report)
    check_calico(report, calico, _pod_cidr(report))
    drafts = drafts_of(report)
    for draft in drafts:
        _check_draft(report, draft, identity)
        report.problems += draft.problems
    if not drafts:
        _check_shared(report, identity)
    report.problems += addresses.problems_of(raw.get("cluster"), drafts)
    _check_renewal(report, identity)
    signer = authority_of(report, identity)
    identity = with_static_token(report, identity)
    nodes = {draft.name: _node(report, draft, cluster, downloads, identity) for draft in drafts}
    network = calico_of(report, calico, cluster.pod_cidr if cluster else "", downloads)
    report.problems += downloads.problems
    if cluster is None or report.problems:
        raise SettingsError(report.explained())
    return StackSettings(
        cluster=cluster,
        nodes={name: node for name, node in nodes.items() if node is not None},
        identity=identity,
        authority=signer,
        rollout=rollout,
        drain=drain,
        timeouts=timeouts,
        verification=verification,
        calico=network,
        missing=tuple(dict.fromkeys(report.missing)),
        notices=tuple(dict.fromkeys(notice for draft in drafts for notice in draft.notices)),
    )


def _check_keys(report: Report) -> None:
    known = [*STACK_SECTIONS, *NODE_SECTIONS, *_NODES_KEYS, "profile"]
    for key in report.raw:
        if key not in known:
            report.refuse(key, unknown_at_top(key, known, is_secret=key in (report.encrypted or ())))
    if report.raw.get("profile") not in (None, *profiles.NAMES):
        report.refuse("profile", f"expected {' or '.join(profiles.NAMES)}, or leave it out")


def _section(
    report: Report, key: str, model: type[SectionT], filling: Mapping[str, object] | None = None
) -> SectionT:
    """The section; one with problems, which are reported, without the values that have them."""
    value = report.raw.get(key)
    found, errors = validated(model, {} if value is None else value)
    report.problems += [Problem(dotted((key, *location)), message) for location, message, _ in errors]
    found = found or salvaged(model, value, filling) or salvaged(model, {}, filling)
    if found is None:
        raise AssertionError(f"the section {key} has required keys and no filling")
    return found


def _check_defaults(report: Report) -> None:
    """Report what is wrong in the shared sections even if every node has its own value in that place."""
    for key, model in NODE_SECTIONS.items():
        value = report.raw.get(key)
        _, errors = validated(model, {} if value is None else value)
        report.problems += [
            Problem(dotted((key, *location)), message)
            for location, message, kind in errors
            if kind != "missing"
        ]


def _check_draft(report: Report, draft: NodeDraft, identity: IdentitySection) -> None:
    check_node(draft)
    check_identity(draft, identity)
    check_node_calico(draft, _pod_cidr(report))
    check_sysctls(draft, _pod_cidr(report))
    check_profile(draft, _profile(report))
    sections = {
        "ssh": draft.ssh,
        "host": draft.host,
        "docker": draft.docker,
        "calico": draft.calico,
        "kubelet": draft.kubelet,
        "kubeProxy": draft.kube_proxy,
    }
    for key, section in sections.items():
        for location in plain.secrets_of(section, (key,)):
            report.refuse_plain(draft.place(*location), location)


def _pod_cidr(report: Report) -> object:
    cluster = report.raw.get("cluster")
    return cluster.get("podCidr") if isinstance(cluster, Mapping) else None


def _profile(report: Report) -> str | None:
    name = report.raw.get("profile")
    return name if isinstance(name, str) and name in profiles.NAMES else None


def _check_shared(report: Report, identity: IdentitySection) -> None:
    """Without any node, what a node that adds nothing would lack of the shared sections."""
    draft = shared_of(report)
    _check_draft(report, draft, identity)
    report.problems += [problem for problem in draft.problems if not problem.path.startswith("nodes.")]


def _check_renewal(report: Report, identity: IdentitySection) -> None:
    keys = ("identity.earlyRenewalHours", "identity.certificateValidityHours")
    if report.is_wrong(*keys):
        return
    if identity.early_renewal_hours >= identity.certificate_validity_hours:
        hours = identity.certificate_validity_hours
        report.refuse(keys[0], f"expected less than certificateValidityHours, which is {hours}")
    if identity.issuer == "cluster" and identity.certificate_validity_hours > LONGEST_HOURS:
        report.refuse(
            keys[1],
            f"expected at most {LONGEST_HOURS} of a cluster's signer (identity.issuer), for example 8760",
        )


def _downloads(report: Report, section: DownloadsSection) -> Downloads:
    given = report.raw.get("downloads")
    is_map = given is None or isinstance(given, Mapping)
    checksums: dict[str, str] | None = {}
    if not is_map or report.is_wrong("downloads.checksumsFile"):
        checksums = None
    elif section.checksums_file is not None:
        try:
            checksums = sources.checksums_of(sources.text_of(report.project_dir, section.checksums_file))
        except sources.SourceError as error:
            report.refuse("downloads.checksumsFile", str(error))
            checksums = None
    return Downloads(section, checksums, not is_map or report.is_wrong("downloads.mirror"))


def _node(
    report: Report,
    draft: NodeDraft,
    cluster: ClusterSettings | None,
    downloads: Downloads,
    identity: IdentitySection,
) -> NodeSettings | None:
    connection = connection_of(report, draft, draft.ssh) if draft.ssh else None
    artifacts = _artifacts(draft, downloads)
    own, host, docker, calico = draft.own, draft.host, draft.docker, draft.calico
    kubelet, kube_proxy, minor, version = draft.kubelet, draft.kube_proxy, draft.minor, draft.version
    node_ip = addresses.node_ip_of(own) if own else None
    if not (cluster and connection and artifacts and own and host and docker and calico):
        return None
    if not (kubelet and kube_proxy and minor and version and node_ip):
        return None
    return NodeSettings(
        name=draft.name,
        address=own.address,
        node_ip=node_ip,
        labels=own.labels,
        annotations=own.annotations,
        taints=own.taints,
        kubernetes_version=version,
        kubernetes_allows_downgrade=draft.allows_downgrade,
        minor=minor,
        cluster=cluster,
        ssh=connection,
        host=host,
        docker=docker,
        pause_image=docker.pause_image or minor.pause_image,
        calico=calico,
        kubelet=kubelet,
        kube_proxy=kube_proxy,
        identity=identity,
        artifacts=artifacts,
        profile=_profile(report),
    )


def _artifacts(draft: NodeDraft, downloads: Downloads) -> NodeArtifacts | None:
    host, docker, calico, version, minor = draft.host, draft.docker, draft.calico, draft.version, draft.minor
    proxy = draft.kube_proxy
    if not (host and docker and calico and version and minor and proxy):
        return None
    # What is called after a value that is wrong is not known.
    if draft.is_wrong("host", "architecture") or draft.is_wrong("kubeProxy", "mode"):
        return None
    adapter = docker.cri_dockerd if minor.runtime.needs_cri_dockerd else None
    if draft.is_wrong("docker", "criDockerd"):
        adapter = None
    plugins = calico.cni_plugins
    arch = host.architecture
    return NodeArtifacts(
        kubelet=downloads.kubernetes("kubelet", version, arch),
        kube_proxy=None if proxy.mode == EXISTING else downloads.kubernetes("kube-proxy", version, arch),
        cri_dockerd=downloads.cri_dockerd(adapter.version.removeprefix("v"), arch) if adapter else None,
        cni_plugins=downloads.cni_plugins(plugins.version.removeprefix("v"), arch) if plugins else None,
        images=tuple(
            downloads.image(image, draft.at("docker", "images", number)) for number, image in draft.images
        ),
    )
