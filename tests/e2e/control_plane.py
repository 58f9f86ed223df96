"""The sandbox's control plane with other flags, for as long as a test needs them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.e2e.cluster import Cluster
from tests.e2e.place import Place

_SECONDS = 120


@contextmanager
def changed(place: Place, cluster: Cluster, unit: str, edit: Callable[[str], str]) -> Iterator[None]:
    """Run `unit` with its file as `edit` makes it of what it is; afterwards as before."""
    path = f"/etc/systemd/system/{unit}.service"
    before = read(place, path)
    after = edit(before)
    assert after != before, f"nothing to change in {path}"
    _restart(place, cluster, unit, path, after)
    try:
        yield
    finally:
        _restart(place, cluster, unit, path, before)


def read(place: Place, path: str) -> str:
    """A file of its host."""
    return _run(place, f"cat {path}")


def authority_key(place: Place) -> str:
    """The key of the cluster's certificate authority."""
    return read(place, "/etc/kubernetes/pki/ca.key")


def without_flags(start: str) -> Callable[[str], str]:
    """The unit's text without the lines of flags that start so."""
    return lambda text: "".join(
        line for line in text.splitlines(keepends=True) if not line.strip().startswith(start)
    )


def _restart(place: Place, cluster: Cluster, unit: str, path: str, text: str) -> None:
    _run(place, f"cat >{path}", text)
    _run(place, f"systemctl daemon-reload && systemctl restart {unit}")
    deadline = time.monotonic() + _SECONDS
    while cluster.kubectl("get", "--raw", "/readyz", check=False) != "ok":
        assert time.monotonic() < deadline, f"the API server is not ready with {path} as it is"
        time.sleep(0.5)


def _run(place: Place, script: str, stdin: str = "") -> str:
    return subprocess.run(
        ["docker", "exec", "-i", place.checkout.name("control-plane"), "sh", "-euc", script],
        env=place.env,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=_SECONDS,
        check=True,
    ).stdout
