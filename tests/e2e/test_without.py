"""A preview in places that lack something: no key, no administrator's file, no way to the API. It tells no tales."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.lab import Lab
from tests.e2e.stack import Json

pytestmark = pytest.mark.sandbox


@pytest.fixture
def known(deployed: Lab) -> Iterator[Lab]:
    """The stack says of its cluster what is else read from the kubeconfig, so that it can do without the file."""
    lab = deployed
    document = yaml.safe_load(lab.place.checkout.kubeconfig.read_text(encoding="utf-8"))
    cluster = document["clusters"][0]["cluster"]
    before = lab.stack.file.read_text(encoding="utf-8")

    def say(config: Json) -> None:
        config["cluster"].setdefault("server", cluster["server"])
        config["cluster"]["caData"] = cluster["certificate-authority-data"]

    lab.stack.configure(say)
    try:
        yield lab
    finally:
        lab.stack.file.write_text(before, encoding="utf-8")


@contextlib.contextmanager
def _away(lab: Lab, *names: str) -> Iterator[None]:
    """Files of .sandbox are not there for a while."""
    paths = [lab.place.checkout.folder / name for name in names]
    for path in paths:
        path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield
    finally:
        for path in paths:
            path.with_name(f"{path.name}.away").rename(path)


def _administrator(lab: Lab) -> str:
    """The kubeconfig's file that the stack names at the moment, within .sandbox."""
    config = yaml.safe_load(lab.stack.file.read_text(encoding="utf-8"))["config"]
    return str(config["kubenode:cluster"]["kubeconfigFile"]).removeprefix(".sandbox/")


def test_without_the_ssh_key_no_host_seems_to_change(known: Lab) -> None:
    logins = known.connections()
    with _away(known, "ssh/id_ed25519"):
        shown = known.stack.preview("--expect-no-changes").demand().text
        assert (
            "ssh.privateKeyFile: there is no file .sandbox/ssh/id_ed25519 in the project directory" in shown
        )
        assert "Enough for a preview" in shown
        refused = known.stack.up().demand_failure().text
        assert "there is no file .sandbox/ssh/id_ed25519" in refused
    assert known.connections() == logins


def test_without_the_api_a_preview_says_what_it_could_not_check(known: Lab) -> None:
    path = known.place.checkout.folder / _administrator(known)
    text = path.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    # Nobody listens there.
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        shown = known.stack.preview("--expect-no-changes").demand().text
    finally:
        path.write_text(text, encoding="utf-8")
    assert "the API server could not be asked, so nothing was checked against the cluster" in shown


def test_without_any_secret_file_a_changed_line_is_the_only_one(known: Lab) -> None:
    def more_pods(config: Json) -> None:
        config["kubelet"]["extraConfig"]["maxPods"] = 57

    before = known.stack.file.read_text(encoding="utf-8")
    with _away(known, "ssh/id_ed25519", _administrator(known)):
        known.stack.preview("--expect-no-changes").demand()
        known.stack.configure(more_pods)
        changed = {step.name for step in known.stack.planned()}
        shown = known.stack.preview("--diff").demand().text
    known.stack.file.write_text(before, encoding="utf-8")
    assert {f"{host.name}-kubelet" for host in known.hosts} <= changed
    assert (
        not {f"{host.name}-{part}" for host in known.hosts for part in ("claim", "prepare", "docker")}
        & changed
    )
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith(("+ ", "- "))]
    assert "+ kubelet.yaml | maxPods: 57" in lines
    assert base64.b64encode(b"-----BEGIN").decode()[:8] not in shown
