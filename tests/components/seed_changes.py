"""docs/seed-to-modern.md: what changes from the walkthrough's node to one of today, place by place, and why.

Both nodes are rendered; only the reasons are written by hand. `python -m tests.components.seed_changes` writes it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.components import seed

PAGE = Path(__file__).parents[2] / "docs/seed-to-modern.md"
MODERN = "1.37.2"

_GONE_WITH_DOCKERSHIM = "went with dockershim in 1.24: cri-dockerd has it"
_JOURNAL = "gone since 1.26: the journal has the log, bounded and with the unit's own lines"
_SLOW = "the default is ten to twenty times as much since 1.27: this froze the slow one"
_NO_EFFECT = "without effect since 1.28"
_SOFT = "an absolute soft threshold lies below a hard one in percent on every larger disk, and never acts"
_LINKS = "the place of today"
_NETWORK = "`network.target` does not wait for an address"
_AGAIN = "it ends by itself when its configuration changes, and after five tries in a row it would stay down"
_IN_THE_FILE = "the file has it, and a preview shows the file line by line"
_SHORT = "one question to the API server each second for each client: the default"

# (file, place): why
REASONS: Mapping[tuple[str, str], str] = {
    (
        "cri-docker.service",
        "the whole file",
    ): "the kubelet has no dockershim from 1.24 on: this takes its place",
    (
        "cri-docker.socket",
        "the whole file",
    ): "the kubelet has no dockershim from 1.24 on: this takes its place",
    (
        "daemon.json",
        "exec-opts",
    ): "one driver for Docker, kubelet and systemd: two of them fight over the same groups",
    ("kube-proxy.service", "--cluster-cidr"): _IN_THE_FILE,
    ("kube-proxy.service", "--config"): "what has no flag can be set, and the file is checked field by field",
    ("kube-proxy.service", "--hostname-override"): _IN_THE_FILE,
    ("kube-proxy.service", "--kubeconfig"): _IN_THE_FILE,
    ("kube-proxy.service", "--log-dir"): _JOURNAL,
    ("kube-proxy.service", "--logtostderr"): _JOURNAL,
    ("kube-proxy.service", "--proxy-mode"): _IN_THE_FILE,
    ("kube-proxy.service", "Service.Restart"): _AGAIN,
    ("kube-proxy.service", "Service.RestartSec"): "a pause between two tries",
    ("kube-proxy.service", "Unit.After"): _NETWORK,
    ("kube-proxy.service", "Unit.Description"): _LINKS,
    ("kube-proxy.service", "Unit.Documentation"): _LINKS,
    ("kube-proxy.service", "Unit.StartLimitIntervalSec"): "it never stops trying",
    ("kube-proxy.service", "Unit.Wants"): _NETWORK,
    ("kube-proxy.yaml", "detectLocalMode"): "in so many words: clusterCIDR decides what is local",
    (
        "kube-proxy.yaml",
        "mode",
    ): "Calico 3.0 allowed iptables alone; ipvs is deprecated since 1.35. nftables is one word away",
    ("kube-proxy.yaml", "portRange"): "it was for the userspace proxy, which went with 1.26",
    ("kubelet.service", "--allow-privileged"): "gone since 1.15: Pod Security Admission decides",
    ("kubelet.service", "--log-dir"): _JOURNAL,
    ("kubelet.service", "--logtostderr"): _JOURNAL,
    ("kubelet.service", "--network-plugin"): _GONE_WITH_DOCKERSHIM,
    ("kubelet.service", "--pod-infra-container-image"): "gone since 1.35: cri-dockerd has it",
    ("kubelet.service", "--rotate-certificates"): "a field since 1.11",
    ("kubelet.service", "Service.Restart"): "a kubelet that ends for any reason starts again",
    ("kubelet.service", "Service.RestartSec"): "a pause between two tries",
    (
        "kubelet.service",
        "Service.WorkingDirectory",
    ): "nothing needs it, and where it is missing the unit fails",
    ("kubelet.service", "Unit.After"): _NETWORK,
    ("kubelet.service", "Unit.Description"): _LINKS,
    ("kubelet.service", "Unit.Documentation"): _LINKS,
    ("kubelet.service", "Unit.Requires"): "with it a restart of Docker stops the kubelet",
    ("kubelet.service", "Unit.StartLimitIntervalSec"): "it never stops trying",
    ("kubelet.service", "Unit.Wants"): "starts Docker and the adapter, and does not stop with them",
    ("kubelet.yaml", "authentication.webhook.cacheTTL"): _SHORT,
    (
        "kubelet.yaml",
        "authorization.mode",
    ): "any certificate of the cluster's CA could run commands in every pod",
    ("kubelet.yaml", "authorization.webhook.cacheAuthorizedTTL"): _SHORT,
    ("kubelet.yaml", "authorization.webhook.cacheUnauthorizedTTL"): _SHORT,
    ("kubelet.yaml", "cgroupDriver"): "that of Docker; from 1.31 on the kubelet asks the runtime itself",
    (
        "kubelet.yaml",
        "configMapAndSecretChangeDetectionStrategy",
    ): "as in the walkthrough, whose release lacks the field",
    ("kubelet.yaml", "containerRuntimeEndpoint"): "there is a socket to name now",
    ("kubelet.yaml", "eventBurst"): _SLOW,
    ("kubelet.yaml", "eventRecordQPS"): _SLOW,
    ("kubelet.yaml", "evictionHard.imagefs.inodesFree"): "a signal that is left out is off",
    ("kubelet.yaml", "evictionMaxPodGracePeriod"): "of soft eviction alone, which is not used",
    ("kubelet.yaml", "evictionPressureTransitionPeriod"): "the default of 5m keeps a node from flapping",
    ("kubelet.yaml", "evictionSoft.memory.available"): _SOFT,
    ("kubelet.yaml", "evictionSoft.nodefs.available"): _SOFT,
    ("kubelet.yaml", "evictionSoftGracePeriod.memory.available"): _SOFT,
    ("kubelet.yaml", "evictionSoftGracePeriod.nodefs.available"): _SOFT,
    ("kubelet.yaml", "failSwapOn"): "a host with swap is refused, unless host.swap says otherwise",
    (
        "kubelet.yaml",
        "featureGates.ExtendWebSocketsToKubelet",
    ): "cri-dockerd streams over plain HTTP: exec fails with the gate",
    (
        "kubelet.yaml",
        "featureGates.RotateKubeletClientCertificate",
    ): "gone since 1.22, and a kubelet does not start with it",
    (
        "kubelet.yaml",
        "featureGates.RotateKubeletServerCertificate",
    ): "on by default since 1.12; the field below is what asks",
    ("kubelet.yaml", "hairpinMode"): "without effect with a network plugin, and nothing reads it any more",
    ("kubelet.yaml", "httpCheckFrequency"): "the default, of a source of pods that is not used",
    ("kubelet.yaml", "iptablesDropBit"): _NO_EFFECT,
    ("kubelet.yaml", "iptablesMasqueradeBit"): _NO_EFFECT,
    ("kubelet.yaml", "kubeAPIBurst"): _SLOW,
    ("kubelet.yaml", "kubeAPIQPS"): _SLOW,
    ("kubelet.yaml", "registerNode"): "in so many words",
    (
        "kubelet.yaml",
        "rotateCertificates",
    ): "this, and not the gate of the same words, renews the certificate",
    (
        "kubelet.yaml",
        "serverTLSBootstrap",
    ): "a serving certificate of the cluster, so that the API server can tell who answers",
    ("packages", "conntrack"): "kube-proxy talks to the kernel itself since 1.32",
}

_HEAD = f"""\
# From the walkthrough to a modern node

What changes in the files of a node between `profile: seed-1.10` and this project's own values for Kubernetes {MODERN},
and why. Both are rendered; this page is generated by `make docs`; do not edit it. What the profile renders, and how
that differs from the walkthrough itself: [seed.md](seed.md).

Beside the files: a kubelet asks for its certificate with a token of its own that ends after an hour, instead of one of
all nodes that never ends; the stack approves exactly the request that it expects, instead of somebody by hand; keys are
of elliptic curves. kube-proxy's unit is compared with that of its first way, and its file with that of the second.

| file | place | walkthrough | modern | why |
|---|---|---|---|---|
"""


def changes(directory: Path) -> Iterator[tuple[str, str, str, str]]:
    """File, place, the walkthrough's value and today's."""
    flags = seed.rendered(seed.node(directory))
    file = seed.rendered(seed.node(directory, configured_by="file"))
    old = {**flags, "kube-proxy.yaml": file["kube-proxy.yaml"]}
    new = seed.rendered(seed.node(directory, modern=MODERN))
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            before, after = (("there" if name in one else seed.ABSENT) for one in (old, new))
            yield name, "the whole file", before, after
            continue
        different = seed.difference(seed.places(name, old[name]), seed.places(name, new[name]))
        for place, (before, after) in different.items():
            yield name, place, before, after


def page(directory: Path) -> str:
    """The whole page."""
    lines = [
        f"| `{file}` | {place if ' ' in place else f'`{place}`'} | {_cell(before)} | {_cell(after)} "
        f"| {REASONS.get((file, place), '')} |"
        for file, place, before, after in changes(directory)
    ]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _cell(value: str) -> str:
    return value if value in (seed.ABSENT, "there", "installed") else f"`{value}`"


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as directory:
        PAGE.write_text(page(Path(directory)), encoding="utf-8")


if __name__ == "__main__":
    main()
