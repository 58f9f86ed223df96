"""Other programs: what they say comes back, and what is not there or does not end is said in words."""

from __future__ import annotations

import os

import pytest

from components import programs


class OurError(Exception):
    """The caller's own."""


def test_what_it_said_comes_back_whatever_its_exit_code() -> None:
    done = programs.run(["sh", "-c", "cat; echo no >&2; exit 3"], OurError, text="in")
    assert (done.returncode, done.stdout, done.stderr) == (3, "in", "no\n")


def test_nobody_is_asked_who_is_not_there() -> None:
    assert programs.run(["cat"], OurError).stdout == ""


def test_output_that_is_no_text_is_no_failure() -> None:
    assert programs.run(["printf", r"\377"], OurError).stdout == "\N{REPLACEMENT CHARACTER}"


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(OurError, match=r"^no-such-program was not found on PATH$"):
        programs.run(["no-such-program", "x"], OurError)


def test_one_that_does_not_end_is_not_waited_for() -> None:
    with pytest.raises(OurError, match=r"^no answer in 0 s$"):
        programs.run(["sleep", "60"], OurError, seconds=0.05)
    with pytest.raises(OurError, match=r"^too late$"):
        programs.run(["sleep", "60"], OurError, seconds=0.05, late="too late")


def test_environment_and_session_are_the_callers() -> None:
    line = ["sh", "-c", "echo $GIVEN; ps -o sid= -p $$"]
    given, session = programs.run(
        line, OurError, env={**os.environ, "GIVEN": "x"}, own_session=True
    ).stdout.split()
    assert given == "x"
    assert int(session) != os.getsid(0)
