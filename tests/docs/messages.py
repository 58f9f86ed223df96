"""The messages of the program as its source has them, with `…` for what is put in at run time.

Owns finding them: errors of local programs and of the program itself, and what the scripts on a host end with. Does not
own the problems of a configuration, which say their place and what is expected by themselves.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
GAP: Final = "…"
_ERRORS: Final = ("Failure", "RunError", "Refused", "ForgetError", "ReleaseError", "StateError")
_DIE: Final = re.compile(r"(?:\bkn_die|\bproblem) +\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_UNKNOWN: Final = re.compile(r"\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\$\w+")
_UNCLOSED: Final = re.compile(r"\$\(.*$|\$\*")
_TOO_SHORT: Final = 8


@cache
def texts(folder: str = "components") -> list[str]:
    """Every string of a folder that may be part of a message."""
    found = [text for path in _files("*.py", folder) for text in _strings(_tree(path))]
    for path in _files("*", folder):
        if path.is_file() and path.suffix in ("", ".sh"):
            found += _UNKNOWN.sub(GAP, path.read_text(encoding="utf-8")).splitlines()
    return found


@cache
def endings() -> dict[str, str]:
    """The messages that end a run, by themselves, with the file that has them."""
    found: dict[str, str] = {}
    for path in _files("*.py"):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                called = node.exc.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                if name in _ERRORS:
                    found[_flat(node.exc.args[0])] = path.name
        if path.name == "facts.py":
            # Refusals are collected before they are raised together.
            refusals = (text for text in _strings(_tree(path)) if text.startswith(("nodes.", "kubeProxy: ")))
            found |= dict.fromkeys(refusals, path.name)
    for path in _files("*.sh"):
        for match in _DIE.finditer(path.read_text(encoding="utf-8")):
            # A quote within a substitution ends the text for the pattern above.
            found[_UNCLOSED.sub(GAP, _UNKNOWN.sub(GAP, match[1]).splitlines()[0])] = path.name
    return {text: where for text, where in found.items() if len(text.replace(GAP, "").strip()) >= _TOO_SHORT}


def pattern(message: str) -> re.Pattern[str]:
    """What a quoted message looks like in the source, whatever stands for its gaps."""
    return re.compile(".*".join(re.escape(part.strip()) for part in message.split(GAP)), re.DOTALL)


def _files(pattern: str, folder: str = "components") -> Iterator[Path]:
    start = ROOT / folder
    # Tools keep caches in hidden folders.
    shown = (path for path in start.rglob(pattern) if not re.search(r"(^|/)\.", str(path.relative_to(start))))
    yield from sorted(shown)


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def _strings(tree: ast.AST) -> Iterator[str]:
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            yield _flat(node)


def _flat(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_flat(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _flat(node.left) + _flat(node.right)
    return GAP
