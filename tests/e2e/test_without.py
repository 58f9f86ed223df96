"""A preview in places that lack something: no key, no administrator's file, no way to the API. It tells no tales."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import without_api
from tests.e2e.lab import Lab
from tests.e2e.stack import Json

pytestmark = pytest.mark.sandbox

_KEY = ".sandbox/ssh/id_ed25519"


@pytest.fixture
def known(deployed: Lab) -> Iterator[Lab]:
    with without_api.known(deployed):
        yield deployed


@contextlib.contextmanager
def _away(lab: Lab, *names: Path | str) -> Iterator[None]:
    """Files of the checkout are not there for a while."""
    paths = [lab.place.root / name for name in names]
    for path in paths:
        path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield
    finally:
        for path in paths:
            path.with_name(f"{path.name}.away").rename(path)


def test_without_the_ssh_key_no_host_seems_to_change(known: Lab) -> None:
    logins = known.connections()
    with _away(known, _KEY):
        shown = known.stack.preview("--expect-no-changes").demand().text
        assert f"ssh.privateKeyFile: there is no file {_KEY} in the project directory" in shown
        assert "Enough for a preview" in shown
        refused = known.stack.up().demand_failure().text
        assert f"there is no file {_KEY}" in refused
    assert known.connections() == logins


def test_without_the_api_a_preview_says_what_it_could_not_check(known: Lab) -> None:
    with without_api.away(known):
        shown = known.stack.preview("--expect-no-changes").demand().text
    assert "the API server could not be asked, so nothing was checked against the cluster" in shown


def test_without_any_secret_file_a_changed_line_is_the_only_one(known: Lab) -> None:
    def more_pods(config: Json) -> None:
        config["kubelet"]["extraConfig"]["maxPods"] = 57

    before = known.stack.file.read_text(encoding="utf-8")
    with _away(known, _KEY, without_api.administrator(known)):
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
