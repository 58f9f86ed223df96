"""The text of a pull request's comment, made of what `pulumi preview --diff` printed. Pure.

Owns the summary on top, the diff below, and that the whole is shorter than GitHub takes and holds nothing that looks
like a secret. Does not own where the comment goes (github).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ci.plan import Plan, plan_of
from components.local.errors import scrub

LIMIT: Final = 65_000
"""Bytes of a comment. GitHub refuses more than 65,536 characters; bytes are never fewer than characters."""

_MARKED: Final = re.compile(r"^( *)([-+~]{1,2})( )(.*)$")
_SIGNS: Final = {"~": "!", "+-": "!", "-+": "!", "++": "+", "--": "-"}
_OPS: Final = (
    ("create", "to create"),
    ("update", "to change"),
    ("replace", "to replace"),
    ("delete", "to delete"),
)


def marker(stack: str) -> str:
    """The first line of the comment, by which it is found again; invisible to readers."""
    return f"<!-- kubenode preview of {stack} -->"


def comment(stack: str, output: str, code: int, *, secrets: Iterable[str] = (), log: str = "") -> str:
    """The whole comment. `code` is the exit code of the preview, `log` the address of the job's log."""
    text = scrub(output.strip(), secrets)
    plan = plan_of(text)
    head = "\n".join([marker(stack), f"### Preview of `{stack}`", "", *_summary(plan, code), ""])
    where = f"[the job's log]({log})" if log else "the job's log"
    return (
        head
        + _folded([_marked(line) for line in text.splitlines()], LIMIT - len(head.encode()), where)
        + "\n"
    )


def _summary(plan: Plan, code: int) -> list[str]:
    if code != 0:
        return [f"**The preview failed** (exit code {code}). Nothing was changed."]
    if not plan.changes:
        return ["No changes."]
    counts = ", ".join(f"{plan.count(op)} {words}" for op, words in _OPS if plan.count(op))
    lines = [f"{counts or len(plan.changes)}."]
    if plan.drained:
        lines += ["", f"**Drained: {', '.join(f'`{name}`' for name in plan.drained)}**"]
    return lines


def _marked(line: str) -> str:
    """Signs in the first column, where GitHub's colours look for them."""
    found = _MARKED.match(line)
    if found is None:
        return f" {line}"
    indent, sign, space, rest = found.groups()
    return f"{_SIGNS.get(sign, sign)}{indent}{' ' * len(sign)}{space}{rest}"


def _folded(lines: list[str], room: int, where: str) -> str:
    """The lines as a block that opens with a click, as many as fit in `room` bytes."""
    # Longer than any fence within, so that nothing in the output ends the block.
    longest = max((len(run) for line in lines for run in re.findall(r"`{3,}", line)), default=2)
    fence = "`" * (longest + 1)

    def block(count: int) -> str:
        left = len(lines) - count
        note = f"\n{left} of {len(lines)} lines are left out; {where} has all of them.\n" if left else ""
        body = "\n".join(lines[:count])
        return f"<details><summary>Details</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n{note}"

    count, used = len(lines), len(block(len(lines)).encode())
    if used > room:
        # The note's numbers have at most as many digits as when nothing is shown.
        free = room - len(block(0).encode())
        count = 0
        for line in lines:
            free -= len(line.encode()) + 1
            if free < 0:
                break
            count += 1
    return block(count)
