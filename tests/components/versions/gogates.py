"""Go's own word on feature gates: what the source of a Kubernetes release and its libraries declare.

Reads the Go module cache and downloads nothing. A stage is written as in `components/versions/gate_table.py`, which
`python -m tests.components.versions.gogates` writes anew: of a minor whose modules are not there it stays as it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache
from pathlib import Path

from components.versions import MINORS, gate_table
from components.versions.gates import GATES, Stage, needs
from components.versions.lives import OLDEST
from tests.components.versions.gotypes import module

# module: its files with gates that a kubelet and a kube-proxy take, where the release has them
_FILES = {
    "kubernetes": ("pkg/features/kube_features.go", "pkg/features/versioned_kube_features.go"),
    "apiserver": ("pkg/features/kube_features.go",),
    "apiextensions-apiserver": ("pkg/features/kube_features.go",),
    "client-go": ("features/known_features.go",),
    "component-base": (
        "logs/kube_features.go",
        "logs/api/v1/kube_features.go",
        "metrics/features/kube_features.go",
        "zpages/features/kube_features.go",
    ),
    "controller-manager": ("pkg/features/kube_features.go",),
}
# module: the first minor in which it has gates of its own; before 1.17 the libraries have no version of a minor.
_OWN_VERSION = {"kubernetes": 0, "controller-manager": 20, "client-go": 30}
# Of the mechanism itself.
_OF_ALL = {"AllAlpha": "a", "AllBeta": "b"}
_NAME = re.compile(r'^\s*(\w+)\s+(?:\w+\.)?Feature\s+= "(\w+)"', re.MULTILINE)
_ENTRY = re.compile(r"^(\t+)(?:\w+\.)?(\w+):\s+\{([^\n}]*?\},?|\n.*?^\1\},)", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"\b(Default|PreRelease|LockToDefault):\s*(?:\w+\.)?(\w+)")
_VERSION = re.compile(r'MustParse(?:Semantic|Generic)?\("1\.(\d+)')
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_STAGES = {"Alpha": "a", "Beta": "b", "GA": "g", "": "g", "Deprecated": "d"}
_NAMES = {"Alpha": "alpha", "Beta": "beta", "GA": "generally available", "Deprecated": "deprecated"}


def letter(stage: str, *, default: bool, locked: bool) -> str:
    """A stage as the table writes it."""
    found = _STAGES[stage]
    return (found.upper() if default else found) + ("!" if locked else "")


def folders(number: int) -> list[Path]:
    """The modules of a minor; empty if one of them is missing."""
    found = [module(name, f"1.{number}") for name in _FILES if number >= _OWN_VERSION.get(name, 17)]
    return [one for one in found if one is not None] if None not in found else []


def dependencies(folder: Path) -> set[tuple[str, str]]:
    """Each gate of a minor with one that it needs; none before 1.35. `folder`: k8s.io/kubernetes."""
    text = _COMMENT.sub("", next(_files([folder])).read_text(encoding="utf-8"))
    block = text.partition("\nvar defaultKubernetesFeatureGateDependencies = ")[2].partition("\n}")[0]
    return {
        (name, needed)
        for name, names in re.findall(r"^\t(?:\w+\.)?(\w+):\s+\{([^}]+)\}", block, re.MULTILINE)
        for needed in re.findall(r"(\w+)\)?(?:,|$)", names)
    }


def table(number: int) -> dict[str, str]:
    """The stage of each gate of a minor as the table has it."""
    return {name: _letters(stage) for name, gate in GATES.items() if (stage := gate.at(number))}


def _letters(stage: Stage) -> str:
    word = next(word for word, name in _NAMES.items() if name == stage.name)
    return letter(word, default=stage.default, locked=stage.is_locked)


@cache
def declared(number: int, *folders: Path) -> dict[str, str]:
    """The stage of each gate of a minor."""
    texts = [_COMMENT.sub("", file.read_text(encoding="utf-8")) for file in _files(folders)]
    names = {constant: name for text in texts for constant, name in _NAME.findall(text)}
    found = dict(_OF_ALL) if number >= 17 else {"AllAlpha": "a"}
    for text in texts:
        for _, constant, body in _ENTRY.findall(text):
            stage = _at(number, body, text)
            if stage is not None:
                found[names.get(constant, constant)] = stage
    return found


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        files = [folder / name for name in _FILES[folder.name.partition("@")[0]]]
        yield from (file for file in files if file.exists())


def _at(number: int, body: str, text: str) -> str | None:
    """What an entry says of a minor: its own line for it, or the last one before. `text`: the file."""
    best, best_since = None, -1
    for line in re.split(r"\n|(?<=\})\s*,", body):
        fields = dict(_FIELD.findall(line))
        # Of a cluster that says it is as new as its programs, which none does by itself.
        if "Default" not in fields or "MinCompatibilityVersion" in line:
            continue
        version = _VERSION.search(line)
        since = int(version[1]) if version else 0
        if best_since <= since <= number:
            default = fields["Default"]
            is_on = default == "true" or re.search(rf"\b{default}\s+= true", text) is not None
            locked = fields.get("LockToDefault") == "true"
            best, best_since = letter(fields.get("PreRelease", ""), default=is_on, locked=locked), since
    return best


def words(minors: Mapping[int, Mapping[str, str]]) -> Iterator[str]:
    """Each gate with the minors that changed it."""
    for name in sorted(set().union(*minors.values())):
        stages = [(number, of.get(name, "-")) for number, of in sorted(minors.items())]
        before = ["-", *(stage for _, stage in stages)]
        changes = [f"{one}{now}" for (one, now), was in zip(stages, before, strict=False) if now != was]
        yield f"{name}:{','.join(changes)}"


def edges(minors: Mapping[int, Set[tuple[str, str]]]) -> Iterator[str]:
    """Each gate with one that it needs, and the minors in which it does."""
    for name, needed in sorted(set().union(*minors.values())):
        of = [number for number, pairs in minors.items() if (name, needed) in pairs]
        assert of == list(range(of[0], of[-1] + 1)), (name, needed, of)
        yield f"{name}>{needed}:{of[0]}" + ("" if of[-1] == max(minors) else f"-{of[-1]}")


def needed(number: int) -> set[tuple[str, str]]:
    """The same of a minor as the table has it."""
    return {(name, one) for name, others in needs(number).items() for one in others}


def main() -> None:
    """Write the table."""
    minors, pairs = {}, {}
    for number in range(OLDEST, max(MINORS) + 1):
        modules = folders(number)
        minors[number] = declared(number, *modules) if modules else table(number)
        pairs[number] = dependencies(modules[0]) if modules else needed(number)
    file = Path(gate_table.__file__)
    head = file.read_text(encoding="utf-8").partition('"""\n\nTABLE = ')[0]
    texts = {"TABLE": words(minors), "NEEDS": edges(pairs)}
    tables = "".join(f'\n{name} = """\n{_wrapped(text)}\n"""\n' for name, text in texts.items())
    file.write_text(f'{head}"""\n{tables}', encoding="utf-8")
    print(f"wrote {len(minors[max(MINORS)])} gates of 1.{max(MINORS)}, and of the minors before")


def _wrapped(words: Iterable[str]) -> str:
    lines = textwrap.wrap(" ".join(words), 104, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent("\n".join(lines), "    ")


if __name__ == "__main__":
    main()
