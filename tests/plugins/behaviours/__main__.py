"""`python -m tests.plugins.behaviours`: writes docs/plugins.md from the conformance tests of the plugins."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from tests.plugins.behaviours.page import page

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = "docs/plugins.md"


def main(arguments: list[str], root: Path = ROOT) -> int:
    """The exit code: 1 if `--check` finds the page out of date."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.plugins.behaviours",
        description=f"Write {PAGE} from the conformance tests of the plugins.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is out of date")
    wanted = parser.parse_args(arguments)
    file, text = root / PAGE, page()
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return 0
    if wanted.check:
        print(f"{PAGE} is out of date: run make docs", file=sys.stderr)
        return 1
    file.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
