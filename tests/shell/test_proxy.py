"""The host's proxy: what goes through it, who sees its password, and when Docker starts anew."""

from __future__ import annotations

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import Box

URL = "http://kube:pa%40ss@proxy.example.org:3128"
PROXY = "/etc/kubenode/proxy.env"
# What a program sees of itself: its environment, and what `ps` shows.
_LOOK = """\
echo "${0##*/}|${http_proxy:-}|${https_proxy:-}|${no_proxy:-}" >>/state/seen
tr '\\0' ' ' </proc/$$/cmdline >>/state/ps
"""


def _text(url: str = URL) -> str:
    return f'http_proxy="{url}"\nhttps_proxy="{url}"\nno_proxy="localhost,10.0.0.0/24,.svc"\n'


def _prepare(host: Box, url: str | None = URL, packages: tuple[str, ...] = ("socat",)) -> str:
    files = [HostFile("sysctl.conf", "/etc/sysctl.d/90-kubenode.conf", "# none\n")]
    if url is not None:
        files.append(HostFile("proxy.env", PROXY, _text(url), "0600"))
    return host.bundle("prepare", *files, package=list(packages))


def _looking(host: Box, *programs: str) -> None:
    for program in programs:
        body = host.text(f"/stubs/{program}")
        host.put(f"/stubs/{program}", body.replace("#!/bin/sh\n", "#!/bin/sh\n" + _LOOK), 0o755)
    host.put("/state/seen", "")


def test_packages_and_downloads_come_through_it_and_no_command_line_has_it(host: Box) -> None:
    _looking(host, "apt-get", "curl", "modprobe", "systemctl")
    before = host.state()
    done = host.run("prepare", "apply", _prepare(host))
    assert done.returncode == 0, done.stderr
    assert oct(host.path(PROXY).stat().st_mode)[-3:] == "600"
    done = host.run("kubelet", "apply", bundles.kubelet(host))
    assert done.returncode == 0, done.stderr
    seen = [line.split("|") for line in host.text("/state/seen").splitlines()]
    online = {name for name, *values in seen if values == [URL, URL, "localhost,10.0.0.0/24,.svc"]}
    assert online == {"apt-get", "curl"}
    # Health checks and the units' tools know nothing of it.
    assert ["curl", "", "", ""] in seen
    assert {tuple(values) for name, *values in seen if name == "systemctl"} == {("", "", "")}
    assert "pa%40ss" not in host.text("/state/ps") + host.text("/calls")
    assert host.run("kubelet", "remove", host.bundle("kubelet")).returncode == 0
    assert host.run("prepare", "remove", host.bundle("prepare")).returncode == 0
    assert host.state() == before


@pytest.mark.parametrize(
    "words", [f"cannot reach {URL}/", "407 for kube:pa%40ss", "password pa%40ss is wrong, pa%40ss, really"]
)
def test_a_tool_that_says_the_password_is_not_repeated(host: Box, words: str) -> None:
    host.put("/state/apt-fails", f"E: {words}\n")
    done = host.run("prepare", "apply", _prepare(host))
    assert done.returncode == 1
    assert "'apt-get install -y --no-remove socat' failed" in done.stderr
    assert "***" in done.stderr
    assert "pa%40ss" not in done.stdout + done.stderr


def test_a_proxy_that_goes_takes_its_file_along(host: Box) -> None:
    assert host.run("prepare", "apply", _prepare(host)).returncode == 0
    _looking(host, "apt-get")
    done = host.run("prepare", "apply", _prepare(host, None, ("socat", "ipset")))
    assert done.returncode == 0, done.stderr
    assert not host.path(PROXY).exists()
    assert not host.path("/etc/kubenode").exists() or list(host.path("/etc/kubenode").iterdir()) == []
    assert URL not in host.text("/state/seen")


def _docker(host: Box, proxy: str | None) -> str:
    bundle = bundles.docker(host)
    if proxy is None:
        return bundle
    drop_in = (
        "file | kubenode-proxy.conf 0644 root:root /etc/systemd/system/docker.service.d/kubenode-proxy.conf\n"
        f"kubenode-proxy.conf | [Service]\nkubenode-proxy.conf | EnvironmentFile=-{PROXY}\n"
        f"set | proxy {proxy}\n"
    )
    return bundle.removesuffix("end\n") + drop_in + "end\n"


def test_docker_starts_anew_when_the_proxy_changes_and_only_then(host: Box) -> None:
    bundles.has_docker_packages(host)
    host.standins("systemd")
    before = host.state()

    def restarts(proxy: str | None) -> list[str]:
        host.forget_calls()
        done = host.run("docker", "apply", _docker(host, proxy))
        assert done.returncode == 0, done.stderr
        return host.calls("systemctl restart docker.service")

    assert restarts(None)
    assert restarts(None) == []
    assert restarts("aaaa")
    assert restarts("aaaa") == []
    assert restarts("bbbb")
    assert restarts("bbbb") == []
    assert restarts(None)
    assert not host.path("/etc/systemd/system/docker.service.d/kubenode-proxy.conf").exists()
    assert restarts("aaaa")
    done = host.run("docker", "remove", _docker(host, "aaaa"))
    assert done.returncode == 0, done.stderr
    assert host.state() == before
