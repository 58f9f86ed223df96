"""The commands of the workflows, in their order: a preview with its comment, a deployment, a night."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.ci.hub import Hub, hub_of
from tests.e2e.lab import STACK, Lab
from tests.e2e.stack import Json
from tests.workflows.workflow import run_job

pytestmark = pytest.mark.sandbox

Results = list[tuple[str, subprocess.CompletedProcess[str]]]
_SECRET_FILES = ("secrets/admin.kubeconfig", "secrets/id_ed25519")


def _values(lab: Lab) -> dict[str, str]:
    """What GitHub would put in for the expressions of the files."""
    place = lab.place
    return {
        "matrix.stack": STACK,
        "inputs.stack": "",
        "github.token": "canary-github-token",
        "github.event.pull_request.number": "7",
        "vars.PULUMI_BACKEND_URL": place.env["PULUMI_BACKEND_URL"],
        "secrets.PULUMI_BACKEND_URL": "",
        "secrets.PULUMI_ACCESS_TOKEN": "",
        "secrets.PULUMI_CONFIG_PASSPHRASE": place.env["PULUMI_CONFIG_PASSPHRASE"],
        "secrets.KUBENODE_KUBECONFIG": place.checkout.kubeconfig.read_text(encoding="utf-8").rstrip("\n"),
        "secrets.KUBENODE_SSH_KEY": place.checkout.private_key.read_text(encoding="utf-8").rstrip("\n"),
    }


def _run(lab: Lab, name: str, job: str, hub: Hub | None = None) -> Results:
    """A job in the copy, with the sandbox's programs and without its own settings for pulumi."""
    dropped = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "KUBECONFIG")
    environment = {key: value for key, value in lab.place.env.items() if key not in dropped}
    environment |= {
        "GITHUB_OUTPUT": str(lab.place.root / ".ci-results" / "output"),
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "11",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_API_URL": hub.address if hub else "http://127.0.0.1:1",
    }
    (lab.place.root / ".ci-results").mkdir(exist_ok=True)
    done = run_job(name, job, lab.place.root, environment, _values(lab))
    lab.stack.said += [result.stdout for _, result in done]
    log = lab.place.results / f"workflow-{name}-{job}.txt"
    log.write_text("".join(f"$ {command}\n{one.stdout}\n" for command, one in done), encoding="utf-8")
    return done


def _demand(done: Results) -> None:
    for command, result in done:
        assert result.returncode == 0, f"'{command}' ended with {result.returncode}:\n{result.stdout}"


def _by_secret_files(config: Json) -> None:
    config["cluster"]["kubeconfigFile"], config["ssh"]["privateKeyFile"] = _SECRET_FILES


def _leftovers(lab: Lab) -> list[str]:
    return [name for name in _SECRET_FILES if (lab.place.root / name).exists()]


def test_from_pull_request_to_night(deployed: Lab) -> None:
    lab = deployed
    lab.stack.configure(_by_secret_files)
    lab.stack.configure_nodes(lambda nodes: nodes["worker-1"].update(labels={"example.org/reviewed": "yes"}))
    try:
        _review(lab)
        _deployment(lab)
        _night(lab)
    finally:
        lab.stack.restore_configuration()
        lab.note_unknown()
    # The state names the files that are gone: back to those that stay.
    lab.deployed()


def _review(lab: Lab) -> None:
    logins = lab.connections()
    with hub_of("canary-github-token") as hub:
        hub.add("somebody", "looks good")
        _demand(_run(lab, "preview.yml", "preview", hub))
        body = hub.comments[1]["body"]
        assert body.startswith(f"<!-- kubenode preview of {STACK} -->\n")
        assert "worker-1-node" in body
        assert re.search(r'^\+ +example\.org/reviewed *: "yes"$', body, re.MULTILINE)
        assert "**Drained" not in body
        assert [what for what, canary in lab.canaries.items() if canary in body] == []

        # The next push breaks the configuration: the same comment says so, and the job fails.
        lab.stack.configure_nodes(lambda nodes: nodes["worker-1"].update(adress="10.0.0.7"))
        failed = dict(_run(lab, "preview.yml", "preview", hub))
        assert failed["ci/preview"].returncode != 0
        assert failed["ci/comment"].returncode == 0
        assert len(hub.comments) == 2
        assert "**The preview failed**" in hub.comments[1]["body"]
        assert "adress" in hub.comments[1]["body"]
        lab.stack.configure_nodes(lambda nodes: nodes["worker-1"].pop("adress"))
    assert lab.connections() == logins, "a preview logged in"
    assert _leftovers(lab) == []


def _deployment(lab: Lab) -> None:
    listed = _run(lab, "up.yml", "stacks")
    _demand(listed)
    output = (lab.place.root / ".ci-results" / "output").read_text(encoding="utf-8")
    # The sandbox's own stack is for nobody else to deploy.
    assert output == "stacks=[]\n"
    _demand(_run(lab, "up.yml", "up"))
    assert lab.cluster.nodes()["worker-1"]["metadata"]["labels"]["example.org/reviewed"] == "yes"
    assert _leftovers(lab) == []


def _night(lab: Lab) -> None:
    logins = lab.connections()
    done = _run(lab, "nightly.yml", "renew")
    _demand(done)
    renewed = dict(done)["ci/renew"].stdout
    assert "worker-1-csr-approval" in renewed
    assert "worker-2-csr-approval" in renewed
    assert "no certificate is due" in renewed
    assert "2 hosts: 2 as applied" in dict(done)["ci/audit"].stdout
    once_each = {name: count + 1 for name, count in logins.items()}
    assert lab.connections() == once_each, "a night without a renewal logs in once, to ask"

    # Somebody merged a change that nobody deployed: a night does not deploy it, and fails.
    lab.stack.configure_nodes(lambda nodes: nodes["worker-2"].update(labels={"example.org/forgotten": "yes"}))
    done = _run(lab, "nightly.yml", "renew")
    assert {command: result.returncode == 0 for command, result in done}["ci/renew"]
    assert dict(done)["ci/drift"].returncode != 0
    assert "example.org/forgotten" in dict(done)["ci/drift"].stdout
    assert "example.org/forgotten" not in lab.cluster.nodes()["worker-2"]["metadata"]["labels"]

    # That a certificate that is due is renewed, and alone, is tests/ci/test_engine.py: here none is old enough.
    lab.stack.configure_nodes(lambda nodes: nodes["worker-2"].pop("labels"))
    assert _leftovers(lab) == []
