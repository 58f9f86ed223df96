"""The frame around every part: the way in, the claim, the lock, the words to the user; and the bundle's way back."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.remote import toolkit
from components.remote.bundle import Bundle, HostFile
from tests.shell import bundles
from tests.shell.box import LIBRARY, RECORD, Box

# ---------------------------------------------------------------------------------------------------------------------
# The bundle through the real shell.

_AWKS = {
    name: path
    for name in ("mawk", "gawk", "busybox", "original-awk")
    if (path := shutil.which(name)) is not None
}

# What a shell, awk, sed or echo would change if it were let near.
_NASTY = [
    *("", " ", "  two spaces", "\ttab", "trailing  ", "-n", "-e x", "--", "%s %d %%", "\x0b\x0c"),
    *(
        "$(touch /hacked)",
        "`id`",
        "${HOME}",
        '"double"',
        "'single'",
        "a\\nb",
        "\\",
        "\\\\",
        "\\0101",
        "*",
        "~",
    ),
    *("#", "# comment", "!", "&", "; exit 1", "| cat", "EOF", "end", "kubenode bundle 1", "set | key value"),
    *("file | other 0644 root:root /etc/x", "nasty | again", "nasty |", "\x01\x02\x1b[31m", "\x7f", "\x85"),
    *(
        "\u2028",
        "\u00a0",
        "\ufeffbom",
        "\u00e4\u00f6\u00fc",
        "\u65e5\u672c",
        "\U0001f600",
        "e\u0301",
        "x" * 100_000,
    ),
]

_lines = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=40),
        st.sampled_from(_NASTY),
        st.text("\\'\"$`%|-* \t", max_size=12),
    ),
    min_size=1,
    max_size=8,
)


def _bundle(*files: HostFile, **values: list[str]) -> str:
    return Bundle("docker", "worker-1", "192.0.2.7", "o/p/s", "abc", files=files, settings=values).render()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> _Reader:
    return _Reader(tmp_path_factory.mktemp("reader"))


class _Reader:
    """The library's reading of a bundle, with each awk there is; needs no root and writes to its own folder only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.folder / "lib.sh").write_text(toolkit.packed(toolkit.LIBRARY))
        for name, path in _AWKS.items():
            (self.folder / name).mkdir()
            words = f"{path} awk" if name == "busybox" else path
            (self.folder / name / "awk").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            (self.folder / name / "awk").chmod(0o755)

    def read(self, awk: str, bundle: str, *command: str) -> bytes:
        (self.folder / "bundle").write_bytes(bundle.encode())
        script = f". {self.folder}/lib.sh; KN_TMP={self.folder}; {shlex.join(command)}"
        done = subprocess.run(
            ["sh", "-euc", script],
            env={"PATH": f"{self.folder / awk}:{os.environ['PATH']}"},
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        return done.stdout


def test_several_awks_are_tried() -> None:
    assert _AWKS, "no awk here whose name says which one it is"


@pytest.mark.parametrize("awk", _AWKS)
@settings(deadline=None, max_examples=25)
@example(lines=_NASTY)
@example(lines=[""])
@example(lines=["", "", ""])
@example(lines=[" ", "  "])
@given(lines=_lines)
def test_content_arrives_byte_for_byte(reader: _Reader, awk: str, lines: list[str]) -> None:
    content = "\n".join(lines) + "\n"
    # A name that is another's beginning, before and behind it, and names that a pattern would confuse.
    around = [HostFile(name, f"/etc/{name}", f"{name}\n") for name in ("nast", "nasty.x", "n.sty", "nasty-")]
    bundle = _bundle(*around[:2], HostFile("nasty", "/etc/nasty", content), *around[2:])
    assert reader.read(awk, bundle, "kn_content", "nasty") == content.encode()


@pytest.mark.parametrize("awk", _AWKS)
@settings(deadline=None, max_examples=25)
@example(values=[line for line in _NASTY if line == line.rstrip()])
@given(values=_lines.map(lambda lines: [line.rstrip() for line in lines]))
def test_settings_arrive_one_a_line(reader: _Reader, awk: str, values: list[str]) -> None:
    bundle = _bundle(key=values, key2=["other"], ke=["other"])
    assert (
        reader.read(awk, bundle, "kn_settings", "key") == "".join(f"{value}\n" for value in values).encode()
    )


@pytest.mark.parametrize("awk", _AWKS)
def test_headers_are_read_from_the_header_only(reader: _Reader, awk: str) -> None:
    bundle = Bundle(
        "docker",
        "$(touch/hacked)`id`",
        "-e",
        "org/'quoted'/%s",
        "abc",
        files=[HostFile("x", "/etc/x", "node | other\nclaim | other\n")],
    ).render()
    assert reader.read(awk, bundle, "kn_header", "node") == b"$(touch/hacked)`id`\n"
    assert reader.read(awk, bundle, "kn_header", "host") == b"-e\n"
    assert reader.read(awk, bundle, "kn_header", "claim") == b"org/'quoted'/%s\n"


def test_a_default_stands_in_for_a_setting_that_is_not_there(reader: _Reader) -> None:
    awk = next(iter(_AWKS))
    bundle = _bundle(there=["1", "2"])
    assert reader.read(awk, bundle, "kn_setting", "there", "9") == b"1"
    assert reader.read(awk, bundle, "kn_setting", "away", "9") == b"9"
    assert reader.read(awk, bundle, "kn_setting", "away") == b""


def test_nasty_content_goes_through_a_whole_life(host: Box) -> None:
    content = "\n".join(_NASTY) + "\n"
    before = host.state()
    bundle = bundles.calico(
        host, HostFile("nasty", "/etc/nasty/-rf", content), HostFile("b", "/etc/nasty/b", "\n")
    )
    done = host.run("calico", "apply", bundle)
    assert done.returncode == 0, done.stderr
    assert host.path("/etc/nasty/-rf").read_bytes() == content.encode()
    assert host.path("/etc/nasty/b").read_bytes() == b"\n"
    assert host.run("calico", "apply", bundle).stdout == "calico: nothing to change\n"
    assert host.run("calico", "remove", bundle).returncode == 0
    assert host.state() == before


# ---------------------------------------------------------------------------------------------------------------------
# The way in.


def test_a_wrong_word_is_answered_with_the_usage(host: Box) -> None:
    done = host.shell(f"{LIBRARY}/calico destroy")
    assert done.returncode == 2
    assert "usage: calico apply|remove|check < bundle" in done.stderr


def test_who_is_not_root_is_told_so(host: Box) -> None:
    host.shell("chmod 755 /run")
    done = host.shell(
        f"setpriv --reuid 65534 --regid 65534 --clear-groups {LIBRARY}/calico apply", bundles.calico(host)
    )
    assert done.returncode == 1
    assert done.stderr == (
        "kubenode: calico apply: needs root: log in as root, or as a user with passwordless sudo\n"
    )


def test_the_bundle_is_kept_in_memory_and_closed_to_others_while_it_runs(host: Box) -> None:
    host.put(
        f"{LIBRARY}/calico",
        f"set -eu\n. {LIBRARY}/lib.sh\n"
        'kn_part_apply() { stat -c "%a %n" "$KN_TMP" "$KN_TMP/bundle"; stat -f -c %T "$KN_TMP"; }\n'
        'kn_main calico "$@"\n',
    )
    said = host.shell(f"sh {LIBRARY}/calico apply", bundles.calico(host)).stdout
    assert "700 /run/kubenode." in said
    assert "600 /run/kubenode." in said
    assert "tmpfs" in said


def _part(host: Box, body: str, name: str = "calico") -> None:
    """A part of the test's own."""
    host.put(
        f"{LIBRARY}/{name}",
        f'#!/bin/sh\nset -eu\n. "${{0%/*}}/lib.sh"\nkn_part_apply() {{\n{body}\n}}\nkn_part_remove() {{ :; }}\n'
        f'kn_main {name} "$@"\n',
        0o755,
    )


def test_a_part_that_reads_its_input_gets_nothing(host: Box) -> None:
    _part(host, 'kn_say "read: $(cat)"\nkn_run 5 cat\nkn_say "log: $(cat "$KN_TMP/log")"')
    done = host.run("calico", "apply", bundles.calico(host, HostFile("x", "/etc/x", "secret\n")))
    assert done.stdout.startswith("read: \nlog: \n")


def test_standard_input_is_closed_for_good(host: Box) -> None:
    """Not only read to its end: whoever holds the other end could write more."""
    _part(host, 'kn_say "$(readlink /proc/$$/fd/0)"')
    assert host.run("calico", "apply", bundles.calico(host)).stdout.startswith("/dev/null\n")


@pytest.mark.parametrize("part", [0.2, 0.6, 0.9, 0.995])
def test_a_bundle_that_did_not_arrive_as_a_whole_is_not_applied(host: Box, part: float) -> None:
    """A lost connection looks like the end of the input; a file cut in half must not reach its place."""
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "line\n" * 100), HostFile("y", "/etc/y", "y\n"))
    assert host.run("calico", "apply", bundle).returncode == 0
    before = host.state()
    changed = bundle.replace("line", "new")
    done = host.run("calico", "apply", changed[: int(len(changed) * part)])
    assert done.returncode == 1
    assert "the connection was lost before all of the bundle had arrived. Nothing was done" in done.stderr
    assert host.state() == before


def test_a_bounded_step_in_a_loop_does_not_eat_the_loops_lines(host: Box) -> None:
    _part(
        host,
        'printf "one\\ntwo\\nthree\\n" >"$KN_TMP/l"\nwhile read -r x; do kn_run 5 cat; kn_say "$x"; done <"$KN_TMP/l"',
    )
    assert host.run("calico", "apply", bundles.calico(host)).stdout.splitlines()[:3] == [
        "one",
        "two",
        "three",
    ]


def test_a_step_that_does_not_end_is_ended_and_named(host: Box) -> None:
    _part(host, "echo words from before; kn_run 1 sh -c 'echo last words; sleep 60'")
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode == 1
    assert "kubenode: worker-1 (192.0.2.7): calico apply: 'sh -c" in done.stderr
    assert "took longer than 1 s and was ended:\nlast words\n" in done.stderr


@pytest.mark.parametrize(
    ("step", "ending"),
    [
        ("echo why; exit 7", "failed with exit code 7:\nwhy\n"),
        ("exit 3", "failed with exit code 3:\nIt said nothing.\n"),
        ("kill -9 $$", "failed with exit code 137:\nKilled\n"),
    ],
)
def test_a_step_that_fails_says_with_what_and_only_its_own_words(host: Box, step: str, ending: str) -> None:
    _part(host, f"kn_try 5 echo words of another step\nkn_run 30 sh -c '{step}'")
    assert host.run("calico", "apply", bundles.calico(host)).stderr.endswith(ending)


@pytest.mark.parametrize("failure", ["false", "kn_die oops", "exit 7", "(exit 3)", "cd /nowhere"])
def test_a_failure_is_never_taken_for_success(host: Box, failure: str) -> None:
    _part(host, f"kn_say before\n{failure}\nkn_say after")
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode != 0
    assert "kubenode: worker-1 (192.0.2.7): calico apply: " in done.stderr
    assert "after" not in done.stderr
    assert done.stdout == ""
    assert host.leftovers() == []


# ---------------------------------------------------------------------------------------------------------------------
# Whose host this is.


def test_an_apply_without_a_claim_is_refused_with_the_way_out_and_writes_nothing(host: Box) -> None:
    host.path(f"{RECORD}/claim").unlink()
    before = host.state()
    done = host.run("calico", "apply", bundles.calico(host, HostFile("x", "/etc/x", "x\n")))
    assert done.returncode == 1
    assert "carries no claim of organization/kubenode/test" in done.stderr
    assert "Remove the node from the configuration, 'pulumi up', add it again, 'pulumi up'." in done.stderr
    assert host.state() == before
    assert os.listdir(host.path(RECORD)) == []


def test_a_remove_without_a_claim_is_a_success_with_a_notice(host: Box) -> None:
    host.path(f"{RECORD}/claim").unlink()
    done = host.run("calico", "remove", bundles.calico(host))
    assert (done.returncode, done.stdout) == (0, "no claim on this host: nothing of ours is here\n")


@pytest.mark.parametrize("verb", ["apply", "remove", "check"])
@pytest.mark.parametrize(
    ("claim", "node"),
    [("organization/kubenode/other", "worker-1"), ("organization/kubenode/test", "worker-2")],
)
def test_anothers_host_is_left_alone(host: Box, verb: str, claim: str, node: str) -> None:
    assert host.run("calico", "apply", bundles.calico(host, HostFile("x", "/etc/x", "x\n"))).returncode == 0
    before = host.state()
    host.claim, host.node = claim, node
    done = host.run("calico", verb, bundles.calico(host, HostFile("x", "/etc/x", "other\n")))
    claimed = "claimed by stack organization/kubenode/test as node worker-1"
    if verb == "remove":
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{claimed}, not by us: nothing of ours is here" in done.stdout
    else:
        assert done.returncode == 1
        assert f"{claimed}. Nothing was written." in done.stderr
    assert host.state() == before


def test_removing_a_part_that_never_was_does_nothing(host: Box) -> None:
    before = host.state()
    done = host.run("calico", "remove", bundles.calico(host))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert host.state() == before


@pytest.mark.parametrize(
    ("part", "above"),
    [
        ("kubelet", ["kube-proxy"]),
        ("docker", ["kube-proxy", "kubelet"]),
        ("calico", ["kube-proxy", "kubelet"]),
        ("credentials", ["kube-proxy", "kubelet"]),
        ("prepare", ["kube-proxy", "kubelet", "credentials", "calico", "docker"]),
        ("kube-proxy", []),
    ],
)
def test_what_stands_on_a_part_goes_before_it(host: Box, part: str, above: list[str]) -> None:
    """Parts whose create was killed before the state knew of them. Here each only says its name."""
    parts = ["prepare", "docker", "calico", "credentials", "kubelet", "kube-proxy"]
    for name in parts:
        host.shell(
            f"mkdir -p {RECORD}/parts/{name}; sed -i '/^kn_main/i kn_part_remove() {{ :; }}' {LIBRARY}/{name}"
        )
    done = host.run(part, "remove", host.bundle(part))
    assert done.returncode == 0, done.stderr
    removed = [line.split(":")[0] for line in done.stdout.splitlines() if line.endswith(": removed")]
    assert removed == [*above, part]
    assert sorted(path.name for path in host.path(f"{RECORD}/parts").iterdir()) == sorted(
        {*parts} - {*removed}
    )


def test_removing_twice_is_a_success(host: Box) -> None:
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "x\n"))
    assert host.run("calico", "apply", bundle).returncode == 0
    assert host.run("calico", "remove", bundle).returncode == 0
    host.put("/etc/x", "somebody's\n")
    assert host.run("calico", "remove", bundle).returncode == 0
    assert host.text("/etc/x") == "somebody's\n"


# ---------------------------------------------------------------------------------------------------------------------
# One at a time.


def _wait_for(host: Box, path: str) -> None:
    done = host.shell(f"until [ -e {path} ]; do sleep 0.02; done", timeout=30)
    assert done.returncode == 0


def test_the_waiting_one_names_the_holder_and_goes_on_when_that_ends(host: Box) -> None:
    _part(host, "touch /held; until [ -e /go ]; do sleep 0.05; done", "docker")
    first = host.start(f"{LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    second = host.start(f"{LIBRARY}/calico apply", bundles.calico(host))
    host.shell("until ls /run/kubenode.*/say 2>/dev/null | sort -u | wc -l | grep -q 2; do sleep 0.02; done")
    assert second.poll() is None
    host.put("/go", "")
    assert first.wait(30) == 0
    said, complained = second.communicate(timeout=30)
    assert second.returncode == 0, complained
    assert said.startswith("waited for: docker apply, process ")
    assert said.endswith("calico: nothing to change\n")


def test_waiting_is_bounded_and_ends_with_nothing_done(host: Box) -> None:
    _part(host, "touch /held; until [ -e /go ]; do sleep 0.05; done", "docker")
    first = host.start(f"{LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "x\n"))
    done = host.shell(f"KN_LOCK_SECONDS=1 {LIBRARY}/calico apply", bundle)
    assert done.returncode == 1
    assert "another kubenode command still runs on this host: docker apply, process " in done.stderr
    assert "Wait for it, or end it, and try again." in done.stderr
    assert not host.path("/etc/x").exists()
    host.put("/go", "")
    assert first.wait(30) == 0


def test_what_a_killed_command_started_still_holds_the_lock(host: Box) -> None:
    """A package manager outlives the shell that started it; the next command must not run beside it."""
    _part(host, "sleep 3 >/dev/null 2>&1 & touch /held; wait", "docker")
    first = host.start(f"echo $$ >/group; exec {LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    host.shell("kill -KILL $(cat /group)")
    first.communicate(timeout=10)
    done = host.shell(f"KN_LOCK_SECONDS=0 {LIBRARY}/calico apply", bundles.calico(host))
    assert "docker apply, process " in done.stderr
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode == 0, done.stderr


def test_the_next_command_wipes_what_a_killed_one_left_in_memory(host: Box) -> None:
    _part(host, "touch /held; kill -KILL $$", "docker")
    assert host.run("docker", "apply", host.bundle("docker")).returncode != 0
    (left,) = host.leftovers()
    assert (host.path("/run") / left / "bundle").exists()
    assert host.run("calico", "apply", bundles.calico(host)).returncode == 0
    assert host.leftovers() == []


def test_what_a_running_command_has_in_memory_stays(host: Box) -> None:
    _part(host, "touch /held; until [ -e /go ]; do sleep 0.05; done", "docker")
    # The second waits for the lock with its bundle in memory while a third, which came later, may clean up.
    first = host.start(f"{LIBRARY}/docker apply", host.bundle("docker"))
    _wait_for(host, "/held")
    waiting = host.start(f"exec {LIBRARY}/calico apply", bundles.calico(host, HostFile("x", "/etc/x", "x\n")))
    host.shell("until ls /run/kubenode.*/say 2>/dev/null | sort -u | wc -l | grep -q 2; do sleep 0.02; done")
    assert host.library("KN_LOCK_SECONDS=0; rm /run/lock/kubenode; kn_lock").returncode == 0
    host.put("/go", "")
    assert first.wait(30) == 0
    assert waiting.wait(30) == 0
    assert host.text("/etc/x") == "x\n"


# ---------------------------------------------------------------------------------------------------------------------
# Words to the user.


def test_output_is_forty_lines_of_three_hundred_characters(host: Box) -> None:
    _part(host, 'n=0; while [ $n -lt 50 ]; do kn_say "$n $(printf "%0500d" 0)"; n=$((n + 1)); done')
    lines = host.run("calico", "apply", bundles.calico(host)).stdout.splitlines()
    assert len(lines) == 40
    assert {len(line) for line in lines} == {300}


@pytest.mark.parametrize(
    "failure",
    [
        "exit 1",
        'kn_die "$(printf "%05000d" 0)\n$(cat "$KN_TMP/log")"',
        "kn_run 5 cat /long; kn_run 5 false",
        "kn_start x.service 0 false",
    ],
)
def test_an_error_is_bounded_too(host: Box, failure: str) -> None:
    long = "".join(f"{n} {'x' * 5000}\n" for n in range(50))
    host.put("/long", long)
    host.put("/state/journal", long)
    host.put("/etc/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/true\n")
    _part(host, f'cat /long >"$KN_TMP/log"\nwhile read -r x; do kn_say "$x"; done </long\n{failure}')
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines) <= 600
    assert sum(len(line) for line in lines) <= 20 * 300 + 20 * 600
    assert any("calico apply: " in line for line in lines)


@pytest.mark.parametrize("without_iconv", [False, True])
@pytest.mark.parametrize("ending", ["", "exit 3"])
def test_whatever_is_said_is_utf8(host: Box, ending: str, *, without_iconv: bool) -> None:
    if without_iconv:
        host.path("/usr/bin/iconv").unlink()
    long = "x" * 199 + "\u00e4 cut in two"
    host.put("/words", "\n".join(f"{long}{n}" for n in range(3)) + "\n")
    _part(
        host,
        'kn_say "old: $(printf "caf\\351")"\nkn_say "new: $(printf "caf\\303\\251")"\n'
        f'cat /words >>"$KN_TMP/log"\nkn_say "$(tail -n 1 "$KN_TMP/log" | cut -c1-200)"\n{ending}',
    )
    done = host.run("calico", "apply", bundles.calico(host))
    said = done.stderr if ending else done.stdout
    assert "old: caf" in said
    assert ("new: caf??" if without_iconv else "new: caf\u00e9\n") in said
    assert "x" * 199 in said


@pytest.mark.parametrize("end", [">&-", "| head -c 0", "2>&1 | head -c 0"])
def test_a_lost_connection_does_not_stop_an_apply_midway(host: Box, end: str) -> None:
    host.put("/lines", "".join(f"{n} {'x' * 190}\n" for n in range(60)))
    _part(host, 'while read -r x; do kn_say "$x"; done </lines; sleep 0.2; kn_put_files')
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "x\n"))
    host.shell(f"{{ {LIBRARY}/calico apply; echo $? >/code; }} {end}", bundle)
    assert host.text("/etc/x") == "x\n"
    assert host.text("/code") == "0\n"
    assert host.leftovers() == []
    assert not host.path(f"{RECORD}/parts/calico/undo").exists()


def test_a_hangup_does_not_stop_an_apply_and_a_termination_ends_it_in_order(host: Box) -> None:
    _part(host, "kill -HUP $$; kn_say still here; kill -TERM $$; kn_say not here")
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode == 143
    assert "still here" in done.stderr
    assert "not here" not in done.stderr
    assert host.leftovers() == []


def test_files_are_not_left_open_to_others_by_the_callers_umask(host: Box) -> None:
    done = host.shell(
        f"umask 000; {LIBRARY}/calico apply", bundles.calico(host, HostFile("x", "/etc/new/x", "x\n", "0600"))
    )
    assert done.returncode == 0
    assert stat.S_IMODE(host.path("/etc/new").stat().st_mode) == 0o755
    for path in host.path(f"{RECORD}/parts").rglob("*"):
        assert not path.stat().st_mode & 0o022, path


# ---------------------------------------------------------------------------------------------------------------------
# The container runtime's interface.


@pytest.mark.parametrize("text", ["", "a", "0" * 8, "f" * 64, "x" * 127])
def test_a_request_is_one_grpc_frame_around_one_field(host: Box, text: str) -> None:
    host.stub("curl", 'while [ "$1" != --data-binary ]; do shift; done\ncp "${2#@}" /request\nexit 1\n')
    host.library(f"kn_cri_call StopPodSandbox '{text}' || :")
    message = b"" if not text else b"\x0a" + bytes([len(text)]) + text.encode()
    assert host.path("/request").read_bytes() == b"\0" + len(message).to_bytes(4, "big") + message


@pytest.mark.parametrize(
    ("trailer", "code"), [("grpc-status: 0", 0), ("Grpc-Status: 0", 0), ("grpc-status: 12", 1), ("", 1)]
)
def test_only_a_status_of_zero_is_an_answer(host: Box, trailer: str, code: int) -> None:
    host.stub(
        "curl",
        f'while [ "$1" != -D ]; do shift; done\nprintf "HTTP/2 200\\r\\n\\r\\n{trailer}\\r\\n" >"$2"\n',
    )
    done = host.library("kn_cri_call Version '' && exit 0 || exit 9")
    assert done.returncode == (9 if code else 0)
    assert host.calls("curl")[0].endswith("http://localhost/runtime.v1.RuntimeService/Version")
