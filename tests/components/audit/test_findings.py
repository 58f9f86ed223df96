"""What a host's lines become, and how it is told."""

from __future__ import annotations

import json

import pytest

from components.audit.findings import AnswerError, Audit, Finding, answered, as_json, code, text

_LINE = "finding\tkubelet\t/etc/kubernetes/kubelet.yaml\t0644 a\t0600 b\t\n"
_FINDING = Finding("kubelet", "/etc/kubernetes/kubelet.yaml", "0644 a", "0600 b")
CLEAN = Audit("worker-1", "192.0.2.7", ("claim",))
DRIFTED = Audit("worker-2", "192.0.2.8", ("claim", "kubelet"), (_FINDING,))
UNASKED = Audit("worker-3", "192.0.2.9", error="no answer in 300 s")


def _answered(lines: str, *parts: str) -> Audit:
    return answered("worker-1", "192.0.2.7", lines, parts)


def test_every_line_is_a_finding() -> None:
    audit = _answered(_LINE + "checked\tclaim kubelet\n", "claim", "kubelet")
    assert (audit.findings, audit.checked, audit.code) == ((_FINDING,), ("claim", "kubelet"), 1)


@pytest.mark.parametrize("lines", ["", _LINE, "checked\n", "finding\tx\n"])
def test_an_answer_that_was_cut_off_is_none(lines: str) -> None:
    with pytest.raises(AnswerError):
        _answered(lines, "claim")


def test_a_part_that_the_host_does_not_know_is_a_finding() -> None:
    audit = _answered("checked\tclaim\n", "claim", "docker")
    assert audit.findings == (Finding("docker", "part docker", "checked", "no record of it"),)
    lost = "finding\tclaim\t/usr/local/lib/kubenode/lib.sh\tas installed\tnothing\t\nchecked\tclaim\n"
    assert [one.found for one in _answered(lost, "docker").findings] == ["nothing", "its script is gone"]
    edited = _answered(lost.replace("nothing", "other content"), "docker")
    assert [one.found for one in edited.findings] == [
        "other content",
        "its script was edited, and is not run",
    ]


def test_of_a_host_of_another_stack_no_part_is_missed() -> None:
    audit = _answered("finding\tclaim\tclaim\tours\ttheirs\t\nchecked\tclaim\n", "claim", "docker")
    assert len(audit.findings) == 1
    assert not audit.is_ours


def test_a_host_that_could_not_be_asked_weighs_most() -> None:
    assert [code([]), code([CLEAN]), code([CLEAN, DRIFTED]), code([UNASKED, DRIFTED])] == [0, 0, 1, 2]


def test_the_report_names_host_part_thing_expected_and_found() -> None:
    assert text([CLEAN, DRIFTED, UNASKED], ["worker-4 is new"]).splitlines() == [
        "note: worker-4 is new",
        "worker-2 (192.0.2.8): kubelet: /etc/kubernetes/kubelet.yaml: expected 0644 a, found 0600 b",
        "worker-3 (192.0.2.9): could not be asked: no answer in 300 s",
        "3 hosts: 1 as applied, 1 drifted, 1 not asked",
    ]


def test_the_same_for_programs() -> None:
    hosts = json.loads(as_json([CLEAN, DRIFTED, UNASKED], []))["hosts"]
    assert [host["state"] for host in hosts] == ["clean", "drifted", "unasked"]
    assert hosts[1]["findings"] == [
        {
            "part": "kubelet",
            "thing": "/etc/kubernetes/kubelet.yaml",
            "expected": "0644 a",
            "found": "0600 b",
        }
    ]
