"""`python -m components.audit`: the command line."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.audit import findings, reconcile
from components.audit.connection import ConnectionFailedError, private_folder, said
from components.audit.engine import Deployed, Engine, EngineError
from components.audit.findings import UNASKED, AnswerError, Audit, answered
from components.remote.bundle import FORMAT
from components.settings import NodeSettings, SettingsError, load

_AT_ONCE = 16
_SCRIPT = Path(__file__).with_name("host.sh")


@dataclass(frozen=True)
class Hosts:
    """What an audit asks, and what there is to say about what it does not ask."""

    nodes: Mapping[str, NodeSettings]
    deployed: Mapping[str, Deployed]
    notes: Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every host is as applied, 1 if one is not, 2 if one could not be asked."""
    # As after Ctrl-C: keys and passwords go with their folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.reconcile and not (options.preview or options.yes or sys.stdin.isatty()):
        parser.error("without a terminal nobody can say yes: --yes or --preview")
    engine = Engine(options.project_dir, options.stack)
    try:
        hosts = _hosts(engine, options.project_dir, options.node)
        audits = audited(hosts)
        _print(options, audits, hosts.notes)
        if not options.reconcile or all(not audit.findings for audit in audits):
            return findings.code(audits)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if not reconcile.mended(engine, audits, now, preview=options.preview, yes=options.yes):
            return max(findings.code(audits), 1)
        if options.preview:
            return findings.code(audits)
        audits = audited(hosts)
        _print(options, audits, hosts.notes)
        return findings.code(audits)
    except SettingsError as error:
        print(f"the configuration of stack {options.stack} has problems:\n{error}", file=sys.stderr)
    except (EngineError, LookupError, OSError) as error:
        print(f"audit: {error.args[0] if isinstance(error, LookupError) else error}", file=sys.stderr)
    return UNASKED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.audit",
        description="Compare each host with what was applied to it: files, units, packages, kernel settings. One "
        "connection per host, nothing is written. Exit code 0: all is as applied; 1: something is not; 2: a host "
        "could not be asked.",
    )
    parser.add_argument("node", nargs="*", help="nodes to look at; without any all of the stack")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--reconcile",
        action="store_true",
        help="then apply drifted nodes again by 'pulumi up', and look once more",
    )
    parser.add_argument("--preview", action="store_true", help="with --reconcile: only show what it would do")
    parser.add_argument("--yes", action="store_true", help="with --reconcile: do not ask")
    parser.add_argument("--project-dir", type=Path, default=Path(), help=argparse.SUPPRESS)
    return parser


def _hosts(engine: Engine, project_dir: Path, wanted: Sequence[str]) -> Hosts:
    settings = load(engine.configuration(), project_dir)
    deployed = engine.deployed()
    if unknown := sorted(set(wanted) - set(settings.nodes)):
        raise LookupError(f"the stack {engine.stack} has no node {', '.join(unknown)}")
    names = [name for name in sorted(settings.nodes) if not wanted or name in wanted]
    notes = [f"{name} is not deployed yet, and is not asked" for name in names if name not in deployed]
    if not wanted:
        gone = sorted(set(deployed) - set(settings.nodes))
        notes += [f"{name} is no longer in the configuration, and is not asked" for name in gone]
    return Hosts({name: settings.nodes[name] for name in names if name in deployed}, deployed, notes)


def audited(hosts: Hosts) -> list[Audit]:
    """Every host, several at a time."""
    with private_folder() as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(
            pool.map(lambda node: _audit(node, hosts.deployed[node.name], Path(folder)), hosts.nodes.values())
        )


def _audit(node: NodeSettings, deployed: Deployed, folder: Path) -> Audit:
    own = folder / node.name
    own.mkdir(mode=0o700)
    header = f"{FORMAT}\nnode | {node.name}\nhost | {node.address}\nclaim | {deployed.claim}\nend\n"
    command = f"sh -c {shlex.quote(_SCRIPT.read_text(encoding='utf-8'))}"
    try:
        return answered(
            node.name, node.address, said(node.address, node.ssh, command, header, own), deployed.parts
        )
    except AnswerError as error:
        why = str(error)
    except ConnectionFailedError as error:
        why = str(error)
        if "usage: claim" in why:
            why = "its toolkit is of an earlier release, which cannot be audited: run 'pulumi up' first"
    return Audit(node.name, node.address, error=why)


def _print(options: argparse.Namespace, audits: Sequence[Audit], notes: Sequence[str]) -> None:
    print((findings.as_json if options.json else findings.text)(audits, notes), flush=True)


if __name__ == "__main__":
    sys.exit(main())
