"""Hosts, without containers."""

from __future__ import annotations

import ipaddress
import socket
import threading
from pathlib import Path

import pytest

from sandbox import hosts
from sandbox.checkout import Checkout
from sandbox.containers import Site
from sandbox.errors import SandboxError
from sandbox.hosts import Host
from sandbox.images import HostImage
from tests.sandbox.fakes import FakeDocker, container


def _site(docker: FakeDocker) -> Site:
    return Site(Checkout(Path("/x")), docker, ipaddress.IPv4Network("172.30.5.0/24"), 1400, privileged=False)


def test_hosts_are_told_from_the_rest() -> None:
    roles = ["artifacts", "control-plane", "worker-1", "worker-12"]
    found = hosts.existing([container(labels={"kubenode.sandbox.role": role}) for role in roles])
    assert [one.role for one in found] == ["worker-1", "worker-12"]


def test_a_lost_host_is_no_reason_to_take_the_last_one_away() -> None:
    there = [container(labels={"kubenode.sandbox.index": str(index)}) for index in (1, 3)]
    assert hosts.highest(there) == 3
    assert hosts.highest([]) == 0


def test_a_host_has_its_own_address_and_space_for_docker() -> None:
    spec = hosts.spec(_site(FakeDocker()), 3, HostImage("bookworm"), {})
    assert (spec.role, spec.address, spec.os) == ("worker-3", "172.30.5.13", "bookworm")
    for path in ("/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet"):
        assert any(f"dst={path}," in option for option in spec.options)


def test_the_key_is_readable_by_root_alone() -> None:
    files = hosts.configuration(_site(FakeDocker()), 1, [], "ssh-ed25519 AAAA me\n")
    assert files["/root/.ssh/authorized_keys"] == ("ssh-ed25519 AAAA me\n", 0o600)


def test_several_files_are_read_by_one_command() -> None:
    mark = "--- kubenode sandbox ---"
    docker = FakeDocker(answers={"exec": f"{mark} /a\none\ntwo\n{mark} /b\n"})
    assert hosts.current_files(docker, "c", ["/a", "/b"]) == {"/a": "one\ntwo\n", "/b": ""}
    assert len(docker.ran) == 1


def test_results_come_in_order_and_progress_as_it_goes() -> None:
    said: list[tuple[int, int]] = []
    made = hosts.each(
        [1, 2, 3], lambda index: Host(f"worker-{index}", "", "", "", ""), lambda n, m: said.append((n, m))
    )
    assert [host.name for host in made] == ["worker-1", "worker-2", "worker-3"]
    assert said == [(1, 3), (2, 3), (3, 3)]


def test_one_host_that_fails_is_an_error() -> None:
    def work(index: int) -> Host:
        if index == 2:
            raise SandboxError("worker-2 did not come up")
        return Host(f"worker-{index}", "", "", "", "")

    with pytest.raises(SandboxError, match="worker-2"):
        hosts.each([1, 2, 3], work, lambda *_: None)


def test_ssh_is_there_when_it_greets() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    original = socket.create_connection

    def greet() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"SSH-2.0-test\r\n")

    thread = threading.Thread(target=greet)
    thread.start()
    port = server.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            socket, "create_connection", lambda address, timeout: original((address[0], port), timeout)
        )
        hosts.wait_ssh("worker-1", "127.0.0.1", 5)
    thread.join()
    server.close()


def test_an_address_that_is_not_reached_names_host_and_reason() -> None:
    with pytest.MonkeyPatch.context() as patch:

        def refused(*_: object, **__: object) -> socket.socket:
            raise ConnectionRefusedError("refused")

        patch.setattr(socket, "create_connection", refused)
        with pytest.raises(SandboxError, match=r"worker-1: no SSH server at 172\.30\.5\.11:22") as caught:
            hosts.wait_ssh("worker-1", "172.30.5.11", 0.1)
    assert "this machine itself" in caught.value.fix
