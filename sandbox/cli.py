"""The commands `python -m sandbox up | deploy | down | status | ssh | logs`.

Owns: arguments, exit codes and how errors look. Does not own what the commands do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from sandbox import calico as calico_module
from sandbox import daemon, status
from sandbox import deploy as deploy_module
from sandbox import down as down_module
from sandbox import up as up_module
from sandbox.checkout import ARTIFACTS, CONTROL_PLANE, Checkout
from sandbox.docker import Container, Docker
from sandbox.errors import SandboxError
from sandbox.machine import Machine
from sandbox.network import MOST_HOSTS
from sandbox.tools import ToolError

app = typer.Typer(
    name="sandbox",
    help="A real Kubernetes control plane and bare Linux hosts on this machine, to try kubenode on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Release(StrEnum):
    """The Debian releases that hosts run."""

    BOOKWORM = "bookworm"
    TRIXIE = "trixie"


@app.command()
def up(
    host_count: Annotated[
        int | None,
        typer.Option(
            "--hosts",
            min=0,
            max=MOST_HOSTS,
            help="How many hosts.",
            show_default="as many as there are, at first 2",
        ),
    ] = None,
    release: Annotated[
        Release | None,
        typer.Option(
            "--os",
            help="The Debian release of new hosts.",
            show_default="that of the first host, at first bookworm",
        ),
    ] = None,
    older: Annotated[  # noqa: FBT002
        bool, typer.Option("--older", help="Build and serve the programs of an older Kubernetes release too.")
    ] = False,
    calico_manifest: Annotated[
        Path | None,
        typer.Option(
            "--calico-manifest", help="Calico's own manifest: hosts get no pod network of the sandbox's."
        ),
    ] = None,
    calico_images: Annotated[
        Path | None,
        typer.Option("--calico-images", help="The folder with its images, each an archive of docker save."),
    ] = None,
) -> None:
    """Bring everything up: build what is missing, start what is stopped, leave the rest as it is.

    The first run on a machine compiles Kubernetes and Pulumi, which takes minutes; later runs take seconds.
    """
    up_module.up(
        Checkout.here(),
        Machine.here(),
        host_count,
        release.value if release else None,
        older=older,
        calico=calico_module.brought(calico_manifest, calico_images),
    )


@app.command()
def deploy(
    stack: Annotated[str, typer.Option("--stack", help="The stack to bring up.")] = "dev",
) -> None:
    """Run `pulumi up` on the sandbox's hosts, with its proof, and show the nodes."""
    deploy_module.deploy(Checkout.here(), stack)


@app.command()
def down(
    force: Annotated[  # noqa: FBT002
        bool, typer.Option("--force", help="Also if a Pulumi stack still lists resources on the hosts.")
    ] = False,
) -> None:
    """Remove the hosts, the control plane, the network and .sandbox/, and give the machine back as it was.

    Keeps what was built and downloaded, and says where it is.
    """
    checkout = Checkout.here()
    if (resources := down_module.state_resources(checkout)) and not force:
        shown = ", ".join(f"{stack}: {count}" for stack, count in resources.items())
        raise SandboxError(
            f"stacks in {checkout.state} still list resources ({shown}); with the hosts, that state goes too",
            "either `pulumi destroy` first, or: python -m sandbox down --force",
        )
    console = Console(stderr=True, highlight=False)
    for line in down_module.down(checkout, Machine.here()):
        console.print(escape(f"Left: {line}"), soft_wrap=True)


@app.command(name="status")
def status_command() -> None:
    """Show the containers, their addresses and whether the API answers. Exit code 1 unless all is well."""
    if not status.show(Checkout.here(), Machine.here(), Console(highlight=False)):
        raise typer.Exit(1)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def ssh(
    host: Annotated[str, typer.Argument(help="Such as worker-1.")],
    command: Annotated[
        list[str] | None, typer.Argument(help="What to run there; a shell if left out.")
    ] = None,
) -> None:
    """Log in to a host as root, as Pulumi does; or run a command there: `ssh worker-1 -- uptime`."""
    checkout = Checkout.here()
    if not checkout.ssh_config.exists():
        raise SandboxError(f"{checkout.ssh_config} is not there", "python -m sandbox up")
    if _container(host)[1].role in (ARTIFACTS, CONTROL_PLANE):
        raise SandboxError(f"{host} is no host and has no SSH server", f"python -m sandbox logs {host}")
    program = shutil.which("ssh")
    if program is None:
        raise SandboxError("the command ssh is not there", "install it: apt-get install openssh-client")
    _become([program, "-F", str(checkout.ssh_config), host, *(command or [])])


@app.command()
def logs(
    name: Annotated[
        str, typer.Argument(metavar="[HOST|control-plane|artifacts]", help="Whose.")
    ] = "control-plane",
    unit: Annotated[
        str, typer.Argument(metavar="[UNIT]", help="Of one systemd unit only, such as kubelet.")
    ] = "",
    follow: Annotated[  # noqa: FBT002
        bool, typer.Option("--follow", "-f", help="Go on with new lines as they come.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 100,
) -> None:
    """Show the journal of a host or of the control plane, or the requests to the artifact server."""
    docker, container = _container(name)
    if container.role == ARTIFACTS:
        _become(docker.command("logs", f"--tail={lines}", *(["--follow"] if follow else []), container.name))
    journal = ["journalctl", "--no-pager", f"--lines={lines}", *(["--follow"] if follow else [])]
    _become(docker.command("exec", container.name, *journal, *([f"--unit={unit}"] if unit else [])))


def _container(role: str) -> tuple[Docker, Container]:
    """The running container of that name."""
    docker = daemon.find(Machine.here())
    if docker is None:
        raise SandboxError("no Docker daemon answers", "python -m sandbox up")
    found = {one.role: one for one in docker.containers(Checkout.here().identifier)}
    if role not in found:
        raise SandboxError(
            f"there is no {role!r}; there are: {', '.join(sorted(found)) or 'none'}",
            "python -m sandbox up" if not found else "see: python -m sandbox status",
        )
    if not found[role].running:
        raise SandboxError(f"{role} is {found[role].status}", "python -m sandbox up")
    return docker, found[role]


def _become(command: list[str]) -> NoReturn:
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


def main() -> int:
    """Run a command; errors that a person can act on are shown without a traceback."""
    console = Console(stderr=True, highlight=False)
    try:
        app()
    except SandboxError as error:
        console.print(f"[bold red]error:[/] {escape(error.what)}", soft_wrap=True)
        if error.fix:
            console.print(f"[bold]fix:[/] {escape(error.fix)}", soft_wrap=True)
        return 1
    except ToolError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except subprocess.CalledProcessError as error:
        said = (
            (error.stderr or b"").decode(errors="replace")
            if isinstance(error.stderr, bytes)
            else error.stderr or ""
        )
        console.print(f"[bold red]error:[/] {escape(f'{error} {said}'.strip())}", soft_wrap=True)
        return 1
    return 0
