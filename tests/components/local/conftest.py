"""Runs the programs as the engine does: the launcher, JSON on stdin, what came out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import apiserver
from tests.support.apiserver import ApiServer

ROOT = Path(__file__).parents[3]
LAUNCHER = ROOT / "components" / "local" / "run"


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


Run = Callable[..., Outcome]


def environment(directory: Path, kubectl: Path) -> dict[str, str]:
    """A small environment of the test's own, with this kubectl."""
    runtime = directory / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return {
        "PATH": f"{kubectl}:/usr/bin:/bin",
        "HOME": str(directory),
        "XDG_RUNTIME_DIR": str(runtime),
        "KUBENODE_PYTHON": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def runner(environ: dict[str, str]) -> Run:
    def run(
        program: str, verb: str, *, expect: int | None = 0, env: dict[str, str] | None = None, **values: Any
    ) -> Outcome:
        done = subprocess.run(
            [str(LAUNCHER), program, verb],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            env={**environ, **(env or {})},
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        if expect is not None:
            assert done.returncode == expect, outcome
        return outcome

    return run


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One real API server for all tests here; each uses node names of its own."""
    with apiserver.running(tmp_path_factory.mktemp("api-server")) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, api_server: ApiServer) -> Run:
    """Runs a program against the real API server, as the admin."""
    inner = runner(environment(tmp_path, Path(api_server.kubectl_path).parent))

    def with_kubeconfig(program: str, verb: str, **values: Any) -> Outcome:
        if "kubeconfig" not in values:
            values.setdefault("kubeconfigFile", str(api_server.kubeconfig))
        return inner(program, verb, **values)

    return with_kubeconfig


FAKE_KUBECTL = r'''#!{python}
"""A kubectl that answers from a script: replies.json maps requests to answers, in turn; the last stays."""
import json, os, pathlib, sys, time
here = pathlib.Path({here!r})
common = ("--kubeconfig=", "--context=", "--request-timeout=")
arguments = [one for one in sys.argv[1:] if not one.startswith(common)]
stdin = sys.stdin.read() if "-f" in arguments else ""
with (here / "calls.jsonl").open("a") as file:
    file.write(json.dumps({{"argv": sys.argv[1:], "arguments": arguments, "stdin": stdin}}) + "\n")
replies = json.loads((here / "replies.json").read_text())
key = " ".join(one for one in arguments if one not in ("--raw", "-f", "-"))
found = replies.get(key)
if found is None:
    sys.exit(f"Error from server (NotFound): {{key}} not found")
count_file = here / ("count-" + key.replace("/", "_").replace(" ", "_")[:100])
count = int(count_file.read_text()) if count_file.exists() else 0
count_file.write_text(str(count + 1))
answer = found[min(count, len(found) - 1)]
time.sleep(answer.get("sleep", 0))
if "signal_file" in answer:
    pathlib.Path(answer["signal_file"]).write_text(" ".join(sys.argv))
    time.sleep(60)
sys.stderr.write(answer.get("stderr", ""))
out = answer.get("out", {{}})
print(out if isinstance(out, str) else json.dumps(out))
sys.exit(answer.get("code", 0))
'''


class FakeKubectl:
    """kubectl on PATH that answers as told, and remembers what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        program = directory / "kubectl"
        program.write_text(FAKE_KUBECTL.format(python=sys.executable, here=str(directory)))
        program.chmod(0o755)
        self.replies: dict[str, list[dict[str, Any]]] = {}
        self.kubeconfig = directory / "kubeconfig"
        self.kubeconfig.write_text("{}")
        self.environment = environment(directory, directory)
        self._run = runner(self.environment)

    def answer(self, request: str, *answers: dict[str, Any]) -> None:
        """`request` is like "get /version" or "drain worker-1 ..."; without an answer it is NotFound."""
        self.replies[request] = list(answers)

    def run(self, program: str, verb: str, **values: Any) -> Outcome:
        self.write()
        if "kubeconfig" not in values:
            values.setdefault("kubeconfigFile", str(self.kubeconfig))
        return self._run(program, verb, **values)

    def write(self) -> None:
        (self.directory / "replies.json").write_text(json.dumps(self.replies))

    @property
    def calls(self) -> list[dict[str, Any]]:
        path = self.directory / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def asked(self, start: str) -> list[dict[str, Any]]:
        return [one for one in self.calls if " ".join(one["arguments"]).startswith(start)]


@pytest.fixture
def fake_kubectl(tmp_path: Path) -> FakeKubectl:
    return FakeKubectl(tmp_path)


def refused(message: str) -> dict[str, Any]:
    """An answer of kubectl that is an error."""
    return {"code": 1, "stderr": message}
