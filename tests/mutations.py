"""Whether the golden files would notice: one value of a renderer changed at a time, and everything rendered anew.

`python -m tests.mutations` takes each constant of the renderers and their tables in turn (text gets a letter more, a
number one more, a truth value its opposite), renders what the golden tests render, and says which changes nobody saw.
Owns the changing and the counting. Does not own what is compared (`test_golden.py`, `seed.py`).
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[1]
RENDERERS = (
    "calico/files.py",
    "docker/files.py",
    "host/files.py",
    "identity/kubeconfigs.py",
    "kube_proxy/files.py",
    "kubelet/files.py",
    "rendering.py",
    "settings/defaults.py",
    "settings/profiles.py",
    "versions/minors.py",
)
SEEN, SURVIVED = 3, 0


def constants(tree: ast.Module) -> Iterator[ast.Constant]:
    """The values that may be changed: no docstring, no word of an import or an annotation, no argument's name."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str | int)
            and id(node) not in docstrings
        ):
            yield node


def changed(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    # Before a line's end, so that it is a change of the line.
    text = str(value)
    return text[:-1] + "x\n" if text.endswith("\n") else text + "x"


def mutant(path: Path, number: int) -> tuple[CodeType, str]:
    """The code of a file with its n-th constant changed, and the change in words."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node = list(constants(tree))[number]
    before = node.value
    node.value = changed(before)  # type: ignore[assignment]
    words = f"{path.relative_to(ROOT)}:{node.lineno}: {str(before)[:40]!r} -> {str(node.value)[-40:]!r}"
    return compile(tree, str(path), "exec"), words


class _Loader(importlib.machinery.SourceFileLoader):
    """Gives one file's code from elsewhere."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, str(self._path), self._code)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def is_seen(path: Path, number: int) -> bool:
    """Render everything with the change; in a process of its own."""
    code, _ = mutant(path, number)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    sys.meta_path.insert(0, _Finder(name, path, code))
    try:
        from tests import golden_texts  # noqa: PLC0415 - after the change

        with tempfile.TemporaryDirectory() as directory:
            return golden_texts.different(Path(directory)) != []
    except Exception:  # noqa: BLE001 - a change that breaks it is seen
        return True


def _run(one: tuple[Path, int]) -> tuple[str, bool]:
    path, number = one
    command = [sys.executable, "-m", "tests.mutations", "--one", str(path), str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (SEEN, SURVIVED):
        raise RuntimeError(done.stderr)
    return mutant(path, number)[1], done.returncode == SEEN


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a change survived that is not explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("FILE", "NUMBER"), help=argparse.SUPPRESS)
    parser.add_argument("--every", type=int, default=1, help="take every n-th change only")
    wanted = parser.parse_args(arguments)
    if wanted.one:
        return SEEN if is_seen(Path(wanted.one[0]), int(wanted.one[1])) else SURVIVED
    all_of_them = [
        (path, number)
        for path in (ROOT / "components" / name for name in RENDERERS)
        for number in range(len(list(constants(ast.parse(path.read_text(encoding="utf-8"))))))
    ][:: wanted.every]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(_run, all_of_them))
    survivors = [words for words, seen in results if not seen]
    for words in survivors:
        print(words)
    print(f"{len(results)} changes, {len(results) - len(survivors)} seen, {len(survivors)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
