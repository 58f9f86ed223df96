"""What an exported state says of the nodes."""

from __future__ import annotations

from typing import Any

from components.audit.engine import Deployed, deployed_of
from components.remote.bundle import Bundle

_CLAIM = "organization/kubenode/prod"


def _command(name: str, stdin: object = "", **more: object) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:prod::kubenode::x::{name}",
        "type": "command:remote:Command",
        "inputs": {"stdin": stdin},
        **more,
    }


def test_the_claims_bundle_names_node_and_stack() -> None:
    bundle = Bundle("claim", "worker-1", "192.0.2.7", _CLAIM, script="x").render()
    state = {
        "deployment": {
            "resources": [
                _command("worker-1-claim", bundle),
                _command("worker-1-docker"),
                _command("worker-1-kubelet", delete=True),
                _command("worker-1-verify"),
                _command("other-claim", {"ciphertext": "x"}),
            ]
        }
    }
    assert deployed_of(state) == {"worker-1": Deployed(_CLAIM, ["claim", "docker"])}


def test_of_an_empty_state_there_is_nothing() -> None:
    assert deployed_of({"deployment": {"resources": None}}) == {}
