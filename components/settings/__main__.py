"""`python -m components.settings`: writes docs/configuration.md, JSON Schemas and docs/versions.md."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from components.settings import page, schema
from components.versions import page as versions

ROOT = Path(__file__).resolve().parents[2]


def generated() -> dict[str, str]:
    """Every generated file by its path in the project."""
    return {
        "docs/configuration.md": page.page(),
        "docs/versions.md": versions.page(),
        "docs/configuration.schema.json": _json(schema.stack_schema()),
        "docs/nodes.schema.json": _json(schema.nodes_schema()),
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def stale(root: Path) -> list[str]:
    """The generated files that are not what the models say."""
    return [
        name
        for name, text in generated().items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """The exit code: 1 if `--check` finds a file that is not up to date."""
    parser = argparse.ArgumentParser(
        prog="python -m components.settings",
        description="Write docs/configuration.md, the JSON Schemas and docs/versions.md from the models and tables.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    wanted = parser.parse_args(arguments)
    old = stale(root)
    if wanted.check:
        for name in old:
            print(f"{name} is out of date: run make docs", file=sys.stderr)
        return 1 if old else 0
    for name in old:
        (root / name).write_text(generated()[name], encoding="utf-8")
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
