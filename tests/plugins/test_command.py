"""The command plugin over gRPC: what no program of the official SDK can say, and many commands at once.

What a program can notice is stated in `conformance/`.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from tests.plugins.rpc import Engine, RefusedError
from tests.plugins.sshd import Server

REMOTE, LOCAL = "command:remote:Command", "command:local:Command"


def error_of(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **more)
    return str(caught.value.details())


def test_many_commands_at_once(command: Engine, sshd: Server) -> None:
    with ThreadPoolExecutor(60) as pool:
        jobs = [
            pool.submit(
                command.create, REMOTE, f"c{n}", create="sleep 1; echo done", connection=sshd.connection()
            )
            for n in range(60)
        ]
        assert all(job.result().outputs["stdout"] == "done" for job in jobs)
    assert sshd.most_open > 30


def test_not_in_the_sandbox(command: Engine) -> None:
    with pytest.raises(RefusedError, match="assetPaths is not supported by the sandbox's command plugin"):
        command.check(LOCAL, "c", {"create": "true", "assetPaths": ["*"]})
    text = error_of(command.check, "command:remote:CopyToRemote", "c", {})
    assert "unknown resource type command:remote:CopyToRemote" in text
    assert "command:remote:Command" in text
