"""Packages of the Red Hat family, with stand-ins for dnf and rpm: no real ones were tried."""

from __future__ import annotations

import pytest

from tests.shell.box import RECORD, Box

BEFORE = ["bash", "curl-minimal", "kernel", "sudo"]
ROCKY = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"\n'


@pytest.fixture
def rocky(host: Box) -> Box:
    """A minimal system; what can be installed is as in the tests of apt."""
    _is_rocky(host)
    return host


def _is_rocky(box: Box) -> None:
    box.shell("rm -f /etc/os-release /stubs/apt-get /stubs/apt-mark /stubs/dpkg /stubs/dpkg-query")
    box.put("/etc/os-release", ROCKY)
    box.standins("dnf")
    box.put("/state/rpms", "".join(f"{name}\n" for name in BEFORE))
    box.put("/state/provides", "/usr/bin/curl curl-minimal\n")
    box.put("/state/depends", "tool library\neditor library\nsuite tool\n")
    box.put("/state/locks", "kernel-0:5.14.0-1.el9.*\n")


def _packages(host: Box) -> list[str]:
    return sorted(host.text("/state/rpms").splitlines())


def _ok(host: Box, script: str, part: str = "prepare") -> str:
    done = host.library(script, part=part)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_missing_is_installed_with_what_it_needs_and_removed_again(rocky: Box) -> None:
    assert _ok(rocky, "kn_install tool sudo /usr/bin/curl").startswith("installed tool in ")
    assert _packages(rocky) == sorted([*BEFORE, "library", "tool"])
    assert rocky.text(f"{RECORD}/parts/prepare/packages") == "library\ntool\n"
    rocky.forget_calls()
    _ok(rocky, "kn_purge")
    assert _packages(rocky) == BEFORE
    assert rocky.calls("rpm -e") == ["rpm -e --test library tool"]
    (removal,) = rocky.calls("dnf")
    assert removal.endswith(" remove library tool")


def test_nothing_is_asked_of_dnf_if_all_is_there(rocky: Box) -> None:
    assert _ok(rocky, "kn_install sudo bash /usr/bin/curl") == ""
    assert rocky.calls("dnf") == []


def test_the_hosts_own_caches_are_left_alone(rocky: Box) -> None:
    _ok(rocky, "kn_install tool; kn_hold tool; kn_purge")
    calls = rocky.calls("dnf")
    assert len(calls) == 5
    for call in calls:
        assert call.startswith(f"dnf -y --setopt=cachedir={RECORD}/dnf ")
        # What only was needed by something that goes stays as it was: it may be somebody else's.
        assert "--setopt=clean_requirements_on_remove=False" in call


def test_a_version_is_passed_on_and_another_one_of_ours_is_installed_though_it_is_held(rocky: Box) -> None:
    _ok(rocky, "kn_install tool=2.0-1.el9; kn_hold tool")
    assert rocky.text("/state/versions") == "tool 0:2.0-1.el9\n"
    assert "tool-0:2.0-1.el9.*" in rocky.text("/state/locks")
    said = _ok(rocky, 'kn_install tool=0:1.5-3.el9_4; kn_say "changed: $KN_CHANGED"; kn_hold tool')
    assert said.startswith("tool was 0:2.0-1.el9\ninstalled tool=0:1.5-3.el9_4 in ")
    assert "changed:  version packages \n" in said
    assert rocky.text("/state/versions") == "tool 0:1.5-3.el9_4\n"
    _ok(rocky, "kn_purge")
    assert _packages(rocky) == BEFORE
    assert rocky.text("/state/locks") == "kernel-0:5.14.0-1.el9.*\n"


def test_a_version_that_an_apply_exchanged_is_put_back_and_held(rocky: Box) -> None:
    _ok(rocky, "kn_install tool=2.0-1.el9; kn_hold tool")
    said = _ok(rocky, "kn_install tool=3.0-1.el9; kn_hold tool; kn_put_versions_back")
    assert "put back tool=0:2.0-1.el9\n" in said
    assert rocky.text("/state/versions") == "tool 0:2.0-1.el9\n"
    assert "tool-0:2.0-1.el9.*" in rocky.text("/state/locks")


@pytest.mark.parametrize("version", ["3:2.0-1.el9", "2.0-1.el9", "3:2.0", "2.0"])
def test_a_version_may_be_given_without_epoch_and_release(rocky: Box, version: str) -> None:
    _ok(rocky, "kn_install tool=3:2.0-1.el9")
    rocky.forget_calls()
    assert _ok(rocky, f"kn_install tool={version}") == ""
    assert rocky.calls("dnf") == []


def test_another_version_of_a_package_that_was_there_is_refused(rocky: Box) -> None:
    done = rocky.library("kn_install sudo=9.9", part="prepare")
    assert done.returncode == 1
    assert (
        "sudo is here in version 0:1.0-1.el9, and not by kubenode; the configuration asks for 9.9"
        in done.stderr
    )


@pytest.mark.parametrize("dnf5", [False, True])
def test_a_hold_of_ours_goes_and_one_that_was_there_stays(rocky: Box, dnf5: bool) -> None:
    if dnf5:
        rocky.put("/state/dnf-5", "")
    _ok(rocky, "kn_install tool; kn_hold tool kernel")
    assert rocky.text("/state/locks") == "kernel-0:5.14.0-1.el9.*\ntool-0:1.0-1.el9.*\n"
    _ok(rocky, "kn_hold tool kernel")
    assert rocky.text(f"{RECORD}/parts/prepare/holds") == "tool\n"
    _ok(rocky, "kn_purge")
    assert rocky.text("/state/locks") == "kernel-0:5.14.0-1.el9.*\n"


def test_what_others_need_by_now_stays_and_is_named(rocky: Box) -> None:
    _ok(rocky, "kn_install tool")
    rocky.put("/state/rpms", rocky.text("/state/rpms") + "editor\n")
    assert _ok(rocky, "kn_purge") == "stays, because editor needs it: library \n"
    assert _packages(rocky) == sorted([*BEFORE, "editor", "library"])


def test_a_chain_of_need_keeps_all_of_it(rocky: Box) -> None:
    _ok(rocky, "kn_install tool")
    rocky.put("/state/rpms", rocky.text("/state/rpms") + "suite\n")
    assert _ok(rocky, "kn_purge") == "stays, because suite needs it: library tool \n"
    assert _packages(rocky) == sorted([*BEFORE, "library", "suite", "tool"])


def test_a_key_that_an_install_brought_goes_and_others_stay(rocky: Box) -> None:
    key = "gpg-pubkey-350d275d-6279464b"
    rocky.put("/state/rpms", rocky.text("/state/rpms") + "gpg-pubkey-fd431d51-4ae0493b\n")
    rocky.put("/state/key", f"{key}\n")
    _ok(rocky, "kn_install tool")
    assert key in rocky.text(f"{RECORD}/parts/prepare/packages")
    _ok(rocky, "kn_purge")
    assert _packages(rocky) == sorted([*BEFORE, "gpg-pubkey-fd431d51-4ae0493b"])


def test_a_failed_install_says_dnfs_last_words(rocky: Box) -> None:
    rocky.put("/state/dnf-fails", "Error: Unable to find a match: tool\n")
    done = rocky.library("kn_install tool", part="prepare")
    assert done.returncode == 1
    assert "'dnf install tool' failed with exit code 1:\n" in done.stderr
    assert "Error: Unable to find a match: tool" in done.stderr


@pytest.mark.parametrize("again", ["kn_install tool; kn_purge", "kn_purge"])
def test_what_a_killed_install_brought_is_ours(rocky: Box, again: str) -> None:
    rocky.put("/state/dnf-stops", "")
    assert rocky.library("kn_install tool", part="prepare").returncode != 0
    assert "library" in _packages(rocky)
    _ok(rocky, again)
    assert _packages(rocky) == BEFORE


def test_a_whole_prepare_with_the_familys_own_names(rocky: Box) -> None:
    bundle = rocky.bundle("prepare", package=["/usr/bin/curl", "iproute", "iptables-nft", "socat"])
    done = rocky.run("prepare", "apply", bundle)
    assert done.returncode == 0, done.stderr
    assert "installed iproute iptables-nft socat in " in done.stdout
    assert rocky.run("prepare", "apply", bundle).stdout == "prepare: nothing to change\n"
    assert rocky.run("prepare", "remove", bundle).returncode == 0
    assert _packages(rocky) == BEFORE


@pytest.mark.parametrize(
    ("release", "family"),
    [
        ("ID=debian\n", "debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"),
        ("ID=fedora\n", "redhat"),
        ('ID="rhel"\nID_LIKE="fedora"\n', "redhat"),
        ('ID="centos"\nID_LIKE="rhel fedora"\n', "redhat"),
        (ROCKY, "redhat"),
        ('ID="almalinux"\nID_LIKE="rhel centos fedora"\n', "redhat"),
        ('ID="ol"\nID_LIKE="fedora"\n', "redhat"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', ""),
        ("ID=arch\n", ""),
        ("ID=flatcar\nID_LIKE=coreos\n", ""),
        ("", ""),
    ],
)
def test_the_family_of_a_system(host: Box, release: str, family: str) -> None:
    host.shell("rm -f /etc/os-release")
    host.put("/etc/os-release", release)
    assert _ok(host, 'kn_say "[$KN_FAMILY]"') == f"[{family}]\n"
