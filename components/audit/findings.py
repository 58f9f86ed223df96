"""What hosts answered, as findings, and how it is told. Pure.

Owns the lines that a host prints (`host.sh`, `claim.sh`) and the two reports. Does not own how a host is asked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

CLEAN, DRIFTED, UNASKED = 0, 1, 2
CLAIM = "claim"


class AnswerError(ValueError):
    """An answer that is not whole."""


@dataclass(frozen=True)
class Finding:
    """One thing of a part that is not as it was applied."""

    part: str
    thing: str
    expected: str
    found: str


@dataclass(frozen=True)
class Audit:
    """One host: what was checked and found, or why it could not be asked."""

    node: str
    address: str
    checked: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: str = ""

    @property
    def code(self) -> int:
        """The exit code that this host alone would give."""
        return UNASKED if self.error else DRIFTED if self.findings else CLEAN

    @property
    def is_ours(self) -> bool:
        """Whether the host carries the claim of this stack, without which nothing may be applied to it."""
        return all((one.part, one.thing) != (CLAIM, CLAIM) for one in self.findings)


def answered(node: str, address: str, text: str, parts: Collection[str]) -> Audit:
    """The audit that a host's lines tell. `parts` were applied to it; one that it does not know is a finding too."""
    found: list[Finding] = []
    checked: tuple[str, ...] | None = None
    for line in text.splitlines():
        kind, *words = line.split("\t")
        if kind == "finding" and len(words) >= 4:
            found.append(Finding(*words[:4]))
        elif kind == "checked" and words:
            checked = tuple(words[0].split())
    if checked is None:
        raise AnswerError("its answer is not whole")
    audit = Audit(node, address, checked, tuple(found))
    if audit.is_ours:
        scripts = {one.thing.rpartition("/")[2]: one.found for one in found if one.part == CLAIM}
        found += [
            Finding(part, f"part {part}", "checked", _why_not(part, scripts))
            for part in parts
            if part not in checked
        ]
    return Audit(node, address, checked, tuple(found))


def _why_not(part: str, scripts: Mapping[str, str]) -> str:
    """Why a part was not checked, by what was found of the toolkit's scripts."""
    of_it = [scripts[name] for name in (part, "lib.sh", CLAIM) if name in scripts]
    if not of_it:
        return "no record of it"
    return "its script is gone" if "nothing" in of_it else "its script was edited, and is not run"


def code(audits: Sequence[Audit]) -> int:
    """A host that could not be asked weighs more than drift: nobody knows what it hides."""
    return max((audit.code for audit in audits), default=CLEAN)


def text(audits: Sequence[Audit], notes: Sequence[str]) -> str:
    """One line for each finding, then one for all."""
    lines = [f"note: {note}" for note in notes]
    for audit in audits:
        start = f"{audit.node} ({audit.address})"
        if audit.error:
            lines.append(f"{start}: could not be asked: {audit.error}")
        lines += [
            f"{start}: {one.part}: {one.thing}: expected {one.expected}, found {one.found}"
            for one in audit.findings
        ]
    counts = [sum(1 for audit in audits if audit.code == kind) for kind in (CLEAN, DRIFTED, UNASKED)]
    words = ("as applied", "drifted", "not asked")
    told = ", ".join(f"{count} {word}" for count, word in zip(counts, words, strict=True) if count)
    lines.append(f"{len(audits)} host{'' if len(audits) == 1 else 's'}: {told or 'nothing to ask'}")
    return "\n".join(lines)


def as_json(audits: Sequence[Audit], notes: Sequence[str]) -> str:
    """The same for programs."""
    words = {CLEAN: "clean", DRIFTED: "drifted", UNASKED: "unasked"}
    hosts = [{**asdict(audit), "state": words[audit.code]} for audit in audits]
    return json.dumps({"hosts": hosts, "notes": list(notes)}, indent=2)
