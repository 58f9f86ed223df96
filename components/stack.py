"""The steps of the program: configuration in, resources out. `__main__.py` calls them in order.

Owns the glue between pulumi's own words (configuration, stack, outputs) and the components. Does not own any resource.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pulumi
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env

from components import rollout
from components.api.node import labels_of
from components.cluster import facts as cluster_facts
from components.cluster import objections, previous
from components.cluster.calico import ClusterCalico, ClusterCalicoArgs
from components.cluster.cluster import Cluster
from components.cluster.marks import Marks
from components.disruption import disruption_digest
from components.node import Node
from components.pki.issued import Issuing
from components.remote.command import Kubeconfig
from components.settings import SettingsError, StackSettings, load, sources, stackfile
from components.settings.authority import early_end
from components.settings.risks import risks
from components.verification.component import Verification, VerificationArgs, namespace_of

# To the language host: what went wrong has been said.
_SAID = 32


class Refused(SystemExit):
    """Ends the program with an error for the user. Raised by itself, it would get a second line, of an exit code."""

    def __init__(self, text: str) -> None:
        super().__init__(_SAID)
        self.text = text
        pulumi.log.error(text)


def end_quietly() -> None:
    """When the engine gives a run up it interrupts this program, whose traceback would bury the real error."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def claim() -> str:
    """Whose the hosts and Nodes of this stack are."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def settings() -> StackSettings:
    """The stack's configuration, or every problem in it at once."""
    try:
        prefix = f"{pulumi.get_project()}:"
        encrypted = {key.removeprefix(prefix) for key in get_config_secret_keys_env()}
        raw = _raw_configuration()
        file = _file_of(raw)
        loaded = load(
            raw,
            Path.cwd(),
            encrypted,
            noted=file.problems if file else stackfile.strangers(get_config_env(), pulumi.get_project()),
            encrypted_at=file.encrypted if file else None,
        )
        if not pulumi.runtime.is_dry_run():
            loaded.require_files()
        for problem in loaded.missing:
            pulumi.log.warn(
                f"{problem}. Enough for a preview, not for an up: what it would change is not shown."
            )
        for text in (*risks(loaded.identity, loaded.nodes.values()), *map(str, loaded.notices)):
            pulumi.log.warn(text)
    except SettingsError as error:
        raise Refused(f"the configuration of stack {pulumi.get_stack()} has problems:\n{error}") from None
    return loaded


def _raw_configuration() -> dict[str, object]:
    """Every key of the project's namespace, so that a misspelled one is found too. Values arrive as text or JSON."""
    prefix = f"{pulumi.get_project()}:"
    own = {key: text for key, text in get_config_env().items() if key.startswith(prefix)}
    return stackfile.raw_of({key.removeprefix(prefix): text for key, text in own.items()})


def _file_of(raw: Mapping[str, object]) -> stackfile.StackFile | None:
    """The stack file, which knows what Pulumi is silent about; None if it is not the one that this run was given."""
    project, name = pulumi.get_project(), f"Pulumi.{pulumi.get_stack()}.yaml"
    try:
        file = stackfile.stack_file(sources.document(sources.text_of(Path.cwd(), name), name), project, name)
    except sources.SourceError:
        return None
    return file if stackfile.is_of(file, raw) else None


def kubeconfig(settings: StackSettings) -> Kubeconfig:
    """A path is kept as given; contents are a secret."""
    contents = settings.cluster.kubeconfig
    return Kubeconfig(
        path=settings.cluster.kubeconfig_file,
        contents=pulumi.Output.secret(contents.get_secret_value()) if contents else None,
        plain_contents=contents.get_secret_value() if contents else None,
        context=settings.cluster.context,
    )


def facts(settings: StackSettings) -> cluster_facts.Facts:
    """The one read of the API; refuses here, before anything is written, what must not be done."""
    labels = {name: labels_of(node.labels) for name, node in settings.nodes.items()}
    proof = settings.verification
    namespace = namespace_of(proof, claim()) if proof.enabled else None
    found = cluster_facts.read(
        kubeconfig(settings), claim(), labels, namespace, calico=settings.calico.is_calico
    )
    if not found.reachable:
        found = replace(found, marks_before=previous.marks(previous.nodes(claim())))
    identity, authority = settings.identity, settings.authority
    end = (
        early_end(authority.certificate_pem, identity.certificate_validity_hours, datetime.now(UTC))
        if authority
        else None
    )
    if end is not None:
        pulumi.log.warn(
            f"identity.ca ends on {end:%Y-%m-%d}, before a certificate of {identity.certificate_validity_hours} hours "
            f"that it signs now: nobody trusts that one any longer then. Exchange the authority in time."
        )
    for warning in [
        *objections.warnings(found, settings.nodes, settings.authority),
        *objections.calico_warnings(found, settings.calico),
    ]:
        pulumi.log.warn(warning)
    for line in objections.untold(found, settings.nodes, settings.authority):
        pulumi.log.info(line)
    problems = [
        *objections.refusals(found, claim(), settings.nodes, settings.authority),
        *objections.calico_refusals(found, claim(), settings.calico, settings.nodes),
    ]
    if problems:
        raise Refused("refused, nothing was changed:\n" + "\n".join(problems))
    return found


# Six of them are the SDK's own, which it leaves out; the others lead from the resource to its part.
_STACK_FRAMES = 9


@contextmanager
def _short_stack_traces() -> Iterator[None]:
    """The SDK keeps in the state where each resource was made; most of it is what called this program.

    Only while resources are made: an error's own traceback stays whole.
    """
    had = hasattr(sys, "tracebacklimit")
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _STACK_FRAMES
    try:
        yield
    finally:
        if had:
            sys.tracebacklimit = before
        else:
            del sys.tracebacklimit


@_short_stack_traces()
def cluster(settings: StackSettings) -> Cluster:
    """The provider, the rights of the nodes, kube-proxy's identity."""
    return Cluster(
        "cluster",
        {
            "identifier": settings.cluster.identifier,
            "issuing": Issuing(
                kubeconfig=kubeconfig(settings),
                claim=claim(),
                key_algorithm=settings.identity.key_algorithm,
                validity_hours=settings.identity.certificate_validity_hours,
                early_renewal_hours=settings.identity.early_renewal_hours,
                authority=settings.authority,
            ),
            "identity": settings.identity,
            "runs_kube_proxy": any(node.runs_kube_proxy for node in settings.nodes.values()),
        },
    )


@_short_stack_traces()
def calico(settings: StackSettings, cluster: Cluster) -> list[pulumi.Resource]:
    """The pod network's objects, if the stack installs it: before the first node, and after the last one."""
    if not settings.calico.is_installed:
        return []
    args: ClusterCalicoArgs = {
        "settings": settings.calico,
        "kubeconfig": kubeconfig(settings),
        "claim": claim(),
        "provider": cluster.provider,
    }
    return ClusterCalico("calico", args).objects


@_short_stack_traces()
def nodes(
    settings: StackSettings,
    found: cluster_facts.Facts,
    cluster: Cluster,
    network: Sequence[pulumi.Resource] = (),
) -> dict[str, Node]:
    """Every node of the stack; those that this run will drain wait for the batch before theirs."""
    serving = {name: node.in_service for name, node in found.nodes.items()}
    wanted = {name: disruption_digest(node) for name, node in settings.nodes.items()}
    marks = cluster_facts.marks(found, wanted)
    before = rollout.predecessors(rollout.waves(serving, wanted, settings.rollout.batch_size))
    made: dict[str, Node] = {}
    for name in [*before, *(name for name in sorted(settings.nodes) if name not in before)]:
        made[name] = Node(
            name,
            {
                "settings": settings.nodes[name],
                "cluster": cluster,
                "kubeconfig": kubeconfig(settings),
                "claim": claim(),
                "drain": settings.drain,
                "timeouts": settings.timeouts,
                "marks": marks.get(name, Marks()),
                "before": [made[other].in_service for other in before.get(name, [])],
                "reapply": settings.rollout.reapply.get(name, ""),
                "network": list(network),
                "is_calico": settings.calico.is_calico,
            },
        )
    return made


@_short_stack_traces()
def verification(settings: StackSettings, nodes: dict[str, Node], cluster: Cluster) -> Verification | None:
    """The walkthrough's last chapter, if the stack asks for it."""
    if not settings.verification.enabled:
        return None
    proof = Verification(
        "verification",
        VerificationArgs(
            settings=settings,
            nodes=nodes,
            provider=cluster.provider,
            kubeconfig=kubeconfig(settings),
            claim=claim(),
        ),
    )
    pulumi.export("verification", proof.answers)
    return proof


def outlast_failures(nodes: dict[str, Node], proof: Verification | None) -> None:
    """Go on until every node is in service or cannot be: with --continue-on-error one must not stop the others.

    Left to itself the program ends at the first resource that waits for one that failed, and what the other nodes would
    have registered after that is never made. A failed proof would end it with a traceback over the message that counts.
    """

    async def until_the_last() -> None:
        last = [node.in_service for node in nodes.values()] + (proof.last if proof else [])
        ends = [resource.urn.future() for resource in last]
        found = await asyncio.gather(*ends, return_exceptions=True)
        if any(isinstance(end, BaseException) for end in found):
            os._exit(_SAID)

    pulumi.run(until_the_last)
