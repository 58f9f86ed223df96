"""Certificates that live for minutes: kubelets and the nightly command rotate them, and nobody watches."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e import control_plane
from tests.e2e.cluster import is_ready
from tests.e2e.lab import Lab

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

# What the cluster signs is valid from 5 minutes before on, and kubelets renew at 70 to 90 percent of the whole.
_MINUTES = 6
_ROTATION_SECONDS = 420
_KINDS = ("client", "server")


@pytest.fixture
def short_lived(lab: Lab) -> Iterator[Lab]:
    lab.bare()
    flag = f"  --cluster-signing-duration={_MINUTES}m \\\n"
    first = "  --cluster-signing-key-file="
    with control_plane.changed(
        lab.place, lab.cluster, "kube-controller-manager", lambda text: text.replace(first, flag + first)
    ):
        lab.deployed()
        yield lab
    lab.bare()


def _digests(lab: Lab) -> dict[tuple[str, str], str]:
    """What every kubelet's certificates are now."""
    return {
        (host.name, kind): host.run(f"sha256sum </var/lib/kubelet/pki/kubelet-{kind}-current.pem")
        for host in lab.hosts
        for kind in _KINDS
    }


def _night(lab: Lab) -> str:
    done = subprocess.run(
        ["ci/renew"],
        cwd=lab.place.root,
        env={**lab.place.env, "STACK": lab.stack.name},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    lab.stack.said.append(done.stdout)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _demand_well(lab: Lab) -> None:
    assert all(is_ready(node) for node in lab.cluster.nodes().values())
    for name in lab.cluster.pods():
        lab.cluster.kubectl("logs", "-n", "kubenode-verification", name)


def test_two_rotations_of_both_certificates_and_a_night_without_any(short_lived: Lab) -> None:
    lab = short_lived
    requests = len(lab.cluster.requests_of_nodes())
    before = _digests(lab)
    logins = lab.connections()
    assert "no certificate is due" in _night(lab)
    if _digests(lab) == before:
        assert len(lab.cluster.requests_of_nodes()) == requests, (
            "a night with nothing to renew asks for something"
        )
    for _ in range(2):
        before, deadline = _digests(lab), time.monotonic() + _ROTATION_SECONDS
        waiting = set(before)
        while waiting:
            assert time.monotonic() < deadline, f"not renewed: {sorted(waiting)}"
            _night(lab)
            _demand_well(lab)
            after = _digests(lab)
            waiting -= {one for one in waiting if after[one] != before[one]}
            time.sleep(5)
    assert lab.connections() == logins, "a rotation logs in to no host"
    # What ends soon is said, for these all do.
    assert "the kubelet's serving certificate ends on " in lab.stack.preview().demand().text
