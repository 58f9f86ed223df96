"""The workflow files: who may do what, what is pinned, and that their commands are the tested ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workflows import workflow
from tests.workflows.commands import AROUND_THE_TESTS, ON_THE_SANDBOX

# Compared with the tags of the actions' repositories; a new release is a new line here, looked up there.
_PINNED = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "pulumi/actions": ("8e5e406f4007fca908480587cb9893c07090f58d", "v7.0.0"),
}
_WITH_SECRETS = {"preview.yml": "preview", "up.yml": "up", "nightly.yml": "renew"}
_NAMES = ["nightly.yml", "preview.yml", "test.yml", "up.yml"]

each_file = pytest.mark.parametrize("name", _NAMES)


def _jobs(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from workflow.load(name)["jobs"].items()


def test_there_are_just_these() -> None:
    assert workflow.names() == _NAMES


@each_file
def test_every_action_is_pinned_to_a_commit(name: str) -> None:
    used = re.findall(r"uses: *(\S+?)@(\S+)(?: # (\S+))?$", workflow.text(name), re.MULTILINE)
    assert len(used) == workflow.text(name).count("uses:") > 0
    for action, commit, release in used:
        assert (commit, release) == _PINNED[action], action


@each_file
def test_nobody_has_a_right_beyond_reading_but_the_comment(name: str) -> None:
    assert workflow.load(name)["permissions"] == {"contents": "read"}
    for job, found in _jobs(name):
        allowed = {"contents": "read", "pull-requests": "write"} if job == "preview" else None
        assert found.get("permissions") == allowed, job


@each_file
def test_no_workflow_runs_foreign_code_with_our_rights(name: str) -> None:
    triggers = set(workflow.load(name)["on"])
    assert triggers <= {"pull_request", "push", "schedule", "workflow_dispatch"}
    for _, found in _jobs(name):
        for step in found["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}
            # What somebody else wrote, such as a branch's name, reaches no shell.
            assert "${{" not in step.get("run", "")


@each_file
def test_secrets_reach_just_the_steps_that_need_them(name: str) -> None:
    document = workflow.load(name)
    assert "secrets." not in str(document.get("env", ""))
    for job, found in _jobs(name):
        assert "secrets." not in str({key: value for key, value in found.items() if key != "steps"}), job
        for step in found["steps"]:
            if "secrets." in str(step):
                assert _WITH_SECRETS[name] == job
                assert step["run"] in (
                    "ci/secrets",
                    "ci/preview",
                    "ci/up",
                    "ci/renew",
                    "ci/drift",
                    "ci/audit",
                )
            assert ("github.token" in str(step)) is (step.get("run") == "ci/comment")


def test_a_forks_pull_request_gets_lint_and_unit_tests_only() -> None:
    ours = "github.event.pull_request.head.repo.full_name == github.repository"
    for name in _NAMES:
        document = workflow.load(name)
        if "pull_request" not in document["on"]:
            continue
        for job, found in document["jobs"].items():
            if (name, job) == ("test.yml", "fast"):
                assert "if" not in found
                assert [step["run"] for step in found["steps"] if "run" in step] == [
                    "make lint",
                    "make test-fast",
                ]
            else:
                guarded = ours in str(found.get("if", "")) or document["jobs"][found["needs"]]["if"] == ours
                assert guarded, job
    assert "secrets." not in workflow.text("test.yml")
    assert "environment" not in workflow.text("test.yml")


def test_one_run_for_each_stack_at_a_time_and_none_is_cancelled() -> None:
    for name in ("up.yml", "nightly.yml"):
        found = workflow.load(name)["jobs"][_WITH_SECRETS[name]]
        assert found["concurrency"] == {"group": "stack-${{ matrix.stack }}", "cancel-in-progress": False}
        assert found["strategy"]["fail-fast"] is False
        assert "refs/heads/main" in found["if"]
        # One who forgets would write the state in its whole size, for all others.
        assert found["env"]["PULUMI_DIY_BACKEND_ZSTD"] == "true"
    assert workflow.load("up.yml")["jobs"]["up"]["environment"] == "${{ matrix.stack }}"


@each_file
def test_every_job_ends_some_time(name: str) -> None:
    assert all(0 < found["timeout-minutes"] <= 180 for _, found in _jobs(name))


@each_file
def test_every_command_is_one_that_the_tests_run(name: str) -> None:
    for job, _ in _jobs(name):
        for step in workflow.steps(name, job):
            assert step.run in ON_THE_SANDBOX or step.run in AROUND_THE_TESTS, step.run


def test_no_command_is_listed_that_no_workflow_runs() -> None:
    used = {step.run for name in _NAMES for job, _ in _jobs(name) for step in workflow.steps(name, job)}
    assert used == ON_THE_SANDBOX | set(AROUND_THE_TESTS)


def test_every_script_can_be_started() -> None:
    for command in ON_THE_SANDBOX | {".ci/run"}:
        assert os.access(workflow.ROOT / command.split()[0], os.X_OK), command


@pytest.mark.parametrize(("name", "job"), _WITH_SECRETS.items())
def test_key_files_do_not_outlive_the_job(name: str, job: str) -> None:
    last = workflow.steps(name, job)[-1]
    assert (last.run, last.condition) == ("ci/secrets remove", "always()")


def test_the_pulumi_that_is_installed_is_the_one_the_program_needs() -> None:
    requirements = (workflow.ROOT / "requirements.txt").read_text(encoding="utf-8")
    version = re.search(r"^pulumi==(\S+)$", requirements, re.MULTILINE)
    assert version
    for name, job in _WITH_SECRETS.items():
        found = [step for step in workflow.load(name)["jobs"][job]["steps"] if "pulumi/actions" in str(step)]
        assert [step["with"] for step in found] == [{"pulumi-version": version[1]}]


def test_expressions_are_replaced_and_an_unknown_one_is_an_error() -> None:
    assert workflow.resolved("${{ a.b || c }}-x", {"a.b": "", "c": "2"}) == "2-x"
    with pytest.raises(KeyError):
        workflow.resolved("${{ a.b }}", {})
