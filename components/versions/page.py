"""docs/versions.md: the supported minors, made from their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from components.versions import MINORS, Minor, calico
from components.versions.fields import LIVES
from components.versions.flags import KUBELET as KUBELET_FLAGS
from components.versions.gates import GATES, STAGES
from components.versions.kinds import KUBE_PROXY, KUBELET
from components.versions.lives import NEVER, OLDEST, Life
from components.versions.proxy_flags import KUBE_PROXY as KUBE_PROXY_FLAGS

_HEAD = """\
# Kubernetes releases

Which minors a node may have, and what each is like. This page is generated from `components/versions`, by `make docs`;
do not edit it. How to add a minor: [guides/new-minor.md](guides/new-minor.md).

- **tested**: a kubelet and a kube-proxy of the minor read the rendered files in a test, strictly and without a
  complaint.
- **rendered**: the files are made by the tables of its source, which a test compares; none of its programs has read
  them here. A preview says so.

Any other minor is refused, with the nearest one named. No kubelet may be newer than the API server, and none older than
it by more minors than its row says; a preview refuses both.
"""

_GATES = """\
kubelet and kube-proxy of a minor have the same gates, and start with no other. A preview refuses a gate that the minor
does not have, and says which minors have it; and another value of a gate that is locked. It says which gates are
deprecated or generally available: a later release will not know them. From 1.35 on nothing starts with a gate that is
on and needs another that is off; a preview refuses that too. A gate that came with a patch release counts for the
whole minor.
"""
_COLUMNS = (
    "minor",
    "status",
    "runtime",
    "CRI",
    "cri-dockerd",
    "Docker Engine",
    "pause image",
    "conntrack package",
    "kube-proxy modes",
    "CSR API",
    "minors behind the API server",
    "cgroup v1",
    "Calico",
)
_AGE_UNKNOWN = "1.10 or before"
_AGES = ("name", "came with", "deprecated since", "gone with", "instead")


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_minors(), "", *_names(), "", *_gates()]) + "\n"


def _minors() -> Iterator[str]:
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|---" * len(_COLUMNS) + "|"
    for row in MINORS.values():
        yield f"| {' | '.join(_cells(row))} |"


def _cells(row: Minor) -> Iterator[str]:
    oldest = ".".join(str(part) for part in row.runtime.oldest_cri_dockerd)
    yield row.name
    yield row.status
    yield row.runtime.name
    yield row.runtime.cri
    yield f"{oldest} or newer" if row.runtime.needs_cri_dockerd else "none"
    yield row.runtime.docker
    yield f"`{row.pause_image}`"
    yield "needed" if "conntrack" in row.host_packages else "no"
    yield ", ".join(
        f"{mode} (deprecated)" if mode in row.aged_kube_proxy_modes else mode for mode in row.kube_proxy_modes
    )
    yield f"`{row.csr_api}`"
    yield f"at most {row.oldest_kubelet_skew}"
    yield "refused" if row.refuses_cgroup_v1 else "taken"
    yield calico.lines_for(row.number) or "none known"


def _names() -> Iterator[str]:
    yield "## Flags and fields that came, aged or went"
    yield ""
    yield "A preview refuses a name that the minor does not have, and says which minors have it. A deprecated one is"
    yield "taken, and the preview says what to do instead."
    tables = {
        "Flags of the kubelet": KUBELET_FLAGS,
        "Fields of the KubeletConfiguration": LIVES[KUBELET],
        "Flags of kube-proxy": KUBE_PROXY_FLAGS,
        "Fields of the KubeProxyConfiguration": LIVES[KUBE_PROXY],
    }
    for title, lives in tables.items():
        yield from (
            "",
            f"### {title}",
            "",
            "| name | came with | deprecated since | gone with | instead |",
            "|---|---|---|---|---|",
        )
        for name in sorted(lives):
            life = lives[name]
            if life != Life():
                yield f"| `{name}` | {' | '.join(_ages(life))} | {life.instead} |"


def _ages(life: Life) -> Iterator[str]:
    yield "" if life.since == OLDEST else f"1.{life.since}"
    yield (
        ""
        if life.deprecated == NEVER
        else "1.10 or before"
        if life.deprecated == OLDEST
        else f"1.{life.deprecated}"
    )
    yield _minor(life.gone)


def _gates() -> Iterator[str]:
    yield "## Feature gates"
    yield ""
    yield _GATES
    yield "| minor | gates | alpha | beta | generally available | deprecated | locked |"
    yield "|---|---|---|---|---|---|---|"
    for row in MINORS.values():
        stages = [stage for gate in GATES.values() if (stage := gate.at(row.number))]
        named = Counter(stage.name for stage in stages)
        numbers = [len(stages), *(named[name] for name in STAGES), sum(stage.is_locked for stage in stages)]
        yield f"| {row.name} | {' | '.join(str(number) for number in numbers)} |"


def _minor(number: int) -> str:
    return "" if number == NEVER else f"1.{number}"
