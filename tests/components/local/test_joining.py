"""Whether a node can join with its token is asked at once, of a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.local import joining
from components.local.errors import Failure
from components.local.kubectl import Kubectl
from components.local.session import Session
from tests.components.local.cluster import BINDINGS, GROUP, STACK, allow_bootstrap, new_name, new_token, until
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiServer

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        (
            "kubenode-test",
            "{node}: system:bootstrap:{token} may not ask for a certificate. The stack makes a ClusterRoleBinding for "
            "that, whose name ends in :join, ",
        ),
        (
            "kubenode-test-nodes-renew",
            "{node}: system:node:{node} may not renew its certificate. The stack makes a ClusterRoleBinding for that, "
            "whose name ends in :renew, ",
        ),
    ],
)
def test_a_right_that_the_cluster_has_lost_is_told_with_the_way_out(
    binding: str, expected: str, api_server: ApiServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of a destroy that was killed may still have it. A kubelet would ask in vain for minutes."""
    monkeypatch.setenv("PATH", str(Path(api_server.kubectl_path).parent))
    node, token = new_name(), new_token()
    session = Session(Kubectl(str(api_server.kubeconfig)), node)
    allow_bootstrap(api_server)
    given = {"node": node, "stack": STACK, "groups": [GROUP], **token}
    run("bootstrap-token", "apply", **given)

    def refused() -> str:
        try:
            joining.demand(session, node, f"{token['tokenId']}.{token['tokenSecret']}")
        except Failure as failure:
            return str(failure)
        return ""

    assert refused() == ""
    api_server.admin.delete(f"{BINDINGS}/{binding}")
    try:
        monkeypatch.setattr(joining, "_SECONDS", 0)
        said = until(refused)
    finally:
        allow_bootstrap(api_server)
    assert said.startswith(expected.format(node=node, token=token["tokenId"]))
    assert said.endswith("run pulumi refresh, then pulumi up")
    until(lambda: not refused())
    run("bootstrap-token", "remove", **given)
