"""The proof: every address answers with the page, kube-proxy runs in the configured mode, nothing is changed."""

from __future__ import annotations

import pytest

from tests.shell.box import Box

_ANSWERS = """
for url in "$@"; do :; done
case $url in
*/proxyMode) printf iptables ;;
http://10.96.0.9/)
    [ ! -e /state/away ] || { echo "curl: (7) Failed to connect" >&2; exit 7; }
    echo "<h1>Welcome to nginx!</h1>"
    ;;
http://10.244.1.2/) echo "<h1>Another page</h1>" ;;
http://[*) echo "Welcome to nginx!" ;;
*) exit 6 ;;
esac
"""


def _bundle(
    host: Box, urls: list[str], expect: str = "Welcome to nginx!", mode: str = "iptables", timeout: int = 1
) -> str:
    return host.bundle("verify", url=urls, expect=[expect], mode=[mode], timeout_seconds=[str(timeout)])


@pytest.fixture
def node(host: Box) -> Box:
    host.stub("curl", _ANSWERS)
    return host


def test_it_counts_what_answers_and_changes_nothing(node: Box) -> None:
    before = node.state()
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/", "http://[fd00::1]/"]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 addresses answer; kube-proxy in mode iptables\n"
    assert node.state() == before
    assert node.leftovers() == []


def test_another_page_is_no_answer(node: Box) -> None:
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/", "http://10.244.1.2/"]))
    assert done.returncode == 1
    assert "http://10.244.1.2/ does not answer with 'Welcome to nginx!' from this node" in done.stderr


def test_no_answer_is_told_with_its_reason(node: Box) -> None:
    node.put("/state/away", "")
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/"]))
    assert done.returncode == 1
    assert "curl: (7) Failed to connect" in done.stderr


def test_it_waits_for_an_answer(node: Box) -> None:
    node.put("/state/away", "")
    node.stub("sleep", "rm -f /state/away\n")
    assert node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/"], timeout=60)).returncode == 0


def test_another_mode_is_an_error(node: Box) -> None:
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/"], mode="ipvs"))
    assert done.returncode == 1
    assert "kube-proxy runs in mode iptables, configured is ipvs" in done.stderr


def test_the_cluster_s_own_kube_proxy_is_not_asked(node: Box) -> None:
    node.stub("curl", _ANSWERS.replace("printf iptables", "exit 7"))
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/"], mode="existing"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 addresses answer; the cluster's own kube-proxy\n"


def test_a_kube_proxy_that_is_silent_is_an_error(node: Box) -> None:
    node.stub("curl", _ANSWERS.replace("printf iptables", "exit 7"))
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/"]))
    assert done.returncode == 1
    assert "kube-proxy does not answer on 127.0.0.1:10249" in done.stderr


@pytest.mark.parametrize("expect", ["-v", "--help", "a.c"])
def test_the_expected_words_are_words(node: Box, expect: str) -> None:
    node.stub("curl", _ANSWERS.replace("Welcome to nginx!", "abc"))
    done = node.run("verify", "apply", _bundle(node, ["http://10.96.0.9/"], expect))
    assert done.returncode == 1
    assert f"does not answer with '{expect}'" in done.stderr
