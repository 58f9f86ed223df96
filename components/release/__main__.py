"""`python -m components.release HOST`: the command line."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from components import programs
from components.release import lines

# More than any removal takes; each of its steps has a bound of its own.
_SECONDS = 1800


class ReleaseError(Exception):
    """What is in the way, for a person."""


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 if the host was not released."""
    wanted = _parser().parse_args(arguments)
    try:
        _release(wanted.host, shlex.split(wanted.ssh), sure=wanted.yes)
    except ReleaseError as error:
        print(f"kubenode: {error.args[0]}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.release",
        description="Give back a host whose stack has lost its state: everything that the host's own record lists is "
        "undone, then its claim is removed. Never for a host whose stack still has its state: use 'pulumi up' or "
        "'pulumi destroy' there. The node is not drained, and its Node stays.",
    )
    parser.add_argument("host", help="as ssh takes it, for example root@10.0.0.11")
    parser.add_argument(
        "--ssh", default="", help="options of ssh, for example '-i id_ed25519 -J root@10.0.0.1'"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _release(host: str, options: Sequence[str], *, sure: bool) -> None:
    claim = lines.read(_ssh(host, options, lines.look(), ""))
    if claim is None:
        raise ReleaseError(
            f"{host}: this host carries no claim, so nothing of kubenode's is known here. Nothing was changed"
        )
    print(
        f"{host}: claimed by the stack {claim.stack} as node {claim.node} since {claim.since}\n"
        f"{host}: to be undone: {', '.join(claim.parts) or 'nothing but the claim'}",
        file=sys.stderr,
    )
    if not sure and not _is_sure(claim.node):
        raise ReleaseError(f"{host}: not released; say yes to the question, or run again with YES=yes")
    said = _ssh(host, options, lines.release(), lines.bundle(claim, host.rpartition("@")[2]))
    print(said, end="")
    print(
        f"{host}: released. If the cluster still has its Node: kubectl delete node {claim.node}",
        file=sys.stderr,
    )


def _is_sure(node: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"Undo all of that? Type the node's name ({node}): ").strip() == node


def _ssh(host: str, options: Sequence[str], line: str, text: str) -> str:
    """By the ssh of this machine, with the user's known hosts, keys and agent."""
    command = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", *options, "--", host, line]
    late = f"{host}: no end within {_SECONDS} s; it may still be at work. Run again later"
    done = programs.run(command, ReleaseError, seconds=_SECONDS, late=late, text=text)
    if done.returncode != 0:
        raise ReleaseError(
            f"{host}: the command on it ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}"
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
