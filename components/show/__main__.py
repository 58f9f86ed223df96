"""`python -m components.show NODE`: the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from components.parts import PARTS, VERIFY
from components.remote.content import Content
from components.settings import NodeSettings, SettingsError, load
from components.settings.plain import encrypted_in
from components.settings.problems import dotted
from components.show import listing, masks, stackfile


def main(arguments: list[str], project_dir: Path) -> int:
    """The exit code: 1 if there is something wrong with the configuration or nothing to show."""
    wanted = _parser().parse_args(arguments)
    try:
        node, shown, notes = _shown(project_dir, wanted.stack, wanted.node)
    except SettingsError as error:
        print(f"the configuration of stack {wanted.stack} has problems:\n{error}", file=sys.stderr)
        return 1
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 1
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if wanted.part is not None:
        shown = {part: content for part, content in shown.items() if part == wanted.part}
    if wanted.file is not None:
        return _print_file(shown, wanted.file)
    if wanted.output is not None:
        return _write(node, shown, wanted.output)
    print(listing.text(node, shown), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.show",
        description="Show what the host of a node will hold: every file, unit, script, download and setting, in the "
        "order of the parts, as a preview shows them. Asks no host and no cluster. Secrets, and what only a run knows, "
        "are shown as names in angle brackets.",
    )
    parser.add_argument("node", nargs="?", default="", help="name of the node")
    parser.add_argument("--stack", default="dev", help="whose Pulumi.<stack>.yaml is read (dev)")
    parser.add_argument("--part", choices=[*PARTS, VERIFY], help="only this part")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--file", metavar="PATH", help="only the content of this file of the host, for a diff")
    what.add_argument(
        "--output", metavar="DIR", type=Path, help="write the files as a tree into a new or empty directory"
    )
    return parser


def _shown(project_dir: Path, stack: str, name: str) -> tuple[NodeSettings, dict[str, Content], list[str]]:
    given = stackfile.configuration(project_dir, stack)
    found = masks.masked(
        given.raw, lambda path: stackfile.is_there(project_dir, path), nodes_from_file=given.nodes_from_file
    )
    if found.problems:
        raise SettingsError([*given.problems, *found.problems])
    settings = load(
        found.raw,
        project_dir,
        found.encrypted,
        nodes_from_file=given.nodes_from_file,
        noted=[*given.problems, *found.refused],
        encrypted_at={dotted(place) for place in encrypted_in(given.raw)},
    )
    if name not in settings.nodes:
        words = f"there is no node {name} in stack {stack}; the" if name else "which node? The"
        raise LookupError(f"{words} nodes are {', '.join(sorted(settings.nodes))}")
    node = settings.nodes[name]
    return node, listing.parts(node, found.names, verify=settings.verification.enabled), found.notes


def _print_file(shown: dict[str, Content], path: str) -> int:
    found = listing.files(shown)
    if path not in found:
        print(f"there is no file {path} among:\n" + "\n".join(found), file=sys.stderr)
        return 1
    print(found[path].content, end="")
    return 0


def _write(node: NodeSettings, shown: dict[str, Content], directory: Path) -> int:
    """The files as a tree with their modes, and in PARTS what is no file."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        print(f"{directory} is no empty directory", file=sys.stderr)
        return 1
    for path, file in listing.files(shown).items():
        target = directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content, encoding="utf-8")
        target.chmod(int(file.mode, 8))
    directory.mkdir(parents=True, exist_ok=True)
    others = [
        line
        for line in listing.text(node, shown).splitlines()
        if line.startswith(("part | ", "file | ", "artifact | ", "set | "))
    ]
    (directory / "PARTS").write_text("\n".join(others) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], Path.cwd()))
    except BrokenPipeError:  # into a pager that was left
        sys.stderr.close()
        sys.exit(1)
