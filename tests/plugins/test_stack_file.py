"""What the real engine makes of a stack file is what our own reader makes of it: each form in the same table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.settings.documents import document_of
from components.settings.stackfile import raw_of, stack_file
from components.show.__main__ import main
from tests.components import example
from tests.components.settings.yaml_forms import DOUBTFUL, FORMS, REFUSED
from tests.plugins.engine import Project

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = """\
import os, pathlib
pathlib.Path("seen.json").write_text(os.environ["PULUMI_CONFIG"])
"""


def _seen(project: Project, text: str) -> dict[str, Any]:
    """What a program of the project gets from the stack file `text`."""
    (project.directory / "Pulumi.test.yaml").write_text(text + _salt(project))
    project.write(_PROGRAM)
    project.run("preview")
    found = json.loads((project.directory / "seen.json").read_text())
    assert isinstance(found, dict)
    return found


def _salt(project: Project) -> str:
    """The line that makes the file one of this stack."""
    file = project.directory / "salt"
    if not file.exists():
        file.write_text((project.directory / "Pulumi.test.yaml").read_text())
    return file.read_text()


def test_every_form_arrives_as_our_reader_has_it(project: Project) -> None:
    text = "config:\n" + "".join(f"  test:k{n}:\n    v: {form}\n" for n, form in enumerate(FORMS))
    seen = raw_of(_seen(project, text))
    assert {form: seen[f"test:k{n}"]["v"] for n, form in enumerate(FORMS)} == FORMS
    ours = stack_file(document_of(text), "test", "Pulumi.test.yaml")
    assert ours.problems == ()
    assert {f"test:{key}": value for key, value in ours.config.items()} == seen


def test_the_program_s_keys_are_the_same_ones(project: Project) -> None:
    text = "config:\n  a: {x: 1}\n  test:b: [1]\n  test:config:c: d\n  test:e:\n  other:f: 1\n  test:g: '{\"x\": 1}'\n"
    seen = raw_of(_seen(project, text))
    ours = stack_file(document_of(text), "test", "Pulumi.test.yaml").config
    assert {f"test:{key}": value for key, value in ours.items()} | {"other:f": "1"} == seen
    assert ours == {"a": {"x": 1}, "b": [1], "c": "d", "e": None, "g": {"x": 1}}


@pytest.mark.parametrize("form", REFUSED)
def test_what_we_refuse_the_engine_refuses(form: str, project: Project) -> None:
    salt = _salt(project)
    (project.directory / "Pulumi.test.yaml").write_text(f"config:\n  test:a:\n    v: {form}\n{salt}")
    project.write(_PROGRAM)
    project.run("preview", fails=True)


def test_what_we_doubt_the_engine_reads_in_another_way(project: Project) -> None:
    """Or, with a tag, as if it were not there. So a doubt is none too many."""
    text = "config:\n" + "".join(f"  test:k{n}:\n    v: {form}\n" for n, form in enumerate(DOUBTFUL))
    seen = raw_of(_seen(project, text))
    for number, form in enumerate(DOUBTFUL):
        found = seen[f"test:k{number}"]["v"]
        written = next(iter(found)) if isinstance(found, dict) else found
        assert written not in (form, form.strip("{}").partition(":")[0]), form


NODE = f'{{address: 10.0.0.7, annotations: {{a: 2024-05-01}}, ssh: {{hostKey: "{example.HOST_KEYS[0]}"}}}}'
FILE = f"""\
x-common: &kubernetes {{version: "1.37.2"}}
kubenode:drain: {{force: yes}}
config:
  kubenode:cluster:
    kubeconfigFile: admin.kubeconfig
    podCidr: 10.244.0.0/16
    serviceCidr: 10.96.0.0/16
    dns: {{address: 10.96.0.10}}
  kubenode:ssh: {{privateKeyFile: id_ed25519}}
  kubenode:downloads: {{checksumsFile: SHA256SUMS}}
  kubenode:kubernetes: {{<<: *kubernetes}}
  kubnode:timeouts: {{readySeconds: 1}}
  kubenode:drain: {{force: yes}}
  kubenode:nodes: {{w1: {NODE}}}
"""
DATE = "a date, of which Pulumi makes other text: write it in quotes"
TOLD = [
    "kubenode:drain: stands beside config in Pulumi.test.yaml, where nobody reads it: move it below config",
    "kubnode:timeouts: nobody reads the namespace kubnode, did you mean kubenode:timeouts?",
    f"nodes.w1.annotations.a: {DATE} (Pulumi.test.yaml, line 14)",
    "drain.force: expected true or false, without quotes",
]


def _program(project: Project) -> None:
    """The real program, in a stack `test` of a project kubenode."""
    example.write_project(project.directory)
    (project.directory / "Pulumi.yaml").write_text("name: kubenode\nruntime: python\n")
    (project.directory / "Pulumi.test.yaml").unlink()
    project.run("stack", "init", "test")
    project.write(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n" + (ROOT / "__main__.py").read_text())


def test_show_and_a_run_refuse_the_same_file_with_the_same_words(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    _program(project)
    (project.directory / "Pulumi.test.yaml").write_text(FILE + _salt(project))
    output = project.run("preview", fails=True)
    assert main(["w1", "--stack", "test"], project.directory) == 1
    assert capsys.readouterr().err.splitlines()[1:] == TOLD
    for line in TOLD:
        assert line in output


def test_an_encrypted_number_is_refused_by_both(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    _program(project)
    right = (
        FILE.replace("2024-05-01", "bought")
        .replace("kubnode:", "kubenode:")
        .replace("force: yes", "force: true")
    )
    text = right.replace("kubenode:drain: {force: true}\nconfig", "config")
    (project.directory / "Pulumi.test.yaml").write_text(text + _salt(project))
    for place, value in {"drain.timeoutSeconds": "5", "kubelet.extraConfig.maxPods": "55"}.items():
        project.run("config", "set", "--secret", "--path", place, value)
    project.run("config", "set", "--secret", "--path", "kubelet.extraFlags.v", "4")  # text is as good there
    output = project.run("preview", fails=True)
    assert main(["w1", "--stack", "test"], project.directory) == 1
    cause = (
        "; it is encrypted, that is why: Pulumi hands over what is encrypted as text. "
        "Write it in plain, it is no secret"
    )
    told = capsys.readouterr().err.splitlines()[1:]
    assert told == [
        f"drain.timeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 300{cause}",
        f"kubelet.extraConfig.maxPods: expected a whole number, for example 10{cause}",
    ]
    for line in told:
        assert line in output
