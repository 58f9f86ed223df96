"""docs/plugins.md: every behaviour that the conformance tests state, with its source and its tests.

Owns the page, and which modules it is made of. Does not own what a test states (`__init__.py`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Final

from tests.plugins.behaviours import Behaviour, Bug, stated_by

MODULES: Final = Path(__file__).resolve().parents[1] / "conformance"
PLUGINS: Final = {"command": "command 1.2.1", "kubernetes": "kubernetes 4.34.2", "tls": "tls 5.6.2"}
_HEAD: Final = """\
# Behaviour of the provider plugins

Generated from the tests in `tests/plugins/conformance` by `make docs`; change it there.

The sandbox has [plugins of its own](decisions/offline-plugins.md) in place of the official ones. Here is what a program
can notice of a plugin, and which test says so. Every test runs a small program with the real engine, and looks at what
Pulumi prints, at the state, and at what the host or the cluster saw. Nothing in them knows whose plugins run:

```sh
KUBENODE_TOOLS=system .venv/bin/python -m pytest tests/plugins/conformance
```

runs them with the official plugins of this machine's Pulumi home.

A row's *not so* is the case beside it in which the behaviour must not show; the same test, or the one named second,
looks at it. *Source* is where the official plugin decides it: a file of the official plugin or of what it is built on,
or *seen*: tried with the official plugins and engine 3.259.0. All tests of command have passed on the official plugin
1.2.1, all of tls on one built from its main branch of August 2026; of kubernetes a row without *seen* was read in the
source. [How they are built](decisions/offline-plugins.md#compared-with-the-official-ones).
"""
_BUGS: Final = """\
Bugs and limits of the official plugin that a program can meet, and what of it is not here; what the sandbox's plugin
does instead. Tests of what is not copied are skipped with the official plugins.
"""


@dataclass
class Section:
    """What one module states."""

    module: ModuleType
    behaviours: list[Behaviour] = field(default_factory=list)
    bugs: list[Bug] = field(default_factory=list)
    unstated: list[str] = field(default_factory=list)

    @property
    def tests(self) -> list[str]:
        return [
            *(test for each in self.behaviours for test in each.tests),
            *(test for each in self.bugs for test in each.tests),
        ]

    @property
    def plugin(self) -> str:
        return self.module.__name__.rpartition(".")[2].split("_")[1]

    @property
    def title(self) -> str:
        return (self.module.__doc__ or "").partition("\n")[0].rstrip(".")

    @property
    def file(self) -> str:
        return f"tests/plugins/conformance/{self.module.__name__.rpartition('.')[2]}.py"


def sections() -> Iterator[Section]:
    """The conformance modules by name, with what their tests state, in the order of the tests."""
    for file in sorted(MODULES.glob("test_*.py")):
        module = importlib.import_module(f"tests.plugins.conformance.{file.stem}")
        section = Section(module)
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            stated = stated_by(test)
            if isinstance(stated, Behaviour):
                section.behaviours += [stated] if stated not in section.behaviours else []
            elif isinstance(stated, Bug):
                section.bugs.append(stated)
            else:
                section.unstated.append(name)
        yield section


def page() -> str:
    """docs/plugins.md."""
    parts, last = [_HEAD], ""
    for section in sections():
        if section.plugin != last:
            last = section.plugin
            parts.append(f"## {PLUGINS[last]}\n")
        parts.append(f"### {section.title}\n")
        parts.append(f"Tests: [{section.file}](../{section.file})\n")
        if section.behaviours:
            parts.append(_behaviours(section.behaviours))
        if section.bugs:
            parts += [_BUGS, _bugs(section.bugs)]
    return "\n".join(parts)


def _behaviours(rows: list[Behaviour]) -> str:
    return _table(
        ["behaviour", "not so", "source", "tests"],
        [[row.text, "; ".join(row.but), row.source, _names(row.tests)] for row in rows],
    )


def _bugs(rows: list[Bug]) -> str:
    return _table(
        ["the official plugin", "decision", "the sandbox's plugin", "source", "tests"],
        [[row.official, row.decision, row.here, row.source, _names(row.tests)] for row in rows],
    )


def _names(tests: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in tests)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
