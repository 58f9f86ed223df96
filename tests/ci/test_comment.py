"""The comment: what it says first, that it fits, and that nothing secret is in it."""

from __future__ import annotations

import pytest

from ci.comment import LIMIT, comment, marker
from tests.ci import samples


def test_the_summary_comes_first() -> None:
    lines = comment("prod", samples.ONE_SETTING, 0).splitlines()
    assert lines[0] == marker("prod") == "<!-- kubenode preview of prod -->"
    assert lines[1:4] == ["### Preview of `prod`", "", "2 to change."]


def test_drains_stand_out() -> None:
    assert "**Drained: `worker-2`**" in comment("prod", samples.DRAINED, 0)
    assert "Drained" not in comment("prod", samples.ONE_SETTING, 0)


def test_no_changes() -> None:
    assert "\nNo changes.\n" in comment("prod", samples.UNCHANGED, 0)


def test_a_failed_preview_says_so() -> None:
    text = comment("prod", "error: the configuration of stack prod has problems:\n  nodes: required", 255)
    assert "**The preview failed** (exit code 255). Nothing was changed." in text
    assert "No changes." not in text
    assert "nodes: required" in text


def test_signs_stand_in_the_first_column() -> None:
    lines = comment("prod", samples.ONE_SETTING, 0).splitlines()
    assert "+            kubelet.yaml | maxPods: 55" in lines
    assert "!      command:remote:Command: (update)" in lines
    assert "             kubelet.yaml | oomScoreAdj: 0" in lines


@pytest.mark.parametrize("line", ["x" * 80, "ü" * 80, "節點" * 40, "🙂" * 40])
@pytest.mark.parametrize("lines", [1, 400, 20_000])
def test_it_fits_whatever_the_preview_says(line: str, lines: int) -> None:
    output = "\n".join([samples.DRAINED, *([line] * lines)])
    text = comment("prod", output, 0, log="https://github.example/o/r/actions/runs/7")
    assert len(text.encode()) <= LIMIT
    assert "**Drained: `worker-2`**" in text
    assert text.count("```") == 2
    shown = sum(found == f" {line}" for found in text.splitlines())
    whole = len(output.strip().splitlines())
    if shown < lines:
        note = f"{lines - shown} of {whole} lines are left out"
        assert note in text
        assert "[the job's log](https://github.example/o/r/actions/runs/7)" in text
        # As much as fits, not just something.
        assert len(text.encode()) > LIMIT - 1000
    else:
        assert "left out" not in text


def test_one_line_that_does_not_fit() -> None:
    text = comment("prod", "x" * 2 * LIMIT, 0)
    assert len(text.encode()) <= LIMIT
    assert "1 of 1 lines are left out; the job's log has all of them." in text


def test_nothing_in_the_output_ends_the_block() -> None:
    text = comment("prod", "kubelet.yaml | ```\n````\n</details>", 0)
    assert text.count("`````") == 2


def test_secrets_are_hidden() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----"
    output = f"error: {key}\ntoken abcdef.0123456789abcdef\npassphrase correct-horse\nBearer abcdefghijkl"
    text = comment("prod", output, 255, secrets=["correct-horse"])
    for secret in ("b3BlbnNzaC1rZXk", "0123456789abcdef", "correct-horse", "abcdefghijkl"):
        assert secret not in text
    assert text.count("[secret]") == 4
