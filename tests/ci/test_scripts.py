"""The scripts of ci/ with a stand-in for pulumi that notes how it is called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ci import samples
from tests.ci.hub import hub_of

ROOT = Path(__file__).resolve().parents[2]
_APPROVAL = "urn:pulumi:prod::kubenode::kubenode:index:Node$command:local:Command::{}-csr-approval"
_RENEWAL = "up --stack prod --yes --skip-preview --non-interactive --color=never --continue-on-error"

_SCRIPTS = sorted(
    path.name for path in (ROOT / "ci").iterdir() if os.access(path, os.X_OK) and path.is_file()
)
_VARIABLES = ("STACK", "PULL_REQUEST", "GITHUB_REPOSITORY", "GITHUB_TOKEN")

_PULUMI = """\
#!/bin/sh
echo "$*" >>calls
case $1 in
    stack) cat state.json ;;
    preview) case " $* " in *" --json "*) cat preview.json ;; *) cat preview.txt; exit "$(cat code)" ;; esac ;;
    refresh) exit "$(cat code)" ;;
    up) exit "$(cat up-code 2>/dev/null || echo 0)" ;;
esac
"""


@dataclass
class Checkout:
    """A folder with ci/ and what ci/ imports, and the stand-in on PATH."""

    root: Path

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env={"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", **environment},
            text=True,
            capture_output=True,
            check=False,
        )

    def calls(self) -> list[str]:
        path = self.root / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    shutil.copytree(ROOT / "ci", tmp_path / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "components" / "local").mkdir(parents=True)
    for name in ("components/__init__.py", "components/local/__init__.py", "components/local/errors.py"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "bin").mkdir()
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.write_text(_PULUMI, encoding="utf-8")
    pulumi.chmod(0o755)
    made = Checkout(tmp_path)
    made.write("code", "0")
    made.write("preview.txt", samples.ONE_SETTING)
    made.write("preview.json", '{"steps": []}')
    made.write("state.json", _state("worker-1", "worker-2"))
    return made


def _state(*nodes: str) -> str:
    resources = [{"urn": _APPROVAL.format(node), "type": "command:local:Command"} for node in nodes]
    return json.dumps({"deployment": {"resources": resources}})


def test_stacks_are_the_stack_files_but_the_sandboxs(checkout: Checkout) -> None:
    assert checkout.run("ci/stacks").stdout == "stacks=[]\n"
    for name in ("dev", "prod", "site-2"):
        checkout.write(f"Pulumi.{name}.yaml", "config: {}\n")
    checkout.write("Pulumi.prod.yaml.example", "config: {}\n")
    assert checkout.run("ci/stacks").stdout == 'stacks=["prod","site-2"]\n'
    assert checkout.run("ci/stacks", ONLY="site-2").stdout == 'stacks=["site-2"]\n'
    wrong = checkout.run("ci/stacks", ONLY="prot")
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (
        1,
        "",
        "ci/stacks: there is no Pulumi.prot.yaml\n",
    )
    # The sandbox's stack has no hosts for others to deploy to.
    assert checkout.run("ci/stacks", ONLY="dev").returncode == 1


def test_a_stack_name_cannot_break_the_matrix(checkout: Checkout) -> None:
    checkout.write('Pulumi.a","b.yaml', "config: {}\n")
    assert checkout.run("ci/stacks").returncode == 1


def test_secrets_are_files_of_this_user_alone_and_go_again(checkout: Checkout) -> None:
    assert checkout.run("ci/secrets").returncode == 0
    assert list((checkout.root / "secrets").iterdir()) == []
    assert checkout.run("ci/secrets", KUBENODE_KUBECONFIG="a: 1", KUBENODE_SSH_KEY="key\nend").returncode == 0
    key = checkout.root / "secrets" / "id_ed25519"
    assert key.read_text(encoding="utf-8") == "key\nend\n"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (checkout.root / "secrets" / "admin.kubeconfig").read_text(encoding="utf-8") == "a: 1\n"
    assert checkout.run("ci/secrets", "remove").returncode == 0
    assert list((checkout.root / "secrets").iterdir()) == []
    assert checkout.run("ci/secrets", "remove").returncode == 0


def test_a_preview_is_shown_and_kept(checkout: Checkout) -> None:
    done = checkout.run("ci/preview", STACK="prod")
    assert (done.returncode, done.stdout) == (0, samples.ONE_SETTING)
    assert checkout.calls() == ["preview --stack prod --diff --non-interactive --color=never"]
    assert (checkout.root / ".ci-results/prod/preview.txt").read_text(encoding="utf-8") == samples.ONE_SETTING


def test_a_failed_preview_fails_and_is_commented_on(checkout: Checkout) -> None:
    checkout.write("code", "255")
    checkout.write("preview.txt", "error: refused, nothing was changed:\nnodes.worker-1: …\n")
    assert checkout.run("ci/preview", STACK="prod").returncode == 255
    with hub_of("token") as hub:
        done = checkout.run(
            "ci/comment",
            STACK="prod",
            GITHUB_API_URL=hub.address,
            GITHUB_REPOSITORY="o/r",
            GITHUB_TOKEN="token",
            PULL_REQUEST="7",
            GITHUB_RUN_ID="11",
        )
        assert (done.returncode, done.stdout) == (0, "https://github.example/comment/1\n"), done.stderr
        assert "**The preview failed** (exit code 255)" in hub.comments[0]["body"]


def test_a_comment_without_its_settings_names_all_that_is_missing(checkout: Checkout) -> None:
    done = checkout.run("ci/comment", PULL_REQUEST="7")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "ci/comment: STACK is not set, for example STACK=prod",
        "ci/comment: GITHUB_REPOSITORY is not set, for example GITHUB_REPOSITORY=owner/name",
        "ci/comment: GITHUB_TOKEN is not set, for example GITHUB_TOKEN, as the workflow sets it",
    ]


def test_a_comment_on_what_is_no_number_is_told(checkout: Checkout) -> None:
    checkout.run("ci/preview", STACK="prod")
    settings = {"GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "token", "PULL_REQUEST": "abc"}
    done = checkout.run("ci/comment", STACK="prod", **settings)
    assert done.returncode == 1
    assert done.stderr == "ci comment: PULL_REQUEST: expected the number of a pull request, for example 7\n"


def test_a_comment_is_of_the_stack_that_it_names(checkout: Checkout) -> None:
    checkout.run("ci/preview", STACK="prod")
    with hub_of("token") as hub:
        settings = {"GITHUB_API_URL": hub.address, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "token"}
        done = checkout.run("ci/comment", STACK="other", PULL_REQUEST="7", **settings)
        assert done.returncode == 1
        assert done.stderr == "ci/comment: there is no preview of other here: run ci/preview first\n"
        assert hub.comments == []


def test_the_text_of_a_comment_alone(checkout: Checkout) -> None:
    checkout.run("ci/preview", STACK="prod")
    kept = [f".ci-results/prod/preview.{end}" for end in ("txt", "code")]
    done = checkout.run(".venv/bin/python", "-m", "ci", "text", "prod", *kept)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<!-- kubenode preview of prod -->\n### Preview of `prod`\n")


@pytest.mark.parametrize("name", _SCRIPTS)
def test_help_says_what_a_script_is_for_and_does_nothing(checkout: Checkout, name: str) -> None:
    done = checkout.run(f"ci/{name}", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) >= 1
    assert not done.stdout.startswith("#")
    assert checkout.calls() == []


@pytest.mark.parametrize("name", _SCRIPTS)
def test_an_argument_that_nobody_reads_is_refused(checkout: Checkout, name: str) -> None:
    done = checkout.run(f"ci/{name}", "prod", **dict.fromkeys(_VARIABLES, "1"))
    assert done.returncode == 2
    assert done.stderr == f"ci/{name}: takes no arguments, and was given: prod\n"
    assert checkout.calls() == []


def test_up_asks_nothing(checkout: Checkout) -> None:
    assert checkout.run("ci/up", STACK="prod").returncode == 0
    assert checkout.calls() == ["up --stack prod --yes --skip-preview --diff --non-interactive --color=never"]


def test_a_night_approves_what_waits_and_deploys_nothing(checkout: Checkout) -> None:
    checkout.write("preview.json", '{"steps": [{"op": "update", "urn": "urn:x::worker-1-docker"}]}')
    done = checkout.run("ci/renew", STACK="prod")
    assert done.returncode == 0, done.stderr
    first, second = (f"--target-replace {_APPROVAL.format(node)}" for node in ("worker-1", "worker-2"))
    ups = [call for call in checkout.calls() if call.startswith("up ")]
    assert ups == [f"{_RENEWAL} {first} {second}"]
    assert "no certificate is due" in done.stdout


def test_a_night_renews_kube_proxys_certificate(checkout: Checkout) -> None:
    checkout.write("preview.json", '{"steps": [{"op": "replace", "urn": "urn:x::cluster-kube-proxy-clock"}]}')
    assert checkout.run("ci/renew", STACK="prod").returncode == 0
    assert checkout.calls()[-1] == _RENEWAL


def test_a_dead_host_keeps_no_other_node_from_its_renewal(checkout: Checkout) -> None:
    """The engine goes on with the others and fails in the end; so does the night, after all that there is to renew."""
    checkout.write("preview.json", '{"steps": [{"op": "replace", "urn": "urn:x::cluster-kube-proxy-clock"}]}')
    checkout.write("up-code", "255")
    done = checkout.run("ci/renew", STACK="prod")
    assert done.returncode == 255
    assert done.stderr == "ci renew: not every certificate of prod could be renewed: see above\n"
    ups = [call for call in checkout.calls() if call.startswith("up ")]
    assert len(ups) == 2
    assert all("--continue-on-error" in call.split() for call in ups)


def test_a_night_refuses_to_deploy_what_nobody_has(checkout: Checkout) -> None:
    steps = [
        {"op": "replace", "urn": "urn:x::cluster-kube-proxy-clock"},
        {"op": "update", "urn": "urn:x::worker-1-docker"},
    ]
    checkout.write("preview.json", json.dumps({"steps": steps}))
    done = checkout.run("ci/renew", STACK="prod")
    assert done.returncode == 1
    assert "pulumi up would also change worker-1-docker" in done.stderr
    assert _RENEWAL not in checkout.calls()


def test_a_night_leaves_alone_what_is_configured_and_not_deployed(checkout: Checkout) -> None:
    steps = [{"op": "update", "urn": _APPROVAL.format("worker-1")}, {"op": "same", "urn": "urn:x"}]
    checkout.write("preview.json", json.dumps({"steps": steps}))
    done = checkout.run("ci/renew", STACK="prod")
    assert done.returncode == 1
    assert "worker-1-csr-approval: what is configured is not deployed yet. Left to: pulumi up" in done.stderr
    ups = [call for call in checkout.calls() if call.startswith("up ")]
    assert ups == [f"{_RENEWAL} --target-replace {_APPROVAL.format('worker-2')}"]


def test_a_night_with_another_kubeconfig_approves_nothing(checkout: Checkout) -> None:
    urn = "urn:pulumi:prod::kubenode::pulumi:providers:kubernetes::cluster-provider"
    checkout.write("preview.json", json.dumps({"steps": [{"op": "update", "urn": urn}]}))
    done = checkout.run("ci/renew", STACK="prod")
    assert done.returncode == 1
    assert done.stderr.count("is not deployed yet") == 2
    assert [call for call in checkout.calls() if call.startswith("up ")] == []


def test_a_stack_without_nodes_has_nothing_to_renew(checkout: Checkout) -> None:
    checkout.write("state.json", _state())
    done = checkout.run("ci/renew", STACK="prod")
    assert (done.returncode, done.stdout) == (0, "prod has no nodes: nothing to renew\n")
    assert checkout.calls() == ["stack export --stack prod --non-interactive"]


def test_drift_looks_at_both_even_if_the_first_differs(checkout: Checkout) -> None:
    assert checkout.run("ci/drift", STACK="prod").returncode == 0
    checkout.write("code", "1")
    assert checkout.run("ci/drift", STACK="prod").returncode == 1
    assert [call.split()[0] for call in checkout.calls()] == ["preview", "refresh"] * 2
    assert all("--expect-no-changes" in call for call in checkout.calls())
    assert "--preview-only" in checkout.calls()[-1]


@pytest.mark.parametrize("script", ["preview", "comment", "up", "renew", "drift"])
def test_a_script_without_stack_touches_nothing(checkout: Checkout, script: str) -> None:
    done = checkout.run(f"ci/{script}")
    assert done.returncode != 0
    assert "STACK" in done.stderr
    assert checkout.calls() == []
