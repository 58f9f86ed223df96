"""The proxy's environment: what is in it, what goes around it, and what of it may be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.disruption import disruption_digest
from components.docker import files as docker_files
from components.host import files, proxy
from components.settings import NodeSettings
from tests.components import example

PLAIN = {"http": "http://proxy.example.org:3128", "https": "http://proxy.example.org:3128"}
SECRET = {"https": "http://kube:pa%40ss@proxy.example.org:3128"}


def _node(directory: Path, value: dict[str, Any] | None, **more: Any) -> NodeSettings:
    changes = {"host": {"proxy": value} if value is not None else {}, **more}
    return example.stack(directory, changes).nodes["worker-1"]


def test_without_a_proxy_nothing_is_different(tmp_path: Path) -> None:
    node = _node(tmp_path, None)
    assert proxy.environment(node) is None
    assert not proxy.has_password(node)
    assert [file.name for file in files.files(node)] == ["sysctl.conf", "modules.conf"]
    assert "kubenode-proxy.conf" not in [file.name for file in docker_files.files(node)]
    assert docker_files.settings(node)["proxy"] == []


def test_the_environment_is_a_file_that_only_root_reads(tmp_path: Path) -> None:
    node = _node(tmp_path, {**PLAIN, "noProxy": ["10.0.0.0/24", "registry.example.org"]})
    (file,) = [file for file in files.files(node) if file.name == "proxy.env"]
    assert (file.path, file.mode, file.owner) == ("/etc/kubenode/proxy.env", "0600", "root:root")
    assert file.content == (
        'http_proxy="http://proxy.example.org:3128"\n'
        'https_proxy="http://proxy.example.org:3128"\n'
        'no_proxy="localhost,127.0.0.1,::1,10.0.0.7,10.0.0.1,10.244.0.0/16,10.96.0.0/16,.svc,.cluster.local,'
        '10.0.0.0/24,registry.example.org"\n'
    )
    assert not proxy.has_password(node)


def test_a_further_node_changes_nobodys_file(tmp_path: Path) -> None:
    third = {"address": "10.0.0.9", "ssh": {"insecureIgnoreHostKey": True}}
    before = _node(tmp_path, PLAIN)
    after = _node(tmp_path, PLAIN, **{"nodes/worker-3": third})
    assert proxy.environment(before) == proxy.environment(after)


def test_an_ipv6_api_server_goes_without_its_brackets(tmp_path: Path) -> None:
    node = _node(tmp_path, PLAIN, **{"cluster/server": "https://[2001:db8::1]:6443"})
    assert "2001:db8::1" in proxy.no_proxy(node)


def test_the_password_is_only_in_the_file(tmp_path: Path) -> None:
    node = _node(tmp_path, SECRET)
    assert proxy.has_password(node)
    assert 'https_proxy="http://kube:pa%40ss@proxy.example.org:3128"\n' in str(proxy.environment(node))
    assert 'https_proxy="http://proxy.example.org:3128"\n' in str(proxy.public_environment(node))
    assert "pa%40ss" not in repr(node)


def test_dockers_unit_names_the_file_and_starts_anew_with_another_text(tmp_path: Path) -> None:
    node = _node(tmp_path, SECRET)
    (drop_in,) = [file for file in docker_files.files(node) if file.name == "kubenode-proxy.conf"]
    assert drop_in.path == "/etc/systemd/system/docker.service.d/kubenode-proxy.conf"
    assert drop_in.content == "[Service]\nEnvironmentFile=-/etc/kubenode/proxy.env\n"
    other = _node(tmp_path, {"https": "http://kube:other@proxy.example.org:3128"})
    assert docker_files.settings(node)["proxy"] != docker_files.settings(other)["proxy"]


def test_another_proxy_drains_and_another_password_does_not(tmp_path: Path) -> None:
    """The digest stands in an annotation, where a password could be guessed from it."""
    first = disruption_digest(_node(tmp_path, SECRET))
    assert first != disruption_digest(_node(tmp_path, None))
    assert first != disruption_digest(
        _node(tmp_path, {"https": "http://kube:pa%40ss@other.example.org:3128"})
    )
    assert first == disruption_digest(_node(tmp_path, {"https": "http://kube:other@proxy.example.org:3128"}))
