"""The workflow files as the tests need them: jobs, their steps, and a step run as a runner would run it.

Owns reading the files and putting values in for the few expressions that they use. Does not own what a runner does
between steps.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".github" / "workflows"
_EXPRESSION: Final = re.compile(r"\$\{\{ *(.+?) *\}\}")

Json = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """`on` is a key here, not a truth value."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def names() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir())


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def load(name: str) -> Json:
    document: Json = yaml.load(text(name), Loader=_Loader)  # a SafeLoader
    return document


@dataclass(frozen=True)
class Step:
    """One `run:` of a job, with what the file says of its environment."""

    run: str
    environment: Mapping[str, str]
    condition: str

    @property
    def after_failure(self) -> bool:
        return "always()" in self.condition or "!cancelled()" in self.condition


def steps(name: str, job: str) -> list[Step]:
    """The `run:` steps of a job in their order."""
    found = load(name)["jobs"][job]
    return [
        Step(step["run"], {**found.get("env", {}), **step.get("env", {})}, str(step.get("if", "")))
        for step in found["steps"]
        if "run" in step
    ]


def run_job(
    name: str, job: str, folder: Path, environment: Mapping[str, str], values: Mapping[str, str]
) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
    """Run a job's commands one after the other as a runner does: in bash, and after a failure only what says so.

    `values` are those of expressions, such as `matrix.stack`; one that is not given is an error.
    """
    done: list[tuple[str, subprocess.CompletedProcess[str]]] = []
    failed = False
    for step in steps(name, job):
        if failed and not step.after_failure:
            continue
        own = {key: resolved(value, values) for key, value in step.environment.items()}
        result = subprocess.run(
            ["bash", "-e", "-c", step.run],
            cwd=folder,
            env={**environment, **own},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=1200,
            check=False,
        )
        done.append((step.run, result))
        failed = failed or result.returncode != 0
    return done


def resolved(value: object, values: Mapping[str, str]) -> str:
    """A value with its expressions replaced; of alternatives the first that is not empty."""

    def one(found: re.Match[str]) -> str:
        given = [values[part.strip()] for part in found[1].split("||")]
        return next((part for part in given if part), "")

    return _EXPRESSION.sub(one, str(value))
