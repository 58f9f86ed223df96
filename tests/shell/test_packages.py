"""Packages: what was there stays, what others need by now stays, holds are as they were."""

from __future__ import annotations

import pytest

from tests.shell.box import RECORD, Box

BEFORE = "ii base-files\nii openssh-server\nhi linux-image\n"


@pytest.fixture
def debian(host: Box) -> Box:
    """A few packages, and what can be installed: tool needs library, editor needs library too."""
    host.put("/state/packages", BEFORE)
    host.put("/state/depends", "tool library\neditor library\nsuite tool\n")
    return host


def _packages(host: Box) -> list[str]:
    return sorted(host.text("/state/packages").splitlines())


def _before() -> list[str]:
    return sorted(BEFORE.splitlines())


def _ok(host: Box, script: str, part: str = "prepare") -> str:
    done = host.library(script, part=part)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_missing_is_installed_with_what_it_needs_and_purged_again(debian: Box) -> None:
    assert _ok(debian, "kn_install tool openssh-server").startswith("installed tool in ")
    assert _packages(debian) == sorted([*_before(), "ii library", "ii tool"])
    assert debian.text(f"{RECORD}/parts/prepare/packages") == "library\ntool\n"
    debian.forget_calls()
    _ok(debian, "kn_purge")
    assert _packages(debian) == _before()
    simulated, purged = debian.calls("apt-get")
    assert " -s purge library tool" in simulated
    assert " purge -y library tool" in purged


def test_nothing_is_asked_of_apt_if_all_is_there(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    debian.forget_calls()
    assert _ok(debian, "kn_install tool library base-files") == ""
    assert debian.calls("apt-get", "dpkg ", "apt-mark") == []


@pytest.mark.parametrize("name", ["linux-image", "linux-image=1.0"])
def test_a_package_on_hold_is_there(debian: Box, name: str) -> None:
    assert _ok(debian, f"kn_install {name}") == ""
    assert debian.calls("apt-get") == []


def test_our_own_hold_does_not_make_every_apply_an_install(debian: Box) -> None:
    _ok(debian, "kn_install tool; kn_hold tool")
    debian.forget_calls()
    assert _ok(debian, "kn_install tool; kn_hold tool") == ""
    assert debian.calls("apt-get", "apt-mark hold") == []


def test_who_holds_dpkg_s_lock_is_told_before_apt_waits(debian: Box) -> None:
    lock = "/var/lib/dpkg/lock-frontend"
    holder = f"""
import fcntl, pathlib, signal
held = open({lock!r}, "w")
fcntl.lockf(held, fcntl.LOCK_EX)
pathlib.Path("/held").touch()
signal.pause()
"""
    debian.put("/holder.py", holder)
    done = debian.library(
        "/usr/bin/env python3 /holder.py & until [ -e /held ]; do sleep 0.02; done; kn_install tool; kill $!"
    )
    assert done.returncode == 0, done.stderr
    assert "apt-get waits for process " in done.stderr
    assert f" (python3), which holds {lock}; for 300 s at most" in done.stderr
    assert _ok(debian, "kn_install library suite").startswith("installed ")


def test_of_a_lock_that_nobody_holds_nothing_is_told(debian: Box) -> None:
    done = debian.library("touch /var/lib/dpkg/lock-frontend; kn_install tool")
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_version_is_passed_on(debian: Box) -> None:
    _ok(debian, "kn_install tool=1.2.3-4~deb+u1")
    assert debian.calls("apt-get")[-1].endswith(" tool=1.2.3-4~deb+u1")


def test_another_version_of_a_package_of_ours_is_installed_though_it_is_on_hold(debian: Box) -> None:
    _ok(debian, "kn_install tool=2.0; kn_hold tool")
    debian.forget_calls()
    said = _ok(debian, 'kn_install tool=1.5; kn_say "changed: $KN_CHANGED"')
    assert said.startswith("tool was 2.0\ninstalled tool=1.5 in ")
    assert "changed:  version packages \n" in said
    assert debian.calls("apt-get")[-1].endswith(" install -y --no-remove --allow-downgrades tool=1.5")
    _ok(debian, "kn_hold tool")
    assert "hi tool" in _packages(debian)
    assert debian.text("/state/versions") == "tool 1.5\n"
    _ok(debian, "kn_purge")
    assert _packages(debian) == _before()


def test_a_version_that_an_apply_exchanged_is_put_back_and_held(debian: Box) -> None:
    _ok(debian, "kn_install tool=2.0; kn_hold tool")
    said = _ok(debian, "kn_install tool=3.0; kn_hold tool; kn_put_versions_back")
    assert "put back tool=2.0\n" in said
    assert "hi tool" in _packages(debian)
    assert debian.text("/state/versions") == "tool 2.0\n"


def test_a_version_that_its_source_has_no_more_is_told_and_held_as_it_is(debian: Box) -> None:
    _ok(debian, "kn_install tool=2.0; kn_hold tool")
    said = _ok(
        debian,
        "kn_install tool=3.0; kn_hold tool; echo 'E: Version 2.0 was not found' >/state/apt-fails; "
        "kn_put_versions_back || kn_say told",
    )
    assert "could not put back tool=2.0: E: Version 2.0 was not found\ntold\n" in said
    assert "hi tool" in _packages(debian)
    assert debian.text("/state/versions") == "tool 3.0\n"


def test_the_version_that_is_there_is_not_installed_again(debian: Box) -> None:
    _ok(debian, "kn_install tool=2.0")
    debian.forget_calls()
    assert _ok(debian, "kn_install tool=2.0; kn_install tool") == ""
    assert debian.calls("apt-get") == []


def test_another_version_of_a_package_that_was_there_is_refused(debian: Box) -> None:
    done = debian.library("kn_install tool openssh-server=9.9", part="prepare")
    assert done.returncode == 1
    assert (
        "openssh-server is here in version 1.0, and not by kubenode; the configuration asks for 9.9"
        in done.stderr
    )
    assert _packages(debian) == _before()


def test_what_somebody_installed_between_two_of_our_installs_is_theirs(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    debian.put("/state/packages", debian.text("/state/packages") + "ii nginx\n")
    debian.put("/state/depends", debian.text("/state/depends") + "ipset libipset\n")
    _ok(debian, "kn_install ipset")
    _ok(debian, "kn_purge")
    assert _packages(debian) == sorted([*_before(), "ii nginx"])


def test_what_others_need_by_now_stays_and_is_named(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    debian.put("/state/packages", debian.text("/state/packages") + "ii editor\n")
    said = _ok(debian, "kn_purge")
    assert said == "stays, because editor needs it: library \n"
    assert _packages(debian) == sorted([*_before(), "ii editor", "ii library"])


def test_a_chain_of_need_keeps_all_of_it(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    debian.put("/state/packages", debian.text("/state/packages") + "ii suite\n")
    said = _ok(debian, "kn_purge")
    assert said == "stays, because suite needs it: library tool \n"
    assert _packages(debian) == sorted([*_before(), "ii library", "ii suite", "ii tool"])
    assert not [call for call in debian.calls("apt-get") if " purge -y" in call]


def test_what_somebody_purged_meanwhile_is_not_purged_again(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    debian.shell("apt-get purge -y tool")
    debian.forget_calls()
    _ok(debian, "kn_purge")
    assert _packages(debian) == _before()
    assert debian.calls("apt-get")[-1].endswith(" purge -y library")


def test_without_an_install_nothing_is_purged(debian: Box) -> None:
    _ok(debian, "kn_install base-files; kn_purge")
    assert debian.calls("apt-get") == []


def test_a_failed_install_says_apts_last_words_and_leaves_what_came_to_the_undo(debian: Box) -> None:
    debian.put("/state/apt-fails", "E: Unable to locate package tool\n")
    done = debian.library("kn_install tool", part="prepare")
    assert done.returncode == 1
    assert "'apt-get install -y --no-remove tool' failed with exit code 100:\n" in done.stderr
    assert "E: Unable to locate package tool" in done.stderr
    debian.path("/state/apt-fails").unlink()
    _ok(debian, "kn_install tool")
    _ok(debian, "kn_purge")
    assert _packages(debian) == _before()


def test_what_apt_calls_an_error_is_said_though_it_stands_far_above_the_end(debian: Box) -> None:
    broken = "dpkg: error processing package tool (--configure):"
    debian.put("/state/apt-fails", f"Preparing\n{broken}\n" + "".join(f"line {n}\n" for n in range(20)))
    said = debian.library("kn_install tool", part="prepare").stderr.splitlines()
    assert said[1:] == [broken, *(f"line {n}" for n in range(12, 20))]


def test_words_of_the_step_before_are_none_of_apts(debian: Box) -> None:
    debian.put("/state/apt-fails", "E: Unable to locate package tool\n")
    debian.put("/state/update-warns", "N: words of the update\n")
    said = debian.library("kn_install tool", part="prepare").stderr
    assert said.splitlines()[1:] == ["E: Unable to locate package tool"]


def test_an_apt_that_does_not_end_is_told_from_one_that_fails(debian: Box) -> None:
    debian.put("/state/install-tool", "echo 'Unpacking tool'; exec sleep 60\n")
    done = debian.library("kn_apt 1 install -y tool", part="prepare")
    assert done.returncode == 1
    assert "'apt-get install -y tool' took longer than 1 s and was ended:\nUnpacking tool\n" in done.stderr
    assert "failed" not in done.stderr


def test_unreachable_sources_make_no_noise_about_pipes(debian: Box) -> None:
    """A part ignores SIGPIPE, so a writer whose reader has gone complains aloud."""
    warnings = "".join(f"W: Failed to fetch http://m{n}/InRelease  {'x' * 3000}\n" for n in range(60))
    debian.put("/state/update-warns", warnings)
    debian.put("/state/apt-fails", "E: Unable to locate package tool\n")
    done = debian.library("trap '' PIPE; kn_install tool", part="prepare")
    assert "\nPackage sources do not answer: " in done.stderr
    assert "roken pipe" not in done.stderr


@pytest.mark.parametrize("again", ["kn_install tool; kn_purge", "kn_purge"])
def test_what_a_killed_install_brought_is_ours(debian: Box, again: str) -> None:
    debian.put("/state/apt-stops", "")
    assert debian.library("kn_install tool", part="prepare").returncode != 0
    assert "ii library" in _packages(debian)
    _ok(debian, again)
    assert _packages(debian) == _before()
    assert "dpkg --configure -a" in debian.calls("dpkg ")


def test_the_hosts_own_lists_and_archives_are_left_alone(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    for call in debian.calls("apt-get"):
        assert f"-o Dir::State::lists={RECORD}/apt/lists -o Dir::Cache={RECORD}/apt/cache " in call
        assert "--force-confold" in call
    assert not debian.path(f"{RECORD}/apt/cache").exists()


def test_lists_are_fetched_once_in_an_hour_for_all_parts(debian: Box) -> None:
    _ok(debian, "kn_install tool")
    _ok(debian, "kn_install editor", "docker")
    assert len([call for call in debian.calls("apt-get") if call.endswith(" update")]) == 1
    debian.shell(f"touch -d '2 hours ago' {RECORD}/apt/lists/fetched")
    _ok(debian, "kn_install suite", "docker")
    assert len([call for call in debian.calls("apt-get") if call.endswith(" update")]) == 2


DEBIAN = "ID=debian\nVERSION_CODENAME=bookworm\n"
UBUNTU = "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n"
MINT = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n'
KEYS = "/usr/share/keyrings"


def _system(host: Box, release: str) -> None:
    host.shell(f"rm -rf /etc/os-release {KEYS}")
    host.put("/etc/os-release", release)
    for name in ("debian", "ubuntu"):
        host.put(f"{KEYS}/{name}-archive-keyring.gpg", "")


@pytest.mark.parametrize(
    ("release", "urls", "lines"),
    [
        (
            DEBIAN,
            "http://m/debian",
            [
                f"deb [signed-by={KEYS}/debian-archive-keyring.gpg] http://m/debian bookworm main",
                f"deb [signed-by={KEYS}/debian-archive-keyring.gpg] http://m/debian bookworm-updates main",
            ],
        ),
        (
            DEBIAN,
            "http://m/debian http://m/security",
            [
                f"deb [signed-by={KEYS}/debian-archive-keyring.gpg] http://m/debian bookworm main",
                f"deb [signed-by={KEYS}/debian-archive-keyring.gpg] http://m/debian bookworm-updates main",
                f"deb [signed-by={KEYS}/debian-archive-keyring.gpg] http://m/security bookworm-security main",
            ],
        ),
        *(
            (
                release,
                "http://m/ubuntu",
                [
                    f"deb [signed-by={KEYS}/ubuntu-archive-keyring.gpg] http://m/ubuntu {suite} main universe"
                    for suite in ("noble", "noble-updates", "noble-security")
                ],
            )
            for release in (UBUNTU, MINT)
        ),
    ],
    ids=["debian", "security", "ubuntu", "mint"],
)
def test_packages_come_from_the_mirror_and_nowhere_else(
    debian: Box, release: str, urls: str, lines: list[str]
) -> None:
    _system(debian, release)
    before = debian.shell("find /etc/apt | xargs ls -ld").stdout
    _ok(debian, f"kn_package_mirror {urls}; kn_install tool")
    _ok(debian, "kn_install editor", "docker")
    assert debian.text(f"{RECORD}/apt/sources.list").splitlines() == lines
    asked = [call for call in debian.calls("apt-get") if " -s " not in call]
    assert len(asked) == 3
    for call in asked:
        assert (
            f" -o Dir::Etc::SourceList={RECORD}/apt/sources.list -o Dir::Etc::SourceParts=/dev/null " in call
        )
    assert debian.shell("find /etc/apt | xargs ls -ld").stdout == before


def test_lists_of_other_sources_are_fetched_anew(debian: Box) -> None:
    _system(debian, DEBIAN)

    def updates(mirror: str, package: str) -> int:
        debian.forget_calls()
        _ok(debian, f"kn_package_mirror {mirror}; kn_install {package}")
        return len([call for call in debian.calls("apt-get") if call.endswith(" update")])

    assert updates("", "library") == 1
    assert updates("http://m/debian", "tool") == 1
    assert updates("http://m/debian", "editor") == 0
    assert updates("http://n/debian", "suite") == 1
    assert updates("", "more") == 1
    assert not debian.path(f"{RECORD}/apt/sources.list").exists()
    assert "SourceList" not in "".join(debian.calls("apt-get"))


@pytest.mark.parametrize(
    ("release", "keys", "reason"),
    [
        ("ID=debian\n", True, "/etc/os-release names no VERSION_CODENAME"),
        (DEBIAN, False, "install debian-archive-keyring"),
    ],
)
def test_a_mirror_that_cannot_be_used_is_an_error(debian: Box, release: str, keys: bool, reason: str) -> None:
    _system(debian, release)
    if not keys:
        debian.shell(f"rm -r {KEYS}")
    done = debian.library("kn_package_mirror http://m/debian", part="prepare")
    assert done.returncode == 1
    assert "host.packageMirror: " in done.stderr
    assert reason in done.stderr


def test_a_source_that_does_not_answer_is_named_and_asked_again_the_next_time(debian: Box) -> None:
    """apt goes on without it, knows no package then, and would not ask again for an hour."""
    warning = "W: Failed to fetch http://m/debian/dists/bookworm/InRelease  Could not resolve 'm'\n"
    debian.put("/state/update-warns", warning)
    debian.put("/state/apt-fails", "E: Unable to locate package tool\n" + "more\n" * 7)
    done = debian.library("kn_install tool", part="prepare")
    assert done.returncode == 1
    assert "'apt-get install -y --no-remove tool' failed" in done.stderr
    assert (
        "\nPackage sources do not answer: check the host's network, host.packageMirror and host.proxy.\n"
        + warning
    ) in done.stderr
    assert "Unable to locate package" in done.stderr
    debian.path("/state/update-warns").unlink()
    debian.path("/state/apt-fails").unlink()
    debian.forget_calls()
    _ok(debian, "kn_install tool")
    assert len([call for call in debian.calls("apt-get") if call.endswith(" update")]) == 1


def test_a_source_that_does_not_answer_and_is_not_needed_stops_nobody(debian: Box) -> None:
    debian.put("/state/update-warns", "W: Failed to fetch http://elsewhere/InRelease  Could not resolve\n")
    assert _ok(debian, "kn_install tool").startswith("installed tool")


def test_a_hold_of_ours_goes_and_one_that_was_there_stays(debian: Box) -> None:
    _ok(debian, "kn_install tool; kn_hold tool linux-image")
    assert "hi tool" in _packages(debian)
    _ok(debian, "kn_hold tool linux-image")
    assert debian.text(f"{RECORD}/parts/prepare/holds") == "tool\n"
    _ok(debian, "kn_purge")
    assert _packages(debian) == _before()


def test_a_hold_of_ours_on_a_package_that_was_there_is_lifted(debian: Box) -> None:
    _ok(debian, "kn_hold base-files")
    assert "hi base-files" in _packages(debian)
    _ok(debian, "kn_purge")
    assert _packages(debian) == _before()


def test_a_name_that_is_only_like_a_held_one_is_held(debian: Box) -> None:
    debian.put("/state/packages", BEFORE + "hi docker-io\nii docker.io\n")
    _ok(debian, "kn_hold docker.io")
    assert "hi docker.io" in _packages(debian)


def test_accounts_that_packages_made_go_and_others_stay(debian: Box) -> None:
    """The real tools, on copies of the real files."""
    before = debian.state()
    debian.put("/state/install-tool", "groupadd --system kntool\nuseradd --system -g kntool kntool\n")
    _ok(debian, "KN_ACCOUNTS=kntool; kn_install tool")
    assert "kntool:" in debian.text("/etc/group")
    _ok(debian, "KN_ACCOUNTS=kntool; kn_purge")
    assert debian.state() == before


def test_an_account_that_somebody_made_meanwhile_stays(debian: Box) -> None:
    debian.put("/state/install-tool", "groupadd --system kntool\n")
    _ok(debian, "KN_ACCOUNTS=kntool; kn_install tool")
    debian.shell("groupadd --system theirs")
    _ok(debian, "KN_ACCOUNTS='kntool'; kn_purge")
    assert "kntool:" not in debian.text("/etc/group")
    assert "theirs:" in debian.text("/etc/group")


def test_an_account_of_our_name_that_was_there_before_stays(debian: Box) -> None:
    debian.shell("groupadd --system kntool")
    _ok(debian, "KN_ACCOUNTS=kntool; kn_install tool; kn_purge")
    assert "kntool:" in debian.text("/etc/group")


def test_the_stand_in_speaks_as_the_real_dpkg_does(debian: Box) -> None:
    """The form that the library reads, on this machine's own packages."""
    ask = "dpkg-query -W -f '${db:Status-Abbrev}"
    real = debian.shell(
        f"PATH=/usr/bin; {ask}|' bash; apt-mark hold bash >/dev/null; {ask}|' bash; {ask} ${{Package}}\n' bash"
    )
    if real.returncode:
        pytest.skip("no dpkg on this machine")
    assert real.stdout == "ii |hi |hi  bash\n"
    stand_in = debian.shell(
        f"{ask}|' base-files; {ask}|' linux-image; {ask} ${{Package}}\n' | grep linux-image"
    )
    assert stand_in.stdout == "ii hi hi  linux-image\n"
