"""Puts a healthy node into service; at its removal drains it, before anything else of the node is undone.

Arguments: node, digest, runId (of out-of-service; only there to run after it), timeoutSeconds 180, drain (as
for out-of-service), kubeletVersion (optional: the release that must have reported), renewedAfter (optional
RFC 3339, by the host's clock: a Lease renewal after it is proof of life), stack (optional: a Node that
another stack claims is refused), taints (a list of {key, effect, value}: those that the configuration gives
the node), heal (optional: what the run healed; remembered in the annotation kubenode/healed), returned (optional: how
often a run made up for one that ended while the node was out of service; remembered in kubenode/returned), network
(optional: calico, if the pod network is Calico's).

A Node that was never in service and has the machine-id of another Node is refused: a machine that was cloned. Only the
API knows, for hosts do not see each other.

apply  Waits for proof that the kubelet of now works: Ready=True, reported by it, and a Lease that it renewed; until
       the control plane has taken off what keeps pods from a node that is not Ready; with Calico also for
       calico-node on the node (components.local.calico_node).
       Then, in one write of the Node: annotation kubenode/in-service, the configuration's taints on and our
       own off, uncordoned if the cordon was ours. Prints what the node is then, as JSON
       (components.local.node_report). Fails before its time if the control plane has given the kubelet up.
remove No Node: nothing. Else cordon, taint, drain; a drain that fails leaves cordon and taint as they were.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from components.local import calico_node, node_writes, nodes, ways_out
from components.local.arguments import Arguments
from components.local.disruption import BY_OTHERS, with_in_service
from components.local.drain import DrainPolicy
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError, items
from components.local.node_report import report
from components.local.out_of_service import set_aside
from components.local.session import Session
from components.local.taints import Taint, with_taints
from components.local.waiting import GIVEN_UP_SECONDS, Wait

_LONGEST_REASON: Final = 120
# It has them from the state, and the node may be out of the configuration by now.
_SETTINGS_OF_A_REMOVAL: Final = (
    "A removal takes drain.* as the last 'pulumi up' with this node left it: with the node in the configuration, "
    "'pulumi up' with the other setting, then remove it, or destroy, again"
)
_PROCESS_START = re.compile(r"^process_start_time_seconds ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Proof:
    """What would show that the kubelet of now renewed its Lease."""

    first_renewal: datetime | None
    """The renewal that was there when the program started: a later one is new, whatever the clocks say."""
    kubelet_started: datetime | None
    """When the kubelet that answers now was started, by the host's clock, which also stamps Lease and
heartbeat."""


def shortcomings(node: Json | None, lease: Json | None, proof: Proof, version: str) -> list[str]:
    """What is still missing before the node may be put into service; empty when nothing is."""
    if node is None:
        return ["there is no such Node"]
    seen = nodes.view(node)
    missing: list[str] = []
    if not seen.is_ready:
        missing.append(f"the node is not Ready ({seen.conditions})")
    elif seen.held_back_by:
        missing.append(
            f"the control plane still keeps pods off it (its taint {', '.join(seen.held_back_by)}), "
            "which kube-controller-manager takes off a node that is Ready"
        )
    if version and nodes.version_number(seen.kubelet_version) != nodes.version_number(version):
        missing.append(
            f"kubelet {version} has not reported (the Node says {seen.kubelet_version or 'nothing'})"
        )
    last = nodes.renewed(lease)
    started = proof.kubelet_started
    if last is None:
        missing.append(f"the Lease kube-node-lease/{seen.name} does not exist")
    elif started is not None and last >= started:
        # Heartbeats have whole seconds; a starting kubelet reports its status at once.
        if seen.ready_heartbeat is None or seen.ready_heartbeat < started.replace(microsecond=0):
            missing.append("the kubelet has not reported its status since it was started")
    elif proof.first_renewal is not None and last <= proof.first_renewal:
        missing.append(
            f"the Lease kube-node-lease/{seen.name} was last renewed at {last:%H:%M:%S} UTC, not since"
        )
    return missing


def apply(session: Session, arguments: Arguments) -> None:
    node = arguments.node()
    digest = arguments.text("digest")
    heal, returned = arguments.text("heal", ""), arguments.text("returned", "")
    version = arguments.text("kubeletVersion", "")
    taints = [Taint.read(raw) for raw in arguments.objects("taints")]
    wait = Wait(arguments.integer("timeoutSeconds", 180, low=1), node)
    renewed_after = nodes.read_time(arguments.text("renewedAfter", ""))
    found, lease, started = session.kubectl.together(
        lambda: node_writes.find(session, node),
        lambda: session.kubectl.find(f"{PATHS.leases}/{node}"),
        lambda: renewed_after or kubelet_started(session, node),
    )
    proof = Proof(nodes.renewed(lease), started)
    has_calico = arguments.text("network", "") == "calico"
    while True:
        # Asked once a turn: the turn that ends the wait is the one that asks for every reason.
        is_last = wait.expired
        missing = shortcomings(found, lease, proof, version)
        if has_calico and found:
            missing += _network_faults(session, found, is_last=is_last)
        if not missing:
            break
        if found and nodes.is_unreachable(found) and wait.elapsed >= GIVEN_UP_SECONDS:
            raise Failure(
                f"{node}: not put into service, for the control plane has given its kubelet up: {'; '.join(missing)}. "
                f"Next: {ways_out.after_giving_up(node, nodes.view(found).claim)}"
            )
        if is_last:
            raise Failure(
                f"{node}: not put into service, for {wait.timeout_seconds:.0f} s: {'; '.join(missing)}. "
                f"Next: kubectl describe node {node}; on the host: journalctl -u kubelet -n 50"
            )
        wait.pause(
            f"until it is healthy: {textwrap.shorten(missing[0], _LONGEST_REASON, placeholder=' ...')}"
        )
        found, lease = session.kubectl.together(
            lambda: node_writes.find(session, node),
            lambda: session.kubectl.find(f"{PATHS.leases}/{node}"),
        )
    node_writes.check_claim(found, arguments)
    seen = nodes.view(found)
    if seen.in_service is None:
        check_machine(session, node)
    cordons: list[str | None] = []

    def change(current: Json) -> Json:
        cordons.append(nodes.view(current).cordoned_by)
        return with_in_service(with_taints(current, taints), digest, heal, returned)

    written = node_writes.rewrite(session, node, seen.uid, change)
    if nodes.view(written).unschedulable:
        whose = "it was before we came" if BY_OTHERS in cordons else "by somebody else"
        session.say(f"in service, but still cordoned ({whose}): kubectl uncordon {node}")
    session.result(json.dumps(report(written, metrics_of(session, node), datetime.now(UTC)), sort_keys=True))


def _network_faults(session: Session, node: Json, *, is_last: bool) -> list[str]:
    """What Calico lacks on the node; the last time with every reason that can be found."""
    pods = calico_node.pods_on(session, nodes.view(node).name)
    if calico_node.is_ready(pods):
        return []
    return calico_node.reasons(session, node, pods) if is_last else [calico_node.short(pods)]


def check_machine(session: Session, node: str) -> None:
    """Refuses a clone: logs, leases of addresses and pod networks tell machines apart by this id."""
    others = nodes.twins(node, items(session.kubectl.get(PATHS.nodes)))
    if others:
        raise Failure(
            f"{node}: not put into service: its host has the same /etc/machine-id as {', '.join(others)}, so one was "
            f"cloned from the other. Next, on the host of {node}: rm -f /etc/machine-id /var/lib/dbus/machine-id; "
            f"systemd-machine-id-setup; systemctl restart kubelet. Then run again"
        )


def remove(session: Session, arguments: Arguments) -> None:
    node = arguments.node()
    policy = DrainPolicy.read(arguments, _SETTINGS_OF_A_REMOVAL)
    found = node_writes.find(session, node)
    if found is None:
        return
    node_writes.check_claim(found, arguments)
    # A removal that is killed from here on may have taken back any part of a host while the state still has it.
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    set_aside(session, found, "removal", policy, began)


def kubelet_started(session: Session, node: str) -> datetime | None:
    """When the kubelet that answers now was started; None if it cannot be asked."""
    found = _PROCESS_START.search(metrics_of(session, node))
    return datetime.fromtimestamp(float(found.group(1)), UTC) if found else None


def metrics_of(session: Session, node: str) -> str:
    """The kubelet's metrics through the API server; empty if they cannot be had."""
    try:
        return session.kubectl.read(f"{PATHS.nodes}/{node}/proxy/metrics", timeout_seconds=5)
    except KubectlError:
        return ""
