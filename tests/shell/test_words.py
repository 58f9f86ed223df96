"""Words to the user, bounded steps, and an apply that outlives its connection."""

from __future__ import annotations

import stat

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import LIBRARY, RECORD, Box


def test_a_bounded_step_in_a_loop_does_not_eat_the_loops_lines(host: Box) -> None:
    host.part(
        'printf "one\\ntwo\\nthree\\n" >"$KN_TMP/l"\nwhile read -r x; do kn_run 5 cat; kn_say "$x"; done <"$KN_TMP/l"',
    )
    assert host.run("calico", "apply", bundles.calico(host)).stdout.splitlines()[:3] == [
        "one",
        "two",
        "three",
    ]


def test_a_step_that_does_not_end_is_ended_and_named(host: Box) -> None:
    host.part("echo words from before; kn_run 1 sh -c 'echo last words; sleep 60'")
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
    host.part(f"kn_try 5 echo words of another step\nkn_run 30 sh -c '{step}'")
    assert host.run("calico", "apply", bundles.calico(host)).stderr.endswith(ending)


@pytest.mark.parametrize("failure", ["false", "kn_die oops", "exit 7", "(exit 3)", "cd /nowhere"])
def test_a_failure_is_never_taken_for_success(host: Box, failure: str) -> None:
    host.part(f"kn_say before\n{failure}\nkn_say after")
    done = host.run("calico", "apply", bundles.calico(host))
    assert done.returncode != 0
    assert "kubenode: worker-1 (192.0.2.7): calico apply: " in done.stderr
    assert "after" not in done.stderr
    assert done.stdout == ""
    assert host.leftovers() == []


def test_output_is_forty_lines_of_three_hundred_characters(host: Box) -> None:
    host.part('n=0; while [ $n -lt 50 ]; do kn_say "$n $(printf "%0500d" 0)"; n=$((n + 1)); done')
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
    host.part(f'cat /long >"$KN_TMP/log"\nwhile read -r x; do kn_say "$x"; done </long\n{failure}')
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
    host.part(
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
    host.part('while read -r x; do kn_say "$x"; done </lines; sleep 0.2; kn_put_files')
    bundle = bundles.calico(host, HostFile("x", "/etc/x", "x\n"))
    host.shell(f"{{ {LIBRARY}/calico apply; echo $? >/code; }} {end}", bundle)
    assert host.text("/etc/x") == "x\n"
    assert host.text("/code") == "0\n"
    assert host.leftovers() == []
    assert not host.path(f"{RECORD}/parts/calico/undo").exists()


def test_a_hangup_does_not_stop_an_apply_and_a_termination_ends_it_in_order(host: Box) -> None:
    host.part("kill -HUP $$; kn_say still here; kill -TERM $$; kn_say not here")
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
