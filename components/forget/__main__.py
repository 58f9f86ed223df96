"""`python -m components.forget NODE --stack STACK`: the command line."""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components import programs
from components.forget import state
from components.forget.state import Door, Lost

_PROJECT = Path(__file__).resolve().parents[2]
_DIAL_SECONDS = 5.0


class ForgetError(Exception):
    """What is in the way, for a person."""


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 if the node was not forgotten."""
    wanted = _parser().parse_args(arguments)
    try:
        _forget(wanted.node, wanted.stack, force=wanted.force)
    except (ForgetError, state.StateError) as error:
        print(f"kubenode: {error.args[0]}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.forget",
        description="Take a node whose host is gone out of its cluster and out of the state of its stack. Nobody logs "
        "in to its host, and nothing on it is undone.",
    )
    parser.add_argument("node", help="name of the node")
    parser.add_argument("--stack", default="dev", help="whose state it stands in (dev)")
    parser.add_argument(
        "--force",
        action="store_true",
        help="also if something answers at the host's address, or the node's kubelet was heard of a moment ago",
    )
    return parser


def _forget(node: str, stack: str, *, force: bool) -> None:
    runs = _runs(stack)
    before = _pulumi(stack, "stack", "export")
    lost = state.find(json.loads(_pulumi(stack, "stack", "export", "--show-secrets")), node)
    if not force:
        _demand_no_answer(node, lost.door)
    if lost.operator is None:
        _say(
            node,
            "nothing that it had in the cluster is in the state: nothing was made yet, or a destroy took it away",
        )
    else:
        _leave_cluster(node, lost, force=force)
    if _pulumi(stack, "stack", "export") != before:
        raise ForgetError(
            f"{node}: the state was changed meanwhile, by another run. Let it end, and run again"
        )
    _pulumi(stack, "stack", "import", text=json.dumps(state.without(json.loads(before), lost.urns)))
    _say(node, f"took {len(lost.urns)} resources out of the state of {stack}")
    if _runs(stack) != runs:
        # The import takes the stack's lock, but no backend writes only on top of the state that was read.
        raise ForgetError(
            f"{node}: another run began and ended while its state was written, and what that run noted may be lost. "
            "Remove the node from the configuration and run 'pulumi up': it takes up again what that run made"
        )
    for line in not_cleaned(lost):
        _say(node, line)
    _say(node, "next: remove it from the configuration, if it still stands there, and run 'pulumi up'")


def not_cleaned(lost: Lost) -> list[str]:
    """What the host still has, as far as the state tells."""
    where = lost.door.address
    if not lost.parts:
        return [
            f"NOT cleaned: {where}. No part is in the state: none was applied, or a destroy undid them. What may be "
            f"left, its claim for {lost.claim} and the scripts, goes with: make release HOST={where}"
        ]
    words = [
        f"NOT cleaned: {where} still has what these parts put there, if it exists: {', '.join(lost.parts)}; its claim "
        f"for {lost.claim}; and the containers of its pods, if it runs"
    ]
    if "kubelet" in lost.parts:
        end = f", until {lost.certificate_ends}" if lost.certificate_ends else ""
        words.append(
            f"NOT revoked: its kubelet's certificate lets whoever has the host register as this node again{end}. "
            "How to stop that: docs/guides/hosts.md, 'It comes back'"
        )
    return words


def answers(door: Door) -> bool:
    """Whether an SSH server speaks there. It speaks first, so nobody logs in and nothing is sent."""
    try:
        with socket.create_connection((door.address, door.port), timeout=_DIAL_SECONDS) as connection:
            connection.settimeout(_DIAL_SECONDS)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _demand_no_answer(node: str, door: Door) -> None:
    if door.bastion:
        _say(node, "behind a bastion, so nobody asks whether its host answers; its kubelet's Lease decides")
    elif answers(door):
        raise ForgetError(
            f"{node}: an SSH server answers at {door.address} port {door.port}, so its host is not gone. Nothing was "
            "changed. If that is another machine by now, or it was reinstalled: again with FORCE=yes. Else remove the "
            "node from the configuration and run 'pulumi up', which leaves a clean host"
        )


def _leave_cluster(node: str, lost: Lost, *, force: bool) -> None:
    """By the program and the login that a removal by the engine uses."""
    arguments: dict[str, Any] = {
        **(lost.operator or {}),
        "node": node,
        "stack": lost.claim,
        "tokenIds": list(lost.token_ids),
        "force": force,
    }
    done = subprocess.run(
        ["components/local/run", "lost-node", "apply"],
        cwd=_PROJECT,
        input=json.dumps(arguments),
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ForgetError(f"{node}: it still stands in the state. When the reason above is gone, run again")


def _runs(stack: str) -> list[tuple[str, ...]]:
    """The stack's last runs; an import, which some backends list too, is none."""
    listed = json.loads(_pulumi(stack, "stack", "history", "--json", "--page-size", "5") or "[]")
    return [
        tuple(str(one.get(key)) for key in ("version", "kind", "startTime", "endTime"))
        for one in listed
        if one.get("kind") != "import"
    ]


def _pulumi(stack: str, *arguments: str, text: str | None = None) -> str:
    command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
    # An empty standard input answers whatever pulumi may ask.
    done = programs.run(command, ForgetError, cwd=_PROJECT, text=text or "")
    if done.returncode != 0:
        raise ForgetError(f"'{' '.join(command)}' ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def _say(node: str, text: str) -> None:
    print(f"{node}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
