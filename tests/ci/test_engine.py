"""The scripts with the real engine: what a night runs, and that it deploys nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.engine import Project, new_project
from tests.plugins.tools import tool

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
    import pulumi, pulumi_tls as tls
    from pulumi_command import local

    class Node(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("kubenode:index:Node", name)
            def command(step, after, text):
                line = f"test ! -e {log}.{{name}}-is-dead && echo {{name}} {{step}} >>{log}"
                return local.Command(f"{{name}}-{{step}}", create=line, update=line, stdin=text,
                    opts=pulumi.ResourceOptions(parent=self, depends_on=after))
            docker = command("docker", [], "{docker}")
            approval = command("csr-approval", [docker], "same")
            proxy = command("kube-proxy", [docker], clock.cert_pem)
            command("in-service", [approval, proxy], "same")

    key = tls.PrivateKey("cluster-kube-proxy-key", algorithm="ECDSA", ecdsa_curve="P256")
    clock = tls.SelfSignedCert("cluster-kube-proxy-clock", private_key_pem=key.private_key_pem,
        subject={{"common_name": "clock"}}, validity_period_hours=100, early_renewal_hours={early}, allowed_uses=[])
    Node("worker-1")
    Node("worker-2")
    """


class Night:
    """A project with the scripts of ci/ beside its program, and the log of what its commands did."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.log = project.directory / "log"
        folder = project.directory
        shutil.copytree(ROOT / "ci", folder / "ci", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "components" / "local").mkdir(parents=True)
        for name in ("components/__init__.py", "components/local/__init__.py", "components/local/errors.py"):
            shutil.copy2(ROOT / name, folder / name)
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)

    def write(self, *, docker: str = "old", early: int = 1) -> None:
        self.project.write(_PROGRAM.format(log=self.log, docker=docker, early=early))

    def run(self, script: str) -> tuple[int, str]:
        environment = {
            **self.project.environment,
            "PATH": f"{Path(tool('pulumi')).parent}:{self.project.environment['PATH']}",
            "STACK": "test",
        }
        done = subprocess.run(
            [f"ci/{script}"],
            cwd=self.project.directory,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout

    def did(self) -> list[str]:
        """What ran since the last call."""
        lines = sorted(self.log.read_text(encoding="utf-8").splitlines()) if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def night(tmp_path: Path) -> Night:
    made = Night(new_project(tmp_path, tmp_path / "home"))
    made.write()
    code, said = made.run("up")
    assert code == 0, said
    assert len(made.did()) == 8
    return made


_APPROVED = ["worker-1 csr-approval", "worker-2 csr-approval"]


def test_nights(night: Night) -> None:
    """One after the other, since each start of the engine takes seconds."""
    # Nothing is due, and nothing waits to be deployed.
    code, said = night.run("renew")
    assert (code, night.did()) == (0, _APPROVED), said
    code, said = night.run("drift")
    assert (code, night.did()) == (0, []), said

    # A change that nobody deployed.
    night.write(docker="new")
    code, said = night.run("preview")
    assert (code, night.did()) == (0, []), said
    assert "worker-2-docker" in said
    code, said = night.run("renew")
    assert (code, night.did()) == (0, _APPROVED), said
    code, said = night.run("drift")
    assert code != 0
    assert "worker-1-docker" in said
    assert night.did() == []

    # A certificate is due beside it.
    night.write(early=100, docker="new")
    code, said = night.run("renew")
    assert code == 1
    assert (
        "pulumi up would also change worker-1-docker, worker-2-docker. Deploy the configuration first" in said
    )
    assert night.did() == _APPROVED

    # A certificate is due.
    night.write(early=100)
    code, said = night.run("renew")
    assert code == 0, said
    assert night.did() == sorted([*_APPROVED, "worker-1 kube-proxy", "worker-2 kube-proxy"])

    # With a host that is dead: the next one is due too, for it is to live no longer than it is due early.
    dead = night.log.with_name("log.worker-1-is-dead")
    dead.touch()
    code, said = night.run("renew")
    assert code != 0
    assert "not every certificate of test could be renewed" in said
    assert night.did() == ["worker-2 csr-approval", "worker-2 kube-proxy"], said
    dead.unlink()
    code, said = night.run("up")
    assert code == 0, said
    assert "worker-1 kube-proxy" in night.did()
