"""No token in any output, error or process list; and what one read of the cluster costs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.components.local.cluster import GROUP, STACK, allow_bootstrap, make_node, new_name, new_token
from tests.components.local.conftest import FakeKubectl, Run, refused
from tests.support.apiserver import ApiServer

SECRET = "canary0123456789"
TOKENS = "/api/v1/namespaces/kube-system/secrets"
VALUES = {"node": "w", "stack": STACK, "tokenId": "abcdef", "tokenSecret": SECRET, "groups": [GROUP]}


def test_a_token_goes_through_stdin_only(fake_kubectl: FakeKubectl) -> None:
    fake_kubectl.answer(
        f"create {TOKENS}", refused(f'Error from server (Invalid): "abcdef.{SECRET}" {SECRET}')
    )
    outcome = fake_kubectl.run("bootstrap-token", "apply", expect=1, **VALUES)
    (call,) = fake_kubectl.asked("create")
    assert SECRET in call["stdin"], "the canary was there"
    assert SECRET not in json.dumps([one["argv"] for one in fake_kubectl.calls])
    assert SECRET not in outcome.stdout + outcome.stderr
    assert "(Invalid)" in outcome.stderr, "the rest of the error is told"


@pytest.mark.parametrize("secret", ["TOO-SHORT", "canary0123456789canary", 4711])
def test_a_malformed_token_is_not_shown(fake_kubectl: FakeKubectl, secret: object) -> None:
    outcome = fake_kubectl.run("bootstrap-token", "apply", expect=2, **{**VALUES, "tokenSecret": secret})
    assert "tokenSecret: expected " in outcome.stderr
    assert str(secret) not in outcome.stderr
    assert fake_kubectl.calls == []


@pytest.mark.sandbox
def test_a_token_is_in_no_output_of_a_real_run(api_server: ApiServer, run: Run) -> None:
    allow_bootstrap(api_server)
    values: dict[str, Any] = {**VALUES, "node": new_name(), **new_token()}
    outcomes = [run("bootstrap-token", verb, **values) for verb in ("apply", "remove")]
    assert not any(values["tokenSecret"] in one.stdout + one.stderr for one in outcomes)


@pytest.mark.sandbox
def test_one_read_of_the_cluster_is_quick(api_server: ApiServer, run: Run) -> None:
    name = new_name()
    make_node(api_server, name)
    run("api-read", "apply", nodes=[name], stack=STACK)
    started = time.monotonic()
    outcome = run("api-read", "apply", nodes=[name, "absent"], stack=STACK)
    assert time.monotonic() - started < 3  # 0.4 s on an idle machine
    found = json.loads(outcome.stdout)
    assert found["reachable"] is True
    assert found["serverVersion"] == "1.37.2"
    assert found["nodes"][name]["claim"] == STACK
    assert found["nodes"]["absent"] == {"exists": False}
    assert outcome.stderr == ""
