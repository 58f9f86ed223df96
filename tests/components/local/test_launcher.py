"""The sh launcher: which Python, and what of the environment comes through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.local.conftest import LAUNCHER, ROOT, FakeKubectl, Run, environment, runner

TELL = '#!/bin/sh\necho "$0"; env | sort; pwd\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project directory that is not the checkout."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def python(path: Path) -> Path:
    """A stand-in for a Python that tells how it was started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TELL)
    path.chmod(0o755)
    return path


def launch(project: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LAUNCHER), "api-read", "apply"],
        cwd=project,
        env={"PATH": "/usr/bin:/bin", **env},
        input="",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def chosen(project: Path, **env: str) -> str:
    return launch(project, **env).stdout.splitlines()[0]


def test_the_order_of_interpreters(project: Path, tmp_path: Path) -> None:
    on_path = python(tmp_path / "bin" / "python3")
    given = {"PATH": f"{on_path.parent}:/usr/bin:/bin"}
    assert chosen(project, **given) == str(on_path)
    python(project / "venv/bin/python")
    assert chosen(project, **given) == "./venv/bin/python"
    python(project / ".venv/bin/python")
    assert chosen(project, **given) == "./.venv/bin/python"
    engine = python(tmp_path / "engine" / "python")
    assert chosen(project, PULUMI_PYTHON_CMD=str(engine), **given) == str(engine)
    own = python(tmp_path / "own" / "python")
    assert chosen(project, KUBENODE_PYTHON=str(own), PULUMI_PYTHON_CMD=str(engine), **given) == str(own)


def test_an_engine_s_python_that_is_gone_is_passed_over(project: Path) -> None:
    python(project / ".venv/bin/python")
    assert chosen(project, PULUMI_PYTHON_CMD="/gone/python") == "./.venv/bin/python"


def test_a_kubenode_python_that_is_gone_is_an_error(project: Path) -> None:
    done = launch(project, KUBENODE_PYTHON="/gone/python")
    assert done.returncode == 2
    assert "KUBENODE_PYTHON is '/gone/python'" in done.stderr


def test_the_engine_s_environment_stays_outside_but_for_the_last_output(project: Path) -> None:
    own = python(project / "python")
    secret = "line one\nPULUMI_FAKE=inside\nline three"
    out = launch(
        project,
        KUBENODE_PYTHON=str(own),
        PULUMI_CONFIG_PASSPHRASE="canary-passphrase",
        PULUMI_BACKEND_URL="file:///x",
        PULUMI_COMMAND_STDOUT=secret,
        PULUMI_COMMAND_STDERR="canary-stderr",
        AWS_PROFILE="needed-by-credential-helpers",
    ).stdout
    assert "canary" not in out
    assert "PULUMI_BACKEND_URL" not in out
    assert f"KUBENODE_PREVIOUS_STDOUT={secret.splitlines()[0]}" in out
    assert "line three" in out
    assert "AWS_PROFILE=needed" in out


def test_an_earlier_last_output_is_not_believed(project: Path) -> None:
    out = launch(
        project, KUBENODE_PYTHON=str(python(project / "python")), KUBENODE_PREVIOUS_STDOUT="old"
    ).stdout
    assert "KUBENODE_PREVIOUS_STDOUT=\n" in out


def test_paths_are_seen_from_the_project_directory(project: Path) -> None:
    out = launch(project, KUBENODE_PYTHON=str(python(project / "python"))).stdout
    assert out.splitlines()[-1] == str(project)
    assert f"PYTHONPATH={ROOT}" in out


@pytest.fixture
def run_without_api(tmp_path: Path) -> Run:
    return runner(environment(tmp_path, tmp_path))


@pytest.mark.parametrize("words", [["--help"], ["out-of-service", "--help"], ["api-read", "help"]])
def test_help(words: list[str]) -> None:
    done = subprocess.run(
        [str(LAUNCHER), *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "KUBENODE_PYTHON": sys.executable},
        check=True,
    )
    assert "apply" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reboot", "apply"], "no program 'reboot'; there are: bootstrap-token"),
        (["in-service", "explode"], "in-service: expected one of the verbs apply, remove"),
        (["in-service"], "in-service: expected one of the verbs"),
        (["in-service", "apply"], "in-service: standard input holds no JSON"),
    ],
)
def test_wrong_calls(words: list[str], message: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(LAUNCHER), *words],
        capture_output=True,
        text=True,
        input="",
        env=environment(tmp_path, tmp_path),
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_without_the_packages_says_which(tmp_path: Path) -> None:
    base = Path(os.path.realpath(sys.executable))
    done = subprocess.run(
        [str(LAUNCHER), "csr-approval", "apply"],
        input="{}",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "KUBENODE_PYTHON": f"{bare_python(tmp_path, base)}"},
        check=False,
    )
    assert done.returncode == 1
    assert "lacks the package cryptography" in done.stderr
    assert "Traceback" not in done.stderr


def bare_python(tmp_path: Path, base: Path) -> Path:
    """This Python without its installed packages."""
    script = tmp_path / "bare-python"
    script.write_text(f'#!/bin/sh\nexec "{base}" -S "$@"\n')
    script.chmod(0o755)
    return script


def test_a_removal_of_what_leaves_nothing_needs_no_api(run_without_api: Run) -> None:
    for program in ("csr-approval", "lost-node", "api-read"):
        outcome = run_without_api(program, "remove", node="w", tokenId="abcdef", kubeconfigFile="/nope")
        assert (outcome.stdout, outcome.stderr) == ("", "")


def test_a_removal_that_needs_the_api_says_what_is_missing(
    run_without_api: Run, fake_kubectl: FakeKubectl
) -> None:
    outcome = run_without_api("in-service", "remove", node="w", kubeconfigFile="/nope", expect=1)
    assert "kubeconfigFile: /nope does not exist" in outcome.stderr
    fake_kubectl.answer("get /api/v1/nodes/w", {"code": 1, "stderr": "dial tcp: connect: connection refused"})
    refused = fake_kubectl.run("in-service", "remove", node="w", apiRetrySeconds=1, expect=1)
    assert "w: in-service remove: the API server cannot be reached" in refused.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck() -> None:
    done = subprocess.run(["shellcheck", str(LAUNCHER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
