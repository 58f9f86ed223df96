"""The command line of the tools.

Owns: arguments, what is printed on stdout, exit codes. Does not own any of the work.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.tools import packages, tools
from sandbox.tools.errors import ToolError

app = typer.Typer(
    name="python -m sandbox.tools",
    help="Gets the programs that the sandbox runs: builds them from pinned Go modules, each version once.",
    no_args_is_help=True,
    add_completion=False,
)

_Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="NAME", help="Just this tool; repeatable.")
]
_Older = Annotated[
    bool, typer.Option("--older", help="Also the kubelet and kube-proxy of an older Kubernetes.")
]


@app.command()
def build(
    *,
    only: _Only = None,
    older: _Older = False,
) -> None:
    """Build what is missing and list what there is."""
    ready = tools.ensure(only, older=older)
    table = Table("tool", "version", "path", box=None, pad_edge=False)
    for name in ready.paths:
        table.add_row(name, ready.version(name), escape(str(ready.path(name))))
    # Paths are there to be copied: never cut or folded.
    Console(width=None if sys.stdout.isatty() else 400).print(table, soft_wrap=True)


@app.command()
def path(
    name: Annotated[str | None, typer.Argument(help="A tool's name: print its file.")] = None,
) -> None:
    """Print the folders to put on PATH: export PATH="$(python -m sandbox.tools path):$PATH"."""
    ready = tools.locate(None if name is None else [name])
    print(ready.path(name) if name else os.pathsep.join(map(str, ready.bin_dirs)))


@app.command()
def prune() -> None:
    """Remove the builds that this checkout does not use; another one builds its own anew when needed."""
    for key in tools.prune():
        print(f"removed {key}")


@app.command("packages")
def packages_(names: Annotated[list[str], typer.Argument(metavar="PACKAGE...")]) -> None:
    """Install those of the OS packages that are missing, without starting their services."""
    packages.ensure_packages(names)


def main() -> None:
    """Run the command line; a ToolError is a message, not a traceback."""
    # A terminated build then ends Go and removes its folder just as an interrupted one does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except ToolError as error:
        Console(stderr=True, highlight=False).print(
            f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True
        )
        sys.exit(1)
