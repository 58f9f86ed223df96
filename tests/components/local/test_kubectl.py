"""Running kubectl: retries, bounds, what is hidden, and what is left behind (nothing)."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from components.local import kubectl as kubectls
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import Kubectl, KubectlError, UnreachableError, path, with_query
from tests.components.local.conftest import LAUNCHER, ROOT, FakeKubectl, refused

CANARY = "canarysecret4711"
REFUSED = "The connection to the server 10.0.0.1:6443 was refused: dial tcp: connect: connection refused"


@pytest.fixture
def opened(fake_kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    monkeypatch.setenv("PATH", fake_kubectl.environment["PATH"])
    monkeypatch.setenv("KUBECONFIG", "/somebody/elses")
    fake_kubectl.write()
    return Kubectl(str(fake_kubectl.kubeconfig), "ctx", [CANARY], retry_seconds=3)


def test_json_comes_back_and_the_command_is_bounded(fake_kubectl: FakeKubectl, opened: Kubectl) -> None:
    fake_kubectl.answer("get /api/v1/nodes/w", {"out": {"kind": "Node"}})
    fake_kubectl.write()
    assert opened.get("/api/v1/nodes/w") == {"kind": "Node"}
    argv = fake_kubectl.calls[0]["argv"]
    assert argv[:2] == [f"--kubeconfig={fake_kubectl.kubeconfig}", "--context=ctx"]
    assert argv[2] == "--request-timeout=15s"


def test_a_connection_that_comes_back_is_retried(fake_kubectl: FakeKubectl, opened: Kubectl) -> None:
    fake_kubectl.answer("get /version", refused(REFUSED), {"out": {"major": "1"}})
    fake_kubectl.write()
    assert opened.get("/version") == {"major": "1"}
    assert len(fake_kubectl.calls) == 2


def test_retries_end(fake_kubectl: FakeKubectl, opened: Kubectl) -> None:
    fake_kubectl.answer("get /version", refused(REFUSED))
    fake_kubectl.write()
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="the API server cannot be reached"):
        opened.get("/version")
    assert time.monotonic() - started < 6
    assert len(fake_kubectl.calls) >= 2


@pytest.mark.parametrize(
    "message",
    [
        'Error from server (Forbidden): nodes is forbidden: User "x" cannot list',
        "Unable to connect to the server: tls: failed to verify certificate: x509: unknown authority",
        "error: You must be logged in to the server (Unauthorized)",
        "The connection to the server localhost:8080 was refused: connection refused",
        "Please enter Username: error: EOF",
    ],
)
def test_what_waiting_does_not_mend_fails_at_once(
    fake_kubectl: FakeKubectl, opened: Kubectl, message: str
) -> None:
    fake_kubectl.answer("get /version", refused(message))
    fake_kubectl.write()
    with pytest.raises(KubectlError) as caught:
        opened.get("/version")
    assert caught.value.code == 1
    assert caught.value.command == "kubectl get --raw /version"
    assert message in caught.value.stderr
    assert len(fake_kubectl.calls) == 1


def test_reasons_are_told_apart(fake_kubectl: FakeKubectl, opened: Kubectl) -> None:
    fake_kubectl.answer("get /a", refused('Error from server (Forbidden): "NotFound"'))
    fake_kubectl.write()
    with pytest.raises(KubectlError) as caught:
        opened.find("/a")
    assert caught.value.reason == "Forbidden"
    # kubectl has words of its own for this one.
    message = 'The CertificateSigningRequest "csr-1" is invalid: status.conditions: Forbidden: no'
    assert KubectlError("kubectl replace", 1, message).reason == "Invalid"
    assert opened.find("/b") is None


def test_a_kubectl_that_hangs_is_killed(fake_kubectl: FakeKubectl, opened: Kubectl) -> None:
    fake_kubectl.answer("get /version", {"sleep": 60})
    fake_kubectl.write()
    started = time.monotonic()
    with pytest.raises(KubectlError, match="did not answer within 1 s"):
        opened.get("/version", retry=False, timeout_seconds=1)
    assert time.monotonic() - started < 6


def test_bodies_go_through_stdin_and_secrets_are_hidden_in_errors(
    fake_kubectl: FakeKubectl, opened: Kubectl
) -> None:
    fake_kubectl.answer("create /api/v1/x", refused(f"Error from server (Invalid): bad value {CANARY}"))
    fake_kubectl.write()
    with pytest.raises(KubectlError) as caught:
        opened.post("/api/v1/x", {"token": CANARY})
    assert CANARY not in str(caught.value) + caught.value.stderr
    assert "[secret]" in str(caught.value)
    call = fake_kubectl.calls[0]
    assert CANARY in call["stdin"]
    assert CANARY not in " ".join(call["argv"])


def test_delete_names_the_object_by_uid_and_takes_absence_for_success(
    fake_kubectl: FakeKubectl, opened: Kubectl
) -> None:
    fake_kubectl.answer("delete /x", {"out": {}})
    fake_kubectl.answer("delete /other", refused("Error from server (Conflict): the UID in the precondition"))
    fake_kubectl.write()
    assert opened.delete("/x", "uid-1") is True
    assert json.loads(fake_kubectl.calls[0]["stdin"])["preconditions"] == {"uid": "uid-1"}
    assert opened.delete("/other", "uid-1") is False
    assert opened.delete("/absent", "uid-1") is False


def test_noise_of_client_libraries_is_left_out(fake_kubectl: FakeKubectl, opened: Kubectl) -> None:
    fake_kubectl.answer(
        "get /v", refused('E1123 10:00:00.1 memcache.go:265] "Unhandled"\nWarning: x\nerror: bad')
    )
    fake_kubectl.write()
    with pytest.raises(KubectlError) as caught:
        opened.get("/v")
    assert caught.value.stderr == "error: bad"


def test_paths_are_quoted() -> None:
    assert path("api", "v1", "nodes", "a/b") == "/api/v1/nodes/a%2Fb"
    assert (
        with_query("/api/v1/pods", fieldSelector="spec.nodeName=w")
        == "/api/v1/pods?fieldSelector=spec.nodeName%3Dw"
    )


def test_without_any_kubeconfig_nothing_runs() -> None:
    with pytest.raises(Failure, match="kubeconfigFile: expected a text"), kubectls.opened(Arguments("p", {})):
        pass


def folders() -> set[str]:
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(os.environ.get("TMPDIR", "/tmp"))
    return {str(one) for one in base.glob("kubenode-kubectl-*")}


def test_kubeconfig_contents_are_private_and_gone_afterwards(
    fake_kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_kubectl.environment["PATH"])
    fake_kubectl.answer("get /v", refused(f"bad token {CANARY}"))
    fake_kubectl.write()
    before = folders()
    contents = json.dumps({"users": [{"user": {"token": CANARY}}]})
    with kubectls.opened(Arguments("p", {"kubeconfig": contents})) as inside:
        (folder,) = folders() - before
        file = Path(folder) / "kubeconfig"
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text() == contents
        with pytest.raises(KubectlError) as caught:
            inside.get("/v")
        assert CANARY not in str(caught.value), "a secret of the kubeconfig itself"
    assert folders() == before


@pytest.mark.parametrize(
    "contents",
    [
        f"users:\n- user:\n    token: {CANARY}\n",
        f'users:\n- user:\n    password: "{CANARY}"\n',
        f"users:\n- user: {{client-key-data: {CANARY}}}\n",
        f'{{"users":[{{"user":{{"token":"{CANARY}"}}}}]}}',
    ],
)
def test_secrets_of_a_kubeconfig_are_known(contents: str) -> None:
    assert kubectls._KUBECONFIG_SECRET.findall(contents) == [CANARY]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_no_kubeconfig_and_no_kubectl(
    fake_kubectl: FakeKubectl, number: signal.Signals
) -> None:
    marker = fake_kubectl.directory / "started"
    fake_kubectl.answer("get /api/v1/nodes/w", {"signal_file": str(marker)})
    fake_kubectl.write()
    before = folders()
    values: dict[str, Any] = {"node": "w", "digest": "d", "kubeconfig": f"token: {CANARY}"}
    process = subprocess.Popen(
        [str(LAUNCHER), "out-of-service", "apply"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=fake_kubectl.environment,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(values))
    process.stdin.close()
    process.stdin = None
    until(marker.exists)
    child = children(process.pid)
    assert len(folders() - before) == 1
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert folders() == before
    assert out == ""
    assert f"ended by signal {number.value}" in err
    assert CANARY not in err
    until(lambda: not any(Path(f"/proc/{one}").exists() for one in child))


def test_the_folder_of_a_killed_program_is_removed_by_the_next(
    fake_kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_kubectl.environment["PATH"])
    with kubectls.opened(Arguments("p", {"kubeconfig": "{}"})):
        (live,) = (Path(one) for one in folders() if (Path(one) / "kubeconfig").exists())
        stale = live.parent / "kubenode-kubectl-test-stale"
        stale.mkdir(mode=0o700)
        (stale / "held").touch()
        for folder in (live, stale):
            os.utime(folder, (0, 0))
        with kubectls.opened(Arguments("p", {"kubeconfig": "{}"})):
            assert not stale.exists()
            assert live.exists(), "its owner is at work"


def children(pid: int) -> list[int]:
    """The processes below this one."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for one in (task / "children").read_text().split():
            found += [int(one), *children(int(one))]
    return found


def until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
