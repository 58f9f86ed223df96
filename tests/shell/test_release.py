"""A host whose stack has lost its state is given back by its own record: the lines that `make release` sends."""

from __future__ import annotations

from components.release import lines
from tests.shell import bundles
from tests.shell.box import LIBRARY, RECORD, Box


def _seen(box: Box) -> lines.Claim:
    done = box.shell(lines.look())
    assert done.returncode == 0, done.stderr
    found = lines.read(done.stdout)
    assert found is not None
    return found


def _release(box: Box) -> str:
    done = box.shell(lines.release(), lines.bundle(_seen(box), "192.0.2.7"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_that_the_record_lists_goes(host: Box) -> None:
    host.run("calico", "apply", bundles.calico(host)).check_returncode()
    assert _seen(host).stack == host.claim
    assert _seen(host).node == host.node
    assert _seen(host).parts == ("calico",)
    said = _release(host)
    assert "sweeping calico" in said
    assert "claim released" in said
    assert not host.path(RECORD).exists()
    assert not host.path(LIBRARY).exists()
    # Then nothing is there to be seen, and nobody is asked.
    done = host.shell(lines.look())
    assert (done.returncode, lines.read(done.stdout)) == (0, None)


def test_a_host_that_lost_its_toolkit_too_is_released_by_the_checkouts(host: Box) -> None:
    host.run("calico", "apply", bundles.calico(host)).check_returncode()
    host.shell(f"rm {LIBRARY}/calico").check_returncode()
    assert "sweeping calico" in _release(host)
    assert not host.path(RECORD).exists()
    assert host.shell("ls -d /run/kubenode* 2>/dev/null || :").stdout == ""
