"""Collects the host keys of a stack's nodes and writes them into its configuration, for review."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from components.hostkeys.collect import CollectError, Door, fingerprint, known, shown
from components.hostkeys.edit import EditError, with_value
from components.hostkeys.review import advice
from components.hostkeys.stackfile import Target, targets
from components.settings.sources import SourceError

_AT_ONCE = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if a host showed no key, or another one than is configured; 2 if the configuration is unusable."""
    options = _parser().parse_args(arguments)
    try:
        found = targets(options.project_dir, options.stack)
        return _run(options, found, _wanted(options, found))
    except (SourceError, EditError, OSError) as error:
        print(f"hostkeys: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.hostkeys",
        description="Collects the SSH host keys of a stack's nodes and writes those that are missing into "
        "Pulumi.STACK.yaml, or the file that nodesFile names. Compare the fingerprints before you trust them.",
    )
    parser.add_argument("node", nargs="*", help="nodes to look at; without any all of the stack")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--known-hosts", type=Path, metavar="FILE", help="take keys from there, ask nobody")
    parser.add_argument("--replace", action="store_true", help="write a key also where another one stands")
    parser.add_argument("--project-dir", type=Path, default=Path(), help=argparse.SUPPRESS)
    return parser


def _wanted(options: argparse.Namespace, found: Mapping[str, Target]) -> dict[str, Target]:
    if unknown := sorted(set(options.node) - set(found)):
        raise SourceError(f"the stack {options.stack} has no node {', '.join(unknown)}")
    return {name: one for name, one in found.items() if not options.node or name in options.node}


def _run(options: argparse.Namespace, found: Mapping[str, Target], wanted: Mapping[str, Target]) -> int:
    # A bastion first: nothing is asked through it before its own key is known.
    through = {one.bastion for one in wanted.values() if one.bastion}
    first = {
        name: found[name]
        for name in found
        if name in through or (name in wanted and not wanted[name].bastion)
    }
    second = {name: one for name, one in wanted.items() if name not in first}
    answers = _asked(options, first, {})
    doors = {name: _trusted(found[name], answers.get(name), options) for name in through if name}
    answers |= _asked(options, second, doors)
    failed, keys = False, dict[Target, str]()
    for name in [*first, *second]:
        target, answer = found[name], answers[name]
        failed |= _told(target, answer, replacing=options.replace)
        is_wanted = target.door.key is None or options.replace
        if isinstance(answer, str) and answer != target.door.key and is_wanted and not target.ignored:
            keys[target] = answer
    for file in dict.fromkeys(target.place.file for target in keys):
        _written(file, {target: key for target, key in keys.items() if target.place.file == file})
    return 1 if failed else 0


def _trusted(bastion: Target, answer: object, options: argparse.Namespace) -> Door:
    """The bastion with the key that it must show: the configured one, or else what it has just shown."""
    replaces = bastion.door.key is None or bastion.ignored or options.replace
    return replace(bastion.door, key=answer if isinstance(answer, str) and replaces else bastion.door.key)


def _asked(
    options: argparse.Namespace, group: Mapping[str, Target], doors: Mapping[str, Door]
) -> dict[str, str | CollectError | None]:
    """A key, what was in the way, or None for a host that the configuration trusts anyway."""

    def ask(target: Target) -> str | CollectError | None:
        if target.ignored and not target.is_bastion:
            return None
        try:
            if options.known_hosts is not None:
                return known(target.door, options.known_hosts)
            return shown(target.door, doors[target.bastion] if target.bastion else None)
        except CollectError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(group, pool.map(ask, group.values()), strict=True))


def _told(target: Target, answer: str | CollectError | None, *, replacing: bool) -> bool:
    """Say what was found. Whether that is a failure."""
    key = target.door.key
    start = f"{target.name:<20} {target.door.name:<24}"
    if answer is None:
        print(f"{start} not asked: insecureIgnoreHostKey is set")
        return False
    if isinstance(answer, CollectError):
        print(f"{start} FAILED: {answer}")
        return True
    shown_as = f"{answer.split()[0]:<20} {fingerprint(answer)}"
    if target.ignored:
        print(f"{start} {shown_as} not written: insecureIgnoreHostKey is set")
    elif key is None:
        print(f"{start} {shown_as} new")
    elif key == answer:
        print(f"{start} {shown_as} as configured")
    elif replacing:
        print(f"{start} {shown_as} replaces {fingerprint(key)}")
    else:
        print(
            f"{start} {shown_as} DIFFERS from the configured {fingerprint(key)}: not written, see --replace"
        )
        return True
    return False


def _written(file: Path, keys: Mapping[Target, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for target, key in keys.items():
        text = with_value(text, target.place.path, key)
    _replaced(file, text)
    _said(file, keys)


def _replaced(file: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as new:
        new.write(text)
    Path(new.name).chmod(file.stat().st_mode & 0o777)
    os.replace(new.name, file)


def _said(file: Path, keys: Iterable[Target]) -> None:
    count = len(list(keys))
    print(
        f"\nWrote {count} host key{'s' if count > 1 else ''} to {file}. They came over the network. Compare each "
        "fingerprint with the host's own, on its console:\n"
        "    ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n"
        f"and {advice(file)} before pulumi uses them."
    )


if __name__ == "__main__":
    sys.exit(main())
