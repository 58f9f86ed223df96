"""Whether the tests would notice: one value of a renderer changed at a time, and the tests that mirror it run.

`python -m tests.mutations` takes each constant of the renderers and their tables in turn (text gets a letter more, a
number one more, a truth value its opposite). The golden files are asked first, since they are quickest, then the tests
beside the changed module; the first that fails ends it. Each change is a process of its own that begins with the
libraries read already. Owns the changing and the counting. Does not own what is compared (`golden_texts.py`, the
tests), nor why a change may go unseen: that is a row of the page. No part of `make test`.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = ROOT / "components"
PAGE = ROOT / "docs/decisions/mutation-check.md"

# renderer: the tests that mirror it, below tests/components
RENDERERS: Mapping[str, tuple[str, ...]] = {
    "calico/files.py": ("calico",),
    "calico/installation.py": ("calico",),
    "calico/overlay.py": ("calico",),
    "docker/files.py": ("docker",),
    "host/files.py": ("host",),
    "host/proxy.py": ("host",),
    "identity/kubeconfigs.py": ("identity/test_kubeconfigs.py", "test_seed.py"),
    "identity/registries.py": ("identity/test_registries.py",),
    "kube_proxy/files.py": ("kube_proxy", "test_seed.py"),
    "kubelet/files.py": ("kubelet", "test_seed.py"),
    "rendering.py": ("test_rendering.py", "kubelet"),
    "settings/defaults.py": ("kubelet", "kube_proxy", "docker", "host", "settings/test_sections.py"),
    "settings/profiles.py": ("test_seed.py",),
    "versions/minors.py": ("versions/test_minors.py", "settings/test_releases.py"),
}
# Those whose text is in one folder of golden files alone.
_GOLDEN = dict.fromkeys(("calico/installation.py", "calico/overlay.py"), "calico-objects")
# What a child's end says.
_SURVIVED, _BY_GOLDEN, _BY_TESTS = 10, 11, 12
_SECONDS_AT_MOST = 300
_HEADING = "## Survivors"


@dataclass(frozen=True, order=True)
class Place:
    """Where a constant is: the renderer, the outermost name around it, and its value as Python writes it."""

    file: str
    around: str
    value: str


@dataclass(frozen=True)
class Mutation:
    """One constant changed."""

    file: str
    number: int
    line: int
    place: Place

    @property
    def words(self) -> str:
        """The change, as a line to read."""
        return f"components/{self.file}:{self.line}: {self.place.around}: {self.place.value}"


def constants(tree: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """The values that may be changed, each with the outermost name around it: no docstring, no annotation."""
    for statement in tree.body:
        around = _name(statement)
        passed_over = {id(inner) for node in ast.walk(statement) for inner in _words_only(node)}
        for node in ast.walk(statement):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str | int)
                and id(node) not in passed_over
            ):
                yield around, node


def _name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return statement.name
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else "module"


def _words_only(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node says something to readers and tools alone."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
        if annotation is not None:
            yield from ast.walk(annotation)


def changed(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    # Before a line's end, so that it is a change of the line.
    text = str(value)
    return text[:-1] + "x\n" if text.endswith("\n") else text + "x"


def mutations(file: str) -> list[Mutation]:
    """Every change of a renderer."""
    tree = ast.parse((COMPONENTS / file).read_text(encoding="utf-8"))
    return [
        Mutation(file, number, node.lineno, Place(file, around, _cell(node.value)))
        for number, (around, node) in enumerate(constants(tree))
    ]


def _cell(value: object) -> str:
    """A value as it fits into a cell of a table."""
    return repr(value).replace("|", "/").replace("`", "'")


def explained() -> Mapping[Place, str]:
    """The page's rows: a place, and why nobody needs to see a change of it."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n{_HEADING}\n")[2]
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
    return {Place(file, around, value): why for file, around, value, why in rows}


def _mutant(one: Mutation) -> CodeType:
    path = COMPONENTS / one.file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    _, node = list(constants(tree))[one.number]
    node.value = changed(node.value)  # type: ignore[assignment]
    return compile(tree, str(path), "exec")


class _Loader(importlib.machinery.SourceFileLoader):
    """Gives one file's code from elsewhere."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = (
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
            path,
            code,
        )

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, str(self._path), self._code)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def _verdict(file: str, one: Mutation | None) -> int:
    """Who sees the change, found out in this process, which is good for nothing else after that."""
    if one is not None:
        sys.meta_path.insert(0, _Finder(COMPONENTS / file, _mutant(one)))
    try:
        from tests import golden_texts  # noqa: PLC0415 - after the change

        with tempfile.TemporaryDirectory() as directory:
            if any(golden_texts.different(Path(directory), _GOLDEN.get(file, ""))):
                return _BY_GOLDEN
    except Exception:  # noqa: BLE001 - a change that breaks it is seen
        return _BY_GOLDEN
    import pytest  # noqa: PLC0415 - read by then, in the process that this one came of

    tests = [str(ROOT / "tests/components" / test) for test in RENDERERS[file]]
    code = pytest.main(["-n0", "-x", "-q", "-p", "no:cacheprovider", *tests])
    return _SURVIVED if code == pytest.ExitCode.OK else _BY_TESTS


def _in_a_child(file: str, one: Mutation | None) -> int:
    """What the verdict of a process of its own is. One that hangs sees the change too."""
    child = os.fork()
    if not child:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        signal.alarm(_SECONDS_AT_MOST)
        code = 1
        try:
            code = _verdict(file, one)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return _BY_TESTS
    code = os.waitstatus_to_exitcode(status)
    if code not in (_SURVIVED, _BY_GOLDEN, _BY_TESTS):
        raise RuntimeError(f"{one.words if one else file}: the process ended with {code}")
    return code


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a change survived that the page does not explain, or if the page explains too much."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument(
        "renderers", nargs="*", metavar="RENDERER", help="these alone, such as kubelet/files.py"
    )
    parser.add_argument("--every", type=int, default=1, help="take every n-th change only")
    wanted = parser.parse_args(arguments)
    files = wanted.renderers or list(RENDERERS)
    import pydantic  # noqa: F401, PLC0415 - once, for all children

    started, ends, survivors = time.monotonic(), Counter[int](), []
    for file in files:
        # A test that fails anyway would see every change.
        if _in_a_child(file, None) != _SURVIVED:
            raise SystemExit(f"{file}: its tests fail without any change")
        for one in mutations(file)[:: wanted.every]:
            end = _in_a_child(file, one)
            ends[end] += 1
            if end == _SURVIVED:
                survivors.append(one)
                print(one.words, flush=True)
        print(f"{file}: {ends.total()} changes so far, {time.monotonic() - started:.0f} s", flush=True)
    return _report(ends, survivors, files if wanted.every == 1 else [])


def _report(ends: Counter[int], survivors: list[Mutation], whole: list[str]) -> int:
    """Print what was counted. `whole`: the renderers of which every change was tried."""
    known = explained()
    unexplained = [one.words for one in survivors if one.place not in known]
    needless = sorted({one for one in known if one.file in whole} - {one.place for one in survivors})
    for title, lines in (
        ("survived, and not explained", unexplained),
        ("explained, but seen", [f"{one.file}: {one.around}: {one.value}" for one in needless]),
    ):
        for line in lines:
            print(f"{title}: {line}")
    print(
        f"{ends.total()} changes: {ends[_BY_GOLDEN]} seen by the golden files, {ends[_BY_TESTS]} by the tests "
        f"beside them; {len(survivors)} survived, of which {len(survivors) - len(unexplained)} are explained"
    )
    return 1 if unexplained or needless else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
