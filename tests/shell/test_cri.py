"""The container runtime's interface, one call at a time."""

from __future__ import annotations

import pytest

from tests.shell.box import Box


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
