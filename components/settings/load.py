"""From the raw configuration to settings, or to every problem of it at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from components.settings import addresses, authority, plain, sources, types
from components.settings.checks import check_identity, check_node
from components.settings.defaults import EXISTING
from components.settings.downloads import Downloads
from components.settings.draft import NodeDraft
from components.settings.merge import merged
from components.settings.problems import Location, Problem, SettingsError, dotted, explained, unknown_key
from components.settings.resolved import (
    AuthoritySettings,
    BastionSettings,
    ClusterSettings,
    ConnectionSettings,
    NodeArtifacts,
    NodeSettings,
    StackSettings,
)
from components.settings.salvage import salvaged
from components.settings.sections import (
    NODE_SECTIONS,
    STACK_SECTIONS,
    BastionSection,
    CalicoSection,
    ClusterSection,
    DockerSection,
    DownloadsSection,
    DrainSection,
    HostSection,
    IdentitySection,
    KubeletSection,
    KubeProxySection,
    KubernetesSection,
    NodeSection,
    RolloutSection,
    Section,
    SshSection,
    StaticTokenSection,
    TimeoutsSection,
    VerificationSection,
)
from components.versions import UnsupportedVersionError, supported

SectionT = TypeVar("SectionT", bound=Section)

# Stands in for required values that are missing, where a check asks about the others.
_ANY_CLUSTER = {"podCidr": "10.244.0.0/16", "serviceCidr": "10.96.0.0/16", "dns": {"address": "10.96.0.10"}}

_NODES_KEYS = ("nodes", "nodesFile")
_STATIC_TOKEN: TypeAdapter[SecretStr] = TypeAdapter(types.StaticToken)
# A node that names one way to log in or one way to trust a host replaces the stack's way, whichever that is.
_EITHER_OR = (("privateKeyFile", "privateKey", "agent", "password"), ("hostKey", "insecureIgnoreHostKey"))


def load(
    raw: Mapping[str, object], project_dir: Path, encrypted: Collection[str] | None = None
) -> StackSettings:
    """The settings for a map of keys without namespace. Raises SettingsError with all problems at once.

    `encrypted`: the keys that hold encrypted values. None: nobody knows, and nothing is refused for being plain.
    """
    return _Loading(raw, project_dir, encrypted).run()


@dataclass
class _Loading:
    """One run of `load`: what is read so far and what is wrong so far."""

    raw: Mapping[str, object]
    project_dir: Path
    encrypted: Collection[str] | None = None
    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)
    administrators: frozenset[str] = field(default_factory=frozenset, repr=False)

    def run(self) -> StackSettings:
        self._check_keys()
        cluster = self._cluster(self._section("cluster", ClusterSection))
        downloads = self._downloads(self._section("downloads", DownloadsSection))
        identity = self._section("identity", IdentitySection)
        rollout = self._section("rollout", RolloutSection)
        drain = self._section("drain", DrainSection)
        timeouts = self._section("timeouts", TimeoutsSection)
        verification = self._section("verification", VerificationSection)
        self._check_defaults()
        drafts = [self._draft(name, raw) for name, raw in self._node_maps().items()]
        for draft in drafts:
            check_node(draft)
            self._check_plain(draft)
            check_identity(draft, identity)
            self.problems += draft.problems
        self.problems += addresses.problems_of(self.raw.get("cluster"), drafts)
        self._check_renewal(identity)
        signer = self._authority(identity)
        identity = self._with_static_token(identity)
        nodes = {draft.name: self._node(draft, cluster, downloads, identity) for draft in drafts}
        if downloads is not None:
            self.problems += downloads.problems
        if not (cluster and identity and rollout and drain and timeouts and verification) or self.problems:
            raise SettingsError(self.problems)
        return StackSettings(
            cluster=cluster,
            nodes={name: node for name, node in nodes.items() if node is not None},
            identity=identity,
            authority=signer,
            rollout=rollout,
            drain=drain,
            timeouts=timeouts,
            verification=verification,
            missing=tuple(dict.fromkeys(self.missing)),
        )

    def _refuse(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))

    # Shape

    def _check_keys(self) -> None:
        known = [*STACK_SECTIONS, *NODE_SECTIONS, *_NODES_KEYS]
        for key in self.raw:
            if key not in known:
                self._refuse(key, unknown_key(key, known))

    def _section(self, key: str, model: type[SectionT]) -> SectionT | None:
        value = self.raw.get(key)
        found, errors = _validated(model, {} if value is None else value)
        self.problems += [Problem(dotted((key, *location)), message) for location, message, _ in errors]
        return found

    def _check_defaults(self) -> None:
        """Report what is wrong in the shared sections even if every node has its own value in that place."""
        for key, model in NODE_SECTIONS.items():
            value = self.raw.get(key)
            _, errors = _validated(model, {} if value is None else value)
            self.problems += [
                Problem(dotted((key, *location)), message)
                for location, message, kind in errors
                if kind != "missing"
            ]

    def _node_maps(self) -> Mapping[str, Mapping[str, object]]:
        nodes, where = self.raw.get("nodes"), "nodes"
        path = self.raw.get("nodesFile")
        if path is not None and nodes is not None:
            self._refuse("nodesFile", "contradicts nodes: give one of them")
            path = None
        if path is not None:
            text = self._file_path("nodesFile", path)
            if text is None:
                return {}
            where = "nodesFile"
            try:
                nodes = sources.yaml_of(sources.text_of(self.project_dir, text), text)
            except sources.SourceError as error:
                self._refuse("nodesFile", str(error))
                return {}
        if not nodes and (nodes is None or isinstance(nodes, Mapping)):
            self._refuse(where, "expected at least one node, for example worker-1: {address: 10.0.0.7}")
            return {}
        if not isinstance(nodes, Mapping):
            self._refuse(
                where,
                "expected a map with the nodes' names as keys, for example worker-1: {address: 10.0.0.7}",
            )
            return {}
        return self._named(nodes)

    def _named(self, nodes: Mapping[Any, object]) -> Mapping[str, Mapping[str, object]]:
        named: dict[str, Mapping[str, object]] = {}
        for name, raw in nodes.items():
            try:
                TypeAdapter(types.NodeName).validate_python(name)
            except ValidationError as error:
                self._refuse(dotted(("nodes", str(name))), error.errors(include_input=False)[0]["msg"])
                continue
            if raw is None or isinstance(raw, Mapping):
                named[name] = raw or {}
            else:
                self._refuse(
                    dotted(("nodes", name)),
                    "expected a map of keys and values, for example {address: 10.0.0.7}",
                )
        return named

    def _file_path(self, key: str, value: object) -> str | None:
        try:
            return TypeAdapter(types.FilePath).validate_python(value)
        except ValidationError as error:
            self._refuse(key, error.errors(include_input=False)[0]["msg"])
            return None

    def _draft(self, name: str, raw: Mapping[str, object]) -> NodeDraft:
        draft = NodeDraft(name, raw, {key: self.raw.get(key) for key in NODE_SECTIONS if key in self.raw})
        own_keys = [info.alias or key for key, info in NodeSection.model_fields.items()]
        for key in raw:
            if key in STACK_SECTIONS:
                draft.refuse_node(f"stands once, for all nodes: move it to kubenode:{key}", str(key))
            elif key not in own_keys and key not in NODE_SECTIONS:
                draft.refuse_node(unknown_key(str(key), [*own_keys, *NODE_SECTIONS]), str(key))
        own = {key: raw[key] for key in own_keys if key in raw}
        draft.own, errors = _validated(NodeSection, own)
        for location, message, _ in errors:
            draft.refuse_node(message, *location)
        if errors:
            draft.has_address = not any(location == ("address",) for location, _, _ in errors)
            draft.own = salvaged(NodeSection, own, {"address": "10.0.0.7"})
        draft.ssh = _node_section(draft, "ssh", SshSection)
        draft.host = _node_section(draft, "host", HostSection)
        draft.docker = _node_section(draft, "docker", DockerSection)
        draft.calico = _node_section(draft, "calico", CalicoSection)
        draft.kubelet = _node_section(draft, "kubelet", KubeletSection)
        draft.kube_proxy = _node_section(draft, "kubeProxy", KubeProxySection)
        kubernetes = _node_section(draft, "kubernetes", KubernetesSection)
        if kubernetes is not None:
            try:
                draft.minor = supported(kubernetes.version)
                draft.version = kubernetes.version.removeprefix("v")
            except UnsupportedVersionError as error:
                draft.refuse(str(error), "kubernetes", "version")
        return draft

    # Files

    def _cluster(self, section: ClusterSection | None) -> ClusterSettings | None:
        if section is None:
            # What is wrong there is reported; the kubeconfig may have problems of its own.
            section = salvaged(ClusterSection, self.raw.get("cluster"), _ANY_CLUSTER)
        if section is None:
            return None
        found = self._kubeconfig(section)
        server = section.server or (found.server if found else None)
        ca_pem = (
            types.pem_certificates(section.ca_data) if section.ca_data else found.ca_pem if found else None
        )
        identifier = section.identifier or (found.cluster_name if found else None)
        if found and not ca_pem:
            self._refuse("cluster.caData", "required: the kubeconfig has no certificate authority")
        if server:
            self._check_server(server, is_derived=section.server is None)
        if not (server and ca_pem and identifier):
            return None
        return ClusterSettings(
            server=server.rstrip("/"),
            ca_pem=ca_pem,
            identifier=identifier,
            pod_cidr=",".join(types.pair(section.pod_cidr)),
            service_cidr=",".join(types.pair(section.service_cidr)),
            dns_address=section.dns.address,
            dns_domain=section.dns.domain,
            kubeconfig_file=section.kubeconfig_file,
            kubeconfig=section.kubeconfig,
            context=section.context,
            kubeconfig_cluster_name=found.cluster_name if found else None,
        )

    def _kubeconfig(self, section: ClusterSection) -> sources.Kubeconfig | None:
        if section.kubeconfig_file is not None and section.kubeconfig is not None:
            self._refuse("cluster.kubeconfig", "contradicts kubeconfigFile: leave one of them out")
            return None
        if section.kubeconfig_file is None and section.kubeconfig is None:
            what = (
                "expected kubeconfigFile or kubeconfig, for example kubeconfigFile: secrets/admin.kubeconfig"
            )
            self._refuse("cluster", what)
            return None
        key, directory = "kubeconfig", self.project_dir
        try:
            if section.kubeconfig_file is not None:
                key, directory = (
                    "kubeconfigFile",
                    (self.project_dir / Path(section.kubeconfig_file).expanduser()).parent,
                )
                text = sources.text_of(self.project_dir, section.kubeconfig_file)
            else:
                text = section.kubeconfig.get_secret_value() if section.kubeconfig else ""
                self._refuse_plain(("cluster", "kubeconfig"), ("cluster", "kubeconfig"))
            found = sources.kubeconfig_of(text, section.context, directory)
        except sources.SourceMissingError as error:
            if section.server and section.ca_data and section.identifier:
                self.missing.append(Problem(f"cluster.{key}", str(error)))
            else:
                hint = "(a preview can do without it if server, caData and identifier are set)"
                self._refuse(f"cluster.{key}", f"{error} {hint}")
        except sources.SourceError as error:
            self._refuse(f"cluster.{key}", str(error))
        else:
            self.administrators = found.tokens
            return found
        return None

    def _authority(self, identity: IdentitySection | None) -> AuthoritySettings | None:
        """The certificate authority of issuer ca; every problem of it at once."""
        if identity is None:
            # What is wrong there is reported.
            identity = salvaged(IdentitySection, self.raw.get("identity"))
        if identity is None or identity.issuer != "ca":
            if identity is not None and identity.ca is not None:
                self._refuse("identity.ca", "is for issuer ca: set identity.issuer to ca, or leave it out")
            return None
        ca = identity.ca
        if ca is None:
            if not any(problem.path.startswith("identity.ca") for problem in self.problems):
                example = "{certificateFile: secrets/ca.pem, privateKeyFile: secrets/ca-key.pem}"
                self._refuse("identity.ca", f"required with issuer ca, for example {example}")
            return None
        certificate = self._authority_text("certificate", ca.certificate_file, ca.certificate)
        secret = ca.private_key.get_secret_value() if ca.private_key else None
        key = self._authority_text("privateKey", ca.private_key_file, secret)
        if secret is not None:
            place = ("identity", "ca", "privateKey")
            self._refuse_plain(place, place)
        found = authority.examined(certificate, key, datetime.now(UTC))
        for part, message in found.problems:
            file = ca.certificate_file if part == "certificate" else ca.private_key_file
            self._refuse(f"identity.ca.{part}{'' if file is None else 'File'}", message)
        if found.certificate is None:
            return None
        return AuthoritySettings(found.certificate, SecretStr(found.key) if found.key else None)

    def _with_static_token(self, identity: IdentitySection | None) -> IdentitySection | None:
        """With the token of client static read from its file, where it has one and that is there."""
        # What is wrong elsewhere there is reported.
        known = identity or salvaged(IdentitySection, self.raw.get("identity"))
        static = known.static if known else None
        if known is not None and (known.client == "static") != (static is not None):
            if static is not None:
                words = "is for client static: set identity.client to static, or leave it out"
                self._refuse("identity.static", words)
            elif not any(problem.path.startswith("identity.static") for problem in self.problems):
                words = "required with client static, for example {tokenFile: secrets/bootstrap-token}"
                self._refuse("identity.static", words)
            return identity
        token = self._static_token(static) if static is not None else None
        if identity is None or static is None or token is None:
            return identity
        return identity.model_copy(update={"static": static.model_copy(update={"token": token})})

    def _static_token(self, static: StaticTokenSection) -> SecretStr | None:
        secret = static.token.get_secret_value() if static.token else None
        text = self._file_or_text(
            "identity.static", "token", static.token_file, secret, "secrets/bootstrap-token", is_secret=True
        )
        if secret is not None:
            place = ("identity", "static", "token")
            self._refuse_plain(place, place)
        if text is None:
            return None
        where = f"identity.static.token{'File' if static.token_file else ''}"
        try:
            token = _STATIC_TOKEN.validate_python(text.strip())
        except ValidationError:
            self._refuse(where, "expected a file with the token alone, on one line")
            return None
        if token.get_secret_value() in self.administrators:
            self._refuse(
                where,
                "is an administrator's, of the kubeconfig, and would stand on every host: give the token of a user "
                "that may ask for certificates and nothing else",
            )
        return token

    def _authority_text(self, part: str, file: str | None, text: str | None) -> str | None:
        """The contents of one of its two parts; None if there are none to be had."""
        example = "secrets/ca.pem" if part == "certificate" else "secrets/ca-key.pem"
        return self._file_or_text("identity.ca", part, file, text, example, is_secret=part == "privateKey")

    def _file_or_text(
        self, section: str, part: str, file: str | None, text: str | None, example: str, *, is_secret: bool
    ) -> str | None:
        """What stands in one of two keys. A file with a secret may be missing in a preview."""
        where = f"{section}.{part}"
        if (file is None) == (text is None):
            # One that is wrong itself is reported, and left out here.
            if not any(problem.path.startswith(where) for problem in self.problems):
                found = "both are given" if file else f"none is given, for example {part}File: {example}"
                self._refuse(where, f"expected exactly one of {part}File, {part}; {found}")
            return None
        if file is None:
            return text
        try:
            return sources.text_of(self.project_dir, file)
        except sources.SourceMissingError as error:
            if is_secret:
                self.missing.append(Problem(f"{where}File", str(error)))
            else:
                self._refuse(f"{where}File", str(error))
        except sources.SourceError as error:
            self._refuse(f"{where}File", str(error))
        return None

    def _downloads(self, section: DownloadsSection | None) -> Downloads | None:
        if section is None:
            return None
        if section.checksums_file is None:
            return Downloads(section, {})
        try:
            return Downloads(
                section, sources.checksums_of(sources.text_of(self.project_dir, section.checksums_file))
            )
        except sources.SourceError as error:
            self._refuse("downloads.checksumsFile", str(error))
            return Downloads(section, None)

    def _private_key(
        self, draft: NodeDraft, section: SshSection | BastionSection, *where: str
    ) -> SecretStr | None:
        if section.private_key_file is None:
            return section.private_key
        at = draft.at(*where, "privateKeyFile")
        try:
            return SecretStr(sources.private_key_of(self.project_dir, section.private_key_file))
        except sources.SourceMissingError as error:
            self.missing.append(Problem(at, str(error)))
        except sources.SourceError as error:
            self._refuse(at, str(error))
        return None

    def _bastion(self, draft: NodeDraft, bastion: BastionSection) -> BastionSettings:
        return BastionSettings(
            address=bastion.address,
            user=bastion.user,
            port=bastion.port,
            private_key=self._private_key(draft, bastion, "ssh", "bastion"),
            private_key_file=bastion.private_key_file,
            password=bastion.password,
            host_key=_host_key(bastion.host_key),
        )

    def _connection(self, draft: NodeDraft, ssh: SshSection) -> ConnectionSettings:
        return ConnectionSettings(
            user=ssh.user,
            port=ssh.port,
            private_key=self._private_key(draft, ssh, "ssh"),
            private_key_file=ssh.private_key_file,
            agent=ssh.agent,
            password=ssh.password,
            host_key=_host_key(ssh.host_key),
            insecure_ignore_host_key=ssh.insecure_ignore_host_key,
            dial_error_limit=ssh.dial_error_limit,
            per_dial_timeout_seconds=ssh.per_dial_timeout_seconds,
            bastion=self._bastion(draft, ssh.bastion) if ssh.bastion else None,
        )

    # Contradictions between sections and between nodes

    def _check_server(self, server: str, *, is_derived: bool) -> None:
        host = types.host_of(server)
        if not server.startswith("https://"):
            self._refuse(
                "cluster.server", "expected an https URL, and the kubeconfig has another: set cluster.server"
            )
        elif host == "localhost" or (types.is_ip(host) and ipaddress.ip_address(host).is_loopback):
            where = (
                "the kubeconfig's server is a loopback address"
                if is_derived
                else "this is a loopback address"
            )
            message = (
                f"{where}, which nodes cannot reach: set one they can, for example https://10.0.0.1:6443"
            )
            self._refuse("cluster.server", message)

    def _check_renewal(self, identity: IdentitySection | None) -> None:
        if identity is not None and identity.early_renewal_hours >= identity.certificate_validity_hours:
            hours = identity.certificate_validity_hours
            self._refuse(
                "identity.earlyRenewalHours", f"expected less than certificateValidityHours, which is {hours}"
            )

    def _check_plain(self, draft: NodeDraft) -> None:
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
                self._refuse_plain(draft.place(*location), location)

    def _refuse_plain(self, place: Location, shared: Location) -> None:
        """`shared`: where it would stand for all nodes."""
        if self.encrypted is None:
            return
        if place[0] == "nodes" and "nodes" not in self.raw:
            elsewhere = f"is a secret, and nodesFile has no encrypted values: set it in {dotted(shared)}"
            self._refuse(dotted(place), elsewhere)
        elif place[0] not in self.encrypted:
            self._refuse(dotted(place), f"is a secret, and so must be encrypted: {plain.command(place)}")

    # The result

    def _node(
        self,
        draft: NodeDraft,
        cluster: ClusterSettings | None,
        downloads: Downloads | None,
        identity: IdentitySection | None,
    ) -> NodeSettings | None:
        connection = self._connection(draft, draft.ssh) if draft.ssh else None
        artifacts = _artifacts(draft, downloads)
        own, host, docker, calico = draft.own, draft.host, draft.docker, draft.calico
        kubelet, kube_proxy, minor, version = draft.kubelet, draft.kube_proxy, draft.minor, draft.version
        node_ip = addresses.node_ip_of(own) if own else None
        if not (cluster and connection and artifacts and own and host and docker and calico):
            return None
        if not (kubelet and kube_proxy and identity and minor and version and node_ip):
            return None
        return NodeSettings(
            name=draft.name,
            address=own.address,
            node_ip=node_ip,
            labels=own.labels,
            annotations=own.annotations,
            taints=own.taints,
            kubernetes_version=version,
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
        )


def _artifacts(draft: NodeDraft, downloads: Downloads | None) -> NodeArtifacts | None:
    host, docker, calico, version, minor = draft.host, draft.docker, draft.calico, draft.version, draft.minor
    proxy = draft.kube_proxy
    if not (host and docker and calico and version and minor and proxy) or downloads is None:
        return None
    adapter = docker.cri_dockerd if minor.runtime.needs_cri_dockerd else None
    plugins = calico.cni_plugins
    arch = host.architecture
    return NodeArtifacts(
        kubelet=downloads.kubernetes("kubelet", version, arch),
        kube_proxy=None if proxy.mode == EXISTING else downloads.kubernetes("kube-proxy", version, arch),
        cri_dockerd=downloads.cri_dockerd(adapter.version.removeprefix("v"), arch) if adapter else None,
        cni_plugins=downloads.cni_plugins(plugins.version.removeprefix("v"), arch) if plugins else None,
        images=tuple(
            downloads.image(image, draft.at("docker", "images", number))
            for number, image in enumerate(docker.images)
        ),
    )


_Error = tuple[tuple[int | str, ...], str, str]


def _validated(model: type[SectionT], value: object) -> tuple[SectionT | None, list[_Error]]:
    """The section, or where it is wrong, in words, and the kind of the error."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        return None, [
            (_location(tuple(item["loc"])), explained(item, model), item["type"]) for item in details
        ]


def _location(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Without the mark that pydantic adds for an error in a key of a map."""
    return location[:-1] if location and location[-1] == "[key]" else location


def _node_section(draft: NodeDraft, key: str, model: type[SectionT]) -> SectionT | None:
    base, over = draft.defaults.get(key), draft.raw.get(key)
    if base is not None and not isinstance(base, Mapping):
        return None  # Reported where it stands; what it lacks is no second problem.
    base, over = {} if base is None else base, {} if over is None else over
    if key == "ssh" and isinstance(base, Mapping) and isinstance(over, Mapping):
        below = base.get("bastion"), over.get("bastion")
        base = _without_replaced(base, over)
        if isinstance(below[0], Mapping) and isinstance(below[1], Mapping):
            base["bastion"] = _without_replaced(below[0], below[1])
    found, errors = _validated(model, merged(base, over))
    for location, message, _ in errors:
        draft.refuse(message, key, *location)
    return salvaged(model, merged(base, over)) if errors else found


def _without_replaced(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    replaced = {name for names in _EITHER_OR if any(name in over for name in names) for name in names}
    return {name: value for name, value in base.items() if name not in replaced}


def _host_key(text: str | None) -> str | None:
    """Without the comment, which is no part of the key."""
    return " ".join(text.split()[:2]) if text else None
