"""Makes the sandbox's plugins findable for the Pulumi engine.

Owns the small start scripts and where they go. `install` puts them into a directory of PATH, where the engine
takes them whatever version an SDK asks for, with a warning that names the path. `install_into_home` puts them
into a Pulumi home's plugin cache under the versions that the SDKs ask for, where the engine takes them
silently.
"""

import shlex
from pathlib import Path

from sandbox.plugins import VERSIONS


def install(bin_dir: Path, python: Path) -> None:
    """Write `pulumi-resource-<name>` for each plugin into a directory that is on PATH."""
    bin_dir.mkdir(parents=True, exist_ok=True)
    for name in VERSIONS:
        _write_start_script(bin_dir / f"pulumi-resource-{name}", name, python)


def install_into_home(pulumi_home: Path, python: Path) -> None:
    """Write the plugins into the cache of this PULUMI_HOME."""
    for name, version in VERSIONS.items():
        directory = pulumi_home / "plugins" / f"resource-{name}-v{version}"
        directory.mkdir(parents=True, exist_ok=True)
        _write_start_script(directory / f"pulumi-resource-{name}", name, python)


def _write_start_script(path: Path, name: str, python: Path) -> None:
    checkout = Path(__file__).resolve().parents[2]
    # A plugin runs in the project directory, which must not be searched for modules; and local commands
    # inherit the environment, so PYTHONPATH stays as it is: the checkout takes the project directory's place
    # in sys.path.
    code = (
        f"import runpy, sys; sys.path[0] = {str(checkout)!r}; "
        f"runpy.run_module('sandbox.plugins.{name}', run_name='__main__', alter_sys=True)"
    )
    script = f'#!/bin/sh\nexec {shlex.quote(str(python))} -c {shlex.quote(code)} "$@"\n'
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(script)
    temporary.chmod(0o755)
    temporary.replace(path)
