"""Packages, modules and kernel settings of a host: the real /proc/sys/net of the box's own network."""

from __future__ import annotations

import pytest

from components.remote.bundle import HostFile
from tests.shell.box import Box

FORWARD = "net.ipv4.conf.lo.forwarding"
LINGER = "net.ipv4.tcp_fin_timeout"
RANGE = "net.ipv4.ip_local_port_range"
PANIC = "kernel.panic"


def _path(name: str) -> str:
    return "/proc/sys/" + name.replace(".", "/")


def _get(host: Box, name: str) -> str:
    return host.shell(f"cat {_path(name)}").stdout.strip()


def _set(host: Box, name: str, value: str) -> None:
    assert host.shell(f"echo '{value}' >{_path(name)}").returncode == 0


def _bundle(
    host: Box,
    sysctls: dict[str, str],
    *,
    foreign: dict[str, str] | None = None,
    modules: list[str] | None = None,
    packages: list[str] | None = None,
) -> str:
    text = "".join(f"{name} = {value}\n" for name, value in sysctls.items()) or "# none\n"
    return host.bundle(
        "prepare",
        HostFile("sysctl.conf", "/etc/sysctl.d/90-kubenode.conf", text),
        sysctl=[f"{name} {value}" for name, value in sysctls.items()],
        foreign_sysctl=[f"{name} {value}" for name, value in (foreign or {}).items()],
        module=modules or [],
        package=packages or [],
    )


def _apply(host: Box, bundle: str) -> str:
    done = host.run("prepare", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _remove(host: Box) -> str:
    done = host.run("prepare", "remove", host.bundle("prepare"))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_whole_life_leaves_nothing(host: Box) -> None:
    host.put("/state/packages", "ii base-files\n")
    before, linger = host.state(), _get(host, LINGER)
    bundle = _bundle(host, {LINGER: "17"}, packages=["socat", "base-files"], modules=["overlay"])
    said = _apply(host, bundle)
    assert f"set {LINGER} to 17" in said
    assert "installed socat in " in said
    assert _get(host, LINGER) == "17"
    assert host.text("/etc/sysctl.d/90-kubenode.conf") == f"{LINGER} = 17\n"
    assert _apply(host, bundle) == "prepare: nothing to change\n"
    host.shell(f"echo 18 >/proc/sys/{LINGER.replace('.', '/')}")
    assert _apply(host, bundle) == f"set {LINGER} to 17\n"
    _remove(host)
    assert _get(host, LINGER) == linger
    assert host.state() == before
    assert host.text("/state/packages") == "ii base-files\n"


def test_a_setting_that_somebody_changed_since_stays_and_is_reported(host: Box) -> None:
    _apply(host, _bundle(host, {LINGER: "17"}))
    _set(host, LINGER, "23")
    assert f"{LINGER} is 23 by now, not ours: it stays" in _remove(host)
    assert _get(host, LINGER) == "23"


def test_a_setting_that_we_gave_another_value_since_goes_back_to_the_first(host: Box) -> None:
    linger = _get(host, LINGER)
    for value in ("17", "18", "19"):
        _apply(host, _bundle(host, {LINGER: value}))
    assert "stays" not in _remove(host)
    assert _get(host, LINGER) == linger


def test_a_setting_that_both_we_and_the_kubelet_set_goes_back_from_either_value(host: Box) -> None:
    linger = _get(host, LINGER)
    for left in ("17", "10"):
        _apply(host, _bundle(host, {LINGER: "17"}, foreign={LINGER: "10"}))
        _set(host, LINGER, left)
        assert "stays" not in _remove(host)
        assert _get(host, LINGER) == linger


@pytest.mark.parametrize(("left", "back"), [("86400", True), ("12345", False)])
def test_what_others_set_goes_back_only_from_their_value(host: Box, left: str, back: bool) -> None:
    linger = _get(host, LINGER)
    _apply(host, _bundle(host, {}, foreign={LINGER: "86400"}))
    _set(host, LINGER, left)
    _remove(host)
    assert _get(host, LINGER) == (linger if back else left)


def test_what_depends_on_the_machine_goes_back_from_any_value(host: Box) -> None:
    linger = _get(host, LINGER)
    _apply(host, _bundle(host, {}, foreign={LINGER: "*"}))
    _set(host, LINGER, "31")
    _remove(host)
    assert _get(host, LINGER) == linger


def test_a_setting_of_two_numbers(host: Box) -> None:
    before = _get(host, RANGE)
    bundle = _bundle(host, {RANGE: "20000 30000"})
    _apply(host, bundle)
    assert _get(host, RANGE).split() == ["20000", "30000"]
    assert _apply(host, bundle) == "prepare: nothing to change\n"
    _remove(host)
    assert _get(host, RANGE) == before


def test_a_setting_that_already_has_our_value_is_not_written(host: Box) -> None:
    _set(host, LINGER, "17")
    assert "set " not in _apply(host, _bundle(host, {LINGER: "17"}))
    _remove(host)
    assert _get(host, LINGER) == "17"


def test_a_setting_of_a_module_that_went_is_no_word_worth(host: Box) -> None:
    host.put(_path("kernel.of_a_module"), "1\n")
    _apply(host, _bundle(host, {"kernel.of_a_module": "2"}))
    host.path(_path("kernel.of_a_module")).unlink()
    assert _remove(host) == "prepare: removed\n"


def test_an_unknown_setting_is_refused_by_name(host: Box) -> None:
    done = host.run("prepare", "apply", _bundle(host, {"net.no_such_thing": "1"}))
    assert done.returncode == 1
    assert "this kernel has no setting net.no_such_thing" in done.stderr


def test_a_value_that_the_kernel_refuses_is_an_error_by_name(host: Box) -> None:
    done = host.run("prepare", "apply", _bundle(host, {LINGER: "many"}))
    assert done.returncode == 1
    assert f"cannot set {LINGER} to many" in done.stderr


def test_a_setting_of_the_whole_machine(host: Box) -> None:
    host.put(_path(PANIC), "0\n")
    _apply(host, _bundle(host, {PANIC: "10"}))
    assert _get(host, PANIC) == "10"
    _remove(host)
    assert _get(host, PANIC) == "0"


def test_a_module_that_cannot_be_loaded_is_an_error_unless_it_is_built_in(host: Box) -> None:
    host.stub("modprobe", 'echo "modprobe: FATAL: Module $1 not found" >&2; exit 1\n')
    _apply(host, _bundle(host, {}, modules=["overlay"]))
    done = host.run("prepare", "apply", _bundle(host, {}, modules=["overlay", "no_such_module"]))
    assert done.returncode == 1
    assert "the kernel module no_such_module cannot be loaded: modprobe: FATAL" in done.stderr
    assert [call.split()[-1] for call in host.calls("modprobe")] == ["overlay", "overlay", "no_such_module"]


@pytest.mark.parametrize(
    ("module", "mode", "way_out"),
    [("ip_vs_rr", "ipvs", "nftables or iptables"), ("nf_tables", "nftables", "iptables")],
)
def test_a_kernel_without_a_mode_of_kube_proxy_is_told_with_the_way_out(
    host: Box, module: str, mode: str, way_out: str
) -> None:
    host.stub("modprobe", 'echo "modprobe: FATAL: Module $1 not found" >&2; exit 1\n')
    host.stub("nft", 'echo "cache initialization failed: Protocol not supported" >&2; exit 1\n')
    done = host.run("prepare", "apply", _bundle(host, {}, modules=[module]))
    assert done.returncode == 1
    assert f"the kernel module {module} cannot be loaded: modprobe: FATAL" in done.stderr
    assert f"; kubeProxy.mode {mode} needs it: set {way_out}\n" in done.stderr


def test_nf_tables_is_there_if_nft_can_ask_for_tables(host: Box) -> None:
    host.stub("modprobe", 'echo "modprobe: FATAL: Module $1 not found" >&2; exit 1\n')
    host.stub("nft", "")
    _apply(host, _bundle(host, {}, modules=["nf_tables"]))
    assert set(host.calls("nft")) == {"nft list tables"}


def test_modules_are_loaded_before_the_settings_that_they_bring(host: Box) -> None:
    host.stub("modprobe", f"echo 5 >{_path('kernel.brought')}\n")
    _apply(host, _bundle(host, {"kernel.brought": "6"}, modules=["bringer"]))
    assert _get(host, "kernel.brought") == "6"
    _remove(host)
    assert _get(host, "kernel.brought") == "5"


def test_settings_that_a_killed_apply_wrote_go_back(host: Box) -> None:
    linger = _get(host, LINGER)
    done = host.run("prepare", "apply", _bundle(host, {LINGER: "17", "net.no_such_thing": "1"}))
    assert done.returncode == 1
    assert _get(host, LINGER) == "17"
    _remove(host)
    assert _get(host, LINGER) == linger
