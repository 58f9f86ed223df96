"""What `down` takes for a leftover, and what it warns of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox import down
from sandbox.checkout import Checkout
from sandbox.machine import Machine
from tests.sandbox.fakes import FakeDocker


def _stack(*types: str) -> bytes:
    resources = [{"urn": f"urn:{kind}", "type": kind} for kind in types]
    return json.dumps(
        {"version": 3, "checkpoint": {"stack": "dev", "latest": {"resources": resources}}}
    ).encode()


def test_a_checkout_is_orphaned_when_what_it_needs_is_gone(tmp_path: Path) -> None:
    assert down.is_orphan(str(tmp_path / "removed"))
    tmp_path.joinpath("kept", ".sandbox").mkdir(parents=True)
    assert not down.is_orphan(str(tmp_path / "kept"))
    assert not down.is_orphan("")


def test_resources_are_counted_without_the_stack_itself_and_providers() -> None:
    content = _stack(
        "pulumi:pulumi:Stack", "pulumi:providers:command", "command:remote:Command", "kubenode:index:Node"
    )
    assert down.count_resources(content) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"checkpoint": {"latest": null}}', b'{"checkpoint": {}}']
)
def test_a_state_without_resources_counts_none(content: bytes) -> None:
    assert down.count_resources(content) == 0


def test_stacks_with_resources_are_named(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    stacks = checkout.state / ".pulumi" / "stacks" / "kubenode"
    stacks.mkdir(parents=True)
    (stacks / "dev.json").write_bytes(_stack("pulumi:pulumi:Stack", "command:remote:Command"))
    (stacks / "dev.json.bak").write_bytes(_stack("command:remote:Command", "command:remote:Command"))
    (stacks / "empty.json").write_bytes(_stack("pulumi:pulumi:Stack"))
    assert down.state_resources(checkout) == {"kubenode/dev": 1}


def _inspected(identifier: str, path: Path) -> dict[str, object]:
    labels = {"kubenode.sandbox": identifier, "kubenode.sandbox.path": str(path)}
    return {
        "Name": f"/kubenode-{identifier}-worker-1",
        "State": {"Status": "running"},
        "NetworkSettings": {"Networks": {}},
        "Config": {"Labels": labels},
    }


def test_only_orphans_are_removed(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", tmp_path / "run")
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    (kept / ".sandbox").mkdir(parents=True)
    machine.register(Checkout(kept))
    machine.register(Checkout(gone))
    shown = json.dumps([_inspected("aaaa", kept), _inspected("bbbb", gone)])
    docker = FakeDocker(answers={"ps": "1 2", "inspect": shown})
    assert down.remove_orphans(docker, machine) == [str(gone)]
    filters = [
        argument for ran in docker.ran if ran[0] == "ps" for argument in ran if argument.startswith("label=")
    ]
    assert filters == ["label=kubenode.sandbox", "label=kubenode.sandbox=bbbb"]
    assert list(machine.checkouts().values()) == [kept]


def test_removal_takes_volumes_along() -> None:
    shown = json.dumps([_inspected("aaaa", Path("/x"))])
    docker = FakeDocker(answers={"ps": "1", "inspect": shown, "volume": "v1\nv2"})
    assert down._remove(docker, "aaaa") == "removed 1 containers, 2 volumes"
    assert ("rm", "--force", "--volumes", "kubenode-aaaa-worker-1") in docker.ran
    assert ("volume", "rm", "--force", "v1", "v2") in docker.ran


def test_sizes_count_files_and_not_what_links_point_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert down.size_of(tmp_path) == 5
