"""Files with a way back: what is put, what stays untouched, what comes back."""

from __future__ import annotations

import os
import stat

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import RECORD, Box

PATH = "/etc/thing/thing.conf"


def _file(
    content: str = "ours\n", mode: str = "0644", owner: str = "root:root", path: str = PATH
) -> HostFile:
    return HostFile(path.rpartition("/")[2], path, content, mode, owner)


def _apply(host: Box, *files: HostFile) -> str:
    done = host.run("calico", "apply", bundles.calico(host, *files))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert host.leftovers() == []
    return done.stdout


def _remove(host: Box) -> str:
    done = host.run("calico", "remove", bundles.calico(host))
    assert done.returncode == 0, done.stderr
    assert host.leftovers() == []
    return done.stdout


def test_a_file_arrives_with_its_content_mode_and_owner_and_a_second_apply_touches_nothing(host: Box) -> None:
    file = _file("a: 1\n", "0640", "root:daemon")
    assert f"changed {PATH}" in _apply(host, file)
    about = host.path(PATH).stat()
    assert host.text(PATH) == "a: 1\n"
    assert (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid) == (0o640, 0, 1)

    assert _apply(host, file) == "calico: nothing to change\n"
    again = host.path(PATH).stat()
    assert (again.st_ino, again.st_mtime_ns) == (about.st_ino, about.st_mtime_ns)


@pytest.mark.parametrize(
    "spoil", ["chmod 0600", "chown daemon", "chgrp daemon", "sed -i s/ours/theirs/", "rm"]
)
def test_whatever_differs_is_put_right(host: Box, spoil: str) -> None:
    _apply(host, _file())
    right = host.state()
    host.shell(f"{spoil} {PATH}")
    assert host.state() != right
    assert f"changed {PATH}" in _apply(host, _file())
    assert host.state() == right


def test_only_what_is_noted_as_changed_is_said(host: Box) -> None:
    other = "/etc/thing/other.conf"
    _apply(host, _file(), _file(path=other))
    assert _apply(host, _file("new\n"), _file(path=other)) == f"changed {PATH}\n"


def test_remove_gives_back_content_mode_owner_and_time(host: Box) -> None:
    host.put(PATH, "theirs\n", 0o4751)
    os.utime(host.path(PATH), (1, 1_000_000_000))
    host.shell(f"chown daemon:games {PATH}; chmod 4751 {PATH}")
    before, time_before = host.state(), host.path(PATH).stat().st_mtime
    _apply(host, _file(mode="0600"))
    assert host.text(PATH) == "ours\n"
    assert _remove(host) == "calico: removed\n"
    assert host.state() == before
    assert host.path(PATH).stat().st_mtime == time_before


@pytest.mark.parametrize("target", ["/etc/hostname", "/nowhere/at/all", "../relative"])
def test_a_link_is_replaced_not_followed_and_comes_back(host: Box, target: str) -> None:
    host.shell(f"mkdir -p /etc/thing; ln -s {target} {PATH}")
    before, followed = host.state(), host.shell("cat /etc/hostname").stdout
    _apply(host, _file())
    assert host.path(PATH).is_file()
    assert not host.path(PATH).is_symlink()
    assert host.shell("cat /etc/hostname").stdout == followed
    _remove(host)
    assert host.state() == before
    assert str(host.path(PATH).readlink()) == target


def test_a_link_to_the_very_same_content_is_replaced_too(host: Box) -> None:
    host.put("/etc/elsewhere", "ours\n", 0o777)
    host.shell(f"mkdir -p /etc/thing; ln -s ../elsewhere {PATH}")
    _apply(host, _file(mode="0777"))
    assert not host.path(PATH).is_symlink()


def test_what_comes_back_does_not_fall_into_a_link_that_somebody_put_there(host: Box) -> None:
    host.put(PATH, "theirs\n")
    host.put("/etc/elsewhere/x", "x\n")
    before = host.state()
    _apply(host, _file())
    host.shell(f"rm {PATH}; ln -s /etc/elsewhere {PATH}")
    _remove(host)
    assert host.state() == before


def test_directories_go_only_if_they_are_empty_and_only_if_they_are_ours(host: Box) -> None:
    host.shell("mkdir -p /etc/theirs")
    before = host.state()
    deep = "/etc/thing/of/ours/x.conf"
    _apply(host, _file(path=deep), _file(path="/etc/theirs/y.conf"))
    assert (host.path("/etc/thing/of").stat().st_mode & 0o777) == 0o755
    host.put("/etc/thing/of/note", "somebody's\n")
    said = _remove(host)
    assert "/etc/thing/of is not empty and stays" in said
    assert host.text("/etc/thing/of/note") == "somebody's\n"
    assert not host.path("/etc/thing/of/ours").exists()
    assert host.path("/etc/theirs").is_dir()
    host.shell("rm -r /etc/thing")
    assert host.state() == before


def test_a_directory_in_a_files_place_is_refused_before_anything_changes(host: Box) -> None:
    host.put(f"{PATH}/inside", "theirs\n")
    before = host.state()
    done = host.run("calico", "apply", bundles.calico(host, _file()))
    assert done.returncode == 1
    assert f"{PATH} is a directory; a file belongs there. Move it away and try again." in done.stderr
    assert {path: what for path, what in host.state().items() if path in before} == before


def test_an_edited_file_is_kept_aside_once_with_its_mode_and_reported(host: Box) -> None:
    _apply(host, _file(mode="0600"))
    host.put(PATH, "by hand\n", 0o600)
    assert f"{PATH} was edited since the last apply; that version is kept in {RECORD}" in _apply(
        host, _file(mode="0600")
    )
    assert host.text(PATH) == "ours\n"
    (kept,) = host.path(f"{RECORD}/parts/calico/edited").iterdir()
    assert kept.read_text() == "by hand\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert _apply(host, _file(mode="0600")) == "calico: nothing to change\n"


def test_a_stale_file_is_given_back_as_it_was(host: Box) -> None:
    host.put(PATH, "theirs\n", 0o600)
    other = "/etc/thing/other.conf"
    before = host.state()
    _apply(host, _file(), _file(path=other))
    said = _apply(host, HostFile("x", "/etc/thing/x", "x\n"))
    assert f"gave back {PATH}" in said
    assert f"gave back {other}" in said
    assert host.text(PATH) == "theirs\n"
    assert not host.path(other).exists()
    assert _apply(host, HostFile("x", "/etc/thing/x", "x\n")) == "calico: nothing to change\n"
    _remove(host)
    assert host.state() == before


def test_a_stale_file_is_told_from_one_whose_path_only_looks_like_it(host: Box) -> None:
    # As a pattern, the first path matches the second.
    _apply(host, _file(path="/etc/thing/a.conf"))
    assert "gave back /etc/thing/a.conf" in _apply(host, HostFile("other", "/etc/thing/a-conf", "x\n"))


def test_what_was_given_back_belongs_to_whoever_makes_it_next(host: Box) -> None:
    other = _file(path="/etc/thing/other.conf")
    _apply(host, _file(), other)
    _apply(host, other)
    host.put(PATH, "made by somebody after we were done with it\n")
    _apply(host, other)
    _remove(host)
    assert host.text(PATH) == "made by somebody after we were done with it\n"


def test_what_was_given_back_and_taken_again_comes_back_as_it_was_the_second_time(host: Box) -> None:
    other = _file(path="/etc/thing/other.conf")
    host.put(PATH, "first\n")
    _apply(host, _file(), other)
    _apply(host, other)
    host.put(PATH, "second\n")
    _apply(host, _file("ours again\n"), other)
    _remove(host)
    assert host.text(PATH) == "second\n"


def test_a_full_disk_ends_the_apply_and_the_next_one_takes_back_and_goes_on(host: Box) -> None:
    _apply(host, _file("one\n"))
    host.shell("mkdir -p /full /etc/full; mount -t tmpfs -o size=4k tmpfs /etc/full")
    big = HostFile("big", "/etc/full/big", "x" * 9000 + "\n")
    done = host.run("calico", "apply", bundles.calico(host, _file("two\n"), big))
    assert done.returncode != 0
    assert "No space left" in done.stderr
    assert host.leftovers() == []
    said = _apply(host, _file("three\n"))
    assert "took back an apply that was cut off" in said
    assert host.text(PATH) == "three\n"
    assert list(host.path("/etc/full").iterdir()) == []


def test_what_somebody_mended_after_a_failed_apply_is_kept_aside(host: Box) -> None:
    host.put("/etc/blocked/here", "a directory blocks the second file\n")
    bundle = bundles.calico(host, _file("one\n"), HostFile("blocked", "/etc/blocked", "x\n"))
    assert host.run("calico", "apply", bundle).returncode == 1
    host.put(PATH, "mended by hand\n")
    assert f"{PATH} was edited since the last apply" in _apply(host, _file("two\n"))
    (kept,) = host.path(f"{RECORD}/parts/calico/edited").iterdir()
    assert kept.read_text() == "mended by hand\n"


def test_a_failed_apply_that_nobody_touched_is_taken_back_without_talk_of_edits(host: Box) -> None:
    host.put("/etc/theirs", "theirs\n")
    _apply(host, _file("one\n"), HostFile("stale", "/etc/theirs", "ours\n"))
    host.put("/etc/blocked/here", "a directory blocks the second file\n")
    bundle = bundles.calico(host, _file("two\n"), HostFile("blocked", "/etc/blocked", "x\n"))
    assert host.run("calico", "apply", bundle).returncode == 1
    said = _apply(host, _file("three\n"))
    assert "took back" in said
    assert "edited" not in said


def test_what_a_failed_apply_gave_back_is_not_taken_for_somebodys_edit(host: Box) -> None:
    host.put("/etc/theirs", "theirs\n")
    stale = HostFile("stale", "/etc/theirs", "ours\n")
    assert host.run("kubelet", "apply", bundles.kubelet(host, more=[stale])).returncode == 0
    host.shell("mv /stubs/systemctl /stubs/systemctl.real")
    host.stub("systemctl", '[ "$1" != daemon-reload ] || exit 1\nexec /stubs/systemctl.real "$@"\n')
    changed = bundles.KUBELET_UNIT + "# changed\n"
    assert host.run("kubelet", "apply", bundles.kubelet(host, unit=changed)).returncode == 1
    assert host.text("/etc/theirs") == "theirs\n"
    host.shell("mv /stubs/systemctl.real /stubs/systemctl")
    done = host.run("kubelet", "apply", bundles.kubelet(host, unit=changed))
    assert done.returncode == 0, done.stderr
    assert "took back an apply that was cut off" in done.stdout
    assert "gave back /etc/theirs" in done.stdout
    assert "edited" not in done.stdout


def test_check_names_every_difference_and_changes_nothing(host: Box) -> None:
    bundle = bundles.calico(host, _file(), _file(path="/etc/thing/other.conf"))
    assert host.run("calico", "apply", bundle).returncode == 0
    assert host.run("calico", "check", bundle).returncode == 0
    host.shell(f"chmod 0600 {PATH}; rm /etc/thing/other.conf")
    spoilt = host.state()
    done = host.run("calico", "check", bundle)
    assert done.returncode == 1
    assert f"{PATH}: expected 0644 root:root" in done.stderr
    assert "/etc/thing/other.conf: expected 0644 root:root" in done.stderr
    assert "found nothing" in done.stderr
    assert host.state() == spoilt


def test_the_record_is_closed_to_others(host: Box) -> None:
    host.put(PATH, "theirs, secret\n", 0o600)
    _apply(host, _file())
    opened = host.shell(
        f"setpriv --reuid 65534 --regid 65534 --clear-groups find {RECORD} -mindepth 1 2>&1"
    ).stdout
    assert "Permission denied" in opened
    for copy in host.path(f"{RECORD}/parts/calico").rglob("*"):
        if copy.is_file() and copy.read_text() == "theirs, secret\n":
            assert stat.S_IMODE(copy.stat().st_mode) == 0o600
