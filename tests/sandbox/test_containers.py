"""From what there is to a running container."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import containers
from sandbox.checkout import LABEL_SPEC, Checkout
from sandbox.containers import Spec
from sandbox.errors import SandboxError
from tests.sandbox.fakes import FakeDocker, container

_CHECKOUT = Checkout(Path("/x"))
_SPEC = Spec("worker-1", 1, "172.30.0.11", "image:1", files={"a": b"tar"})


def test_what_is_not_there_is_made_filled_and_started() -> None:
    docker = FakeDocker()
    assert containers.ensure(docker, _CHECKOUT, _SPEC, None, renew=False) == "created"
    assert docker.verbs == ["create", "cp", "start"]
    assert docker.inputs == [b"tar"]
    assert "--ip=172.30.0.11" in docker.ran[0]


@pytest.mark.parametrize("status", ["created", "dead", "removing"])
def test_what_a_killed_run_left_is_made_anew(status: str) -> None:
    docker = FakeDocker()
    assert containers.ensure(docker, _CHECKOUT, _SPEC, container(status=status), renew=False) == "created"
    assert docker.verbs == ["rm", "create", "cp", "start"]


@pytest.mark.parametrize(
    ("status", "did", "verbs"),
    [("running", "running", []), ("exited", "started", ["start"]), ("paused", "started", ["unpause"])],
)
def test_what_is_there_is_kept(status: str, did: str, verbs: list[str]) -> None:
    docker = FakeDocker()
    assert containers.ensure(docker, _CHECKOUT, _SPEC, container(status=status), renew=False) == did
    assert docker.verbs == verbs


def test_a_host_is_kept_though_its_recipe_changed_and_the_rest_is_renewed() -> None:
    old = container(labels={LABEL_SPEC: "older"})
    docker = FakeDocker()
    assert containers.ensure(docker, _CHECKOUT, _SPEC, old, renew=False) == "running"
    assert containers.ensure(docker, _CHECKOUT, _SPEC, old, renew=True) == "created"
    same = container(labels={LABEL_SPEC: _SPEC.digest})
    assert containers.ensure(docker, _CHECKOUT, _SPEC, same, renew=True) == "running"


def test_everything_a_container_is_made_from_is_in_its_digest() -> None:
    others = [
        Spec("worker-1", 1, "172.30.0.12", "image:1", files={"a": b"tar"}),
        Spec("worker-1", 1, "172.30.0.11", "image:2", files={"a": b"tar"}),
        Spec("worker-1", 1, "172.30.0.11", "image:1", files={"a": b"other"}),
        Spec("worker-1", 1, "172.30.0.11", "image:1", options=["--x"], files={"a": b"tar"}),
    ]
    assert len({spec.digest for spec in [_SPEC, *others]}) == 5


def test_without_privilege_no_capability_is_asked_for_that_the_machine_lacks() -> None:
    assert "--privileged" not in containers.systemd_options(privileged=False)
    assert "--cap-drop=SYS_RESOURCE" in containers.systemd_options(privileged=False)
    assert "--privileged" in containers.systemd_options(privileged=True)


def test_a_failed_unit_is_named_at_once_with_what_to_do() -> None:
    docker = FakeDocker(answers={"exec": "active\nfailed\n"})
    with pytest.raises(SandboxError) as caught:
        containers.wait_active(docker, "kubenode-x-worker-1", ["ssh", "other"], 60)
    assert len(docker.verbs) == 2, "asked once for the states and once for the journal"
    assert "worker-1 did not come up" in caught.value.what
    assert "ssh active, other failed" in caught.value.what
    assert "logs worker-1" in caught.value.fix


def test_a_container_whose_systemd_does_not_answer_is_not_waited_for_for_ever() -> None:
    with pytest.raises(SandboxError) as caught:
        containers.wait_active(FakeDocker(), "kubenode-x-worker-1", ["ssh"], 0.2)
    assert "ssh unknown" in caught.value.what


def test_a_volume_carries_the_labels_by_which_it_is_found() -> None:
    option = containers.volume("/var/lib/docker", _CHECKOUT)
    assert f"volume-label=kubenode.sandbox={_CHECKOUT.identifier}" in option
    assert "src=" not in option
    assert ",src=data," in containers.volume("/data", _CHECKOUT, "data")
