"""The nodes of the configuration: found in the stack file or in nodesFile, each with the shared sections under its own.

Owns how a node's section and the shared one become one. Does not own what is wrong with a node that has been read
(`checks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from components.settings import plain, sources, types
from components.settings.calico_sections import CalicoSection
from components.settings.docker_sections import DockerSection, ImageSection
from components.settings.draft import NodeDraft
from components.settings.host_sections import HostSection, SshSection
from components.settings.inherit import inherited
from components.settings.merge import merged
from components.settings.problems import Location, dotted
from components.settings.report import Report
from components.settings.salvage import salvaged
from components.settings.sections import (
    NODE_SECTIONS,
    STACK_SECTIONS,
    KubeletSection,
    KubeProxySection,
    KubernetesSection,
    NodeSection,
    TaintSection,
)
from components.settings.validate import SectionT, validated
from components.settings.whereabouts import unknown_of_node, wrapped_in
from components.versions import UnsupportedVersionError, supported

_UNTESTED = "no kubelet of {} has read these files in a test of this project: they are made by the tables of its source"
# Stands in for what a bastion lacks, so that the rest of it is checked.
_FILLINGS: Mapping[str, Mapping[str, object]] = {"ssh": {"bastion": {"address": "192.0.2.1", "user": "root"}}}


def drafts_of(report: Report) -> list[NodeDraft]:
    """Every node with a usable name, as far as it is valid."""
    return [_draft(report, name, raw) for name, raw in _node_maps(report).items()]


def shared_of(report: Report) -> NodeDraft:
    """What the shared sections make of a node that gives nothing of its own: for a configuration without nodes."""
    return _draft(report, "worker-1", {"address": "10.0.0.7"})


def _node_maps(report: Report) -> Mapping[str, Mapping[str, object]]:
    nodes, where = report.raw.get("nodes"), "nodes"
    path = report.raw.get("nodesFile")
    if path is not None and nodes is not None:
        report.refuse("nodesFile", "contradicts nodes: give one of them")
        path = None
    if path is not None:
        text = _file_path(report, "nodesFile", path)
        if text is None:
            return {}
        where = "nodesFile"
        try:
            nodes = sources.nodes_of(sources.text_of(report.project_dir, text), text)
        except sources.SourceError as error:
            report.refuse("nodesFile", str(error))
            return {}
    wrapper = (
        wrapped_in(nodes, [*_own_keys(), *NODE_SECTIONS])
        if report.nodes_from_file and isinstance(nodes, Mapping)
        else None
    )
    if wrapper is not None:
        report.refuse(
            "nodesFile",
            f"expected the nodes' names as the file's own keys, for example worker-1: {{address: 10.0.0.7}}; take "
            f"the level {wrapper} away",
        )
        return {}
    if not nodes and (nodes is None or isinstance(nodes, Mapping)):
        report.refuse(where, "expected at least one node, for example worker-1: {address: 10.0.0.7}")
        return {}
    if not isinstance(nodes, Mapping):
        report.refuse(
            where,
            "expected a map with the nodes' names as keys, for example worker-1: {address: 10.0.0.7}",
        )
        return {}
    return _named(report, nodes)


def _named(report: Report, nodes: Mapping[Any, object]) -> Mapping[str, Mapping[str, object]]:
    named: dict[str, Mapping[str, object]] = {}
    for name, raw in nodes.items():
        try:
            TypeAdapter(types.NodeName).validate_python(name)
        except ValidationError as error:
            report.refuse(dotted(("nodes", str(name))), error.errors(include_input=False)[0]["msg"])
            continue
        if report.nodes_from_file and plain.is_encrypted(raw):
            report.refuse(dotted(("nodes", name)), _not_decrypted(()))
        elif raw is None or isinstance(raw, Mapping):
            named[name] = raw or {}
        else:
            report.refuse(
                dotted(("nodes", name)),
                "expected a map of keys and values, for example {address: 10.0.0.7}",
            )
    return named


def _file_path(report: Report, key: str, value: object) -> str | None:
    try:
        return TypeAdapter(types.NodesFilePath).validate_python(value)
    except ValidationError as error:
        report.refuse(key, error.errors(include_input=False)[0]["msg"])
        return None


def _not_decrypted(location: Location) -> str:
    why = "is an encrypted value, and nodesFile is plain YAML that nobody decrypts"
    if location and location[0] in NODE_SECTIONS:
        return (
            f"{why}: set it for all nodes, {plain.command(location)}, or move the nodes into the stack file"
        )
    return f"{why}: write it in plain text, or move the nodes into the stack file"


def _draft(report: Report, name: str, given: Mapping[str, object]) -> NodeDraft:
    raw = given
    encrypted = list(plain.encrypted_in(given)) if report.nodes_from_file else []
    if encrypted:
        raw = plain.without_encrypted(given)
    draft = NodeDraft(name, raw, {key: report.raw.get(key) for key in NODE_SECTIONS if key in report.raw})
    for location in encrypted:
        draft.refuse_node(_not_decrypted(location), *location)
    own_keys = _own_keys()
    for key in raw:
        if key in STACK_SECTIONS:
            draft.refuse_node(f"stands once, for all nodes: move it to kubenode:{key}", str(key))
        elif key not in own_keys and key not in NODE_SECTIONS:
            draft.refuse_node(unknown_of_node(str(key), [*own_keys, *NODE_SECTIONS]), str(key))
    own = {key: raw[key] for key in own_keys if key in raw}
    draft.own, errors = validated(NodeSection, own)
    for location, message, _ in errors:
        draft.refuse_node(message, *location)
    if errors:
        draft.has_address = not any(location == ("address",) for location, _, _ in errors)
        draft.own = salvaged(NodeSection, own, {"address": "10.0.0.7"})
    draft.taints = _items(TaintSection, raw.get("taints"))
    draft.ssh = _node_section(draft, "ssh", SshSection)
    draft.host = _node_section(draft, "host", HostSection)
    draft.docker = _node_section(draft, "docker", DockerSection)
    docker = [
        one for one in (draft.raw.get("docker"), draft.defaults.get("docker")) if isinstance(one, Mapping)
    ]
    draft.images = _items(ImageSection, next((one["images"] for one in docker if "images" in one), None))
    draft.calico = _node_section(draft, "calico", CalicoSection)
    draft.kubelet = _node_section(draft, "kubelet", KubeletSection)
    draft.kube_proxy = _node_section(draft, "kubeProxy", KubeProxySection)
    kubernetes = _node_section(draft, "kubernetes", KubernetesSection)
    if kubernetes is not None:
        draft.allows_downgrade = kubernetes.allow_downgrade
        try:
            draft.minor = supported(kubernetes.version)
            draft.version = kubernetes.version.removeprefix("v")
            if draft.minor.status == "rendered":
                draft.advise(_UNTESTED.format(draft.minor.name), "kubernetes", "version")
        except UnsupportedVersionError as error:
            draft.refuse(str(error), "kubernetes", "version")
    return draft


def _own_keys() -> list[str]:
    return [info.alias or key for key, info in NodeSection.model_fields.items()]


def _items(model: type[SectionT], value: object) -> list[tuple[int, SectionT]]:
    """The valid ones of a list, with their numbers."""
    found = [validated(model, item)[0] for item in value] if isinstance(value, list) else []
    return [(number, item) for number, item in enumerate(found) if item is not None]


def _node_section(draft: NodeDraft, key: str, model: type[SectionT]) -> SectionT | None:
    base, over = draft.defaults.get(key), draft.raw.get(key)
    if base is not None and not isinstance(base, Mapping):
        return None  # Reported where it stands; what it lacks is no second problem.
    base, over = {} if base is None else base, {} if over is None else over
    whole = merged(inherited(key, base, over), over) if isinstance(over, Mapping) else over
    found, errors = validated(model, whole)
    for location, message, _ in errors:
        draft.refuse(message, key, *location)
    return salvaged(model, whole, _FILLINGS.get(key)) if errors else found
