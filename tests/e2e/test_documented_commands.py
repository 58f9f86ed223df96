"""What the pages tell a user to type while nodes are up."""

from __future__ import annotations

import pytest

from tests.docs.commands import run_by
from tests.e2e import documented
from tests.e2e.lab import Lab

pytestmark = pytest.mark.sandbox

# Words that tell that a command did what its page says, and not something else without an error.
_SAYS = {
    "make up": "worker-2",
    "make status": "worker-1",
    "kubectl get nodes -o wide": "docker://",
    "pulumi preview --stack dev --diff": "unchanged",
    "ssh worker-1 journalctl": "kubelet",
    "kubectl version": "Server Version",
    "kubectl config view": "https://",
    "pulumi stack output nodes": "servingCertificateExpires",
    "pulumi preview --diff": "unchanged",
    "pulumi up --replace": "worker-1-csr-approval",
    "kubectl drain": "worker-1 drained",
    "kubectl uncordon": "worker-1 uncordoned",
}


@pytest.mark.parametrize("command", run_by("tests/e2e/test_documented_commands.py::test_as_it_is_written"))
def test_as_it_is_written(deployed: Lab, command: str) -> None:
    said = documented.run(deployed, command)
    expected = max((words for words in _SAYS if command.startswith(words)), key=len, default="")
    assert _SAYS.get(expected, "") in said
    if command.startswith("kubectl uncordon"):
        deployed.cluster.kubectl(
            "-n", "kubenode-verification", "rollout", "status", "deployment/nginx", "--timeout=120s"
        )


def test_a_check_finds_an_edited_file(deployed: Lab) -> None:
    """The page's command is silent when all is well; this is what it is for."""
    (check,) = (
        command
        for command in run_by("tests/e2e/test_documented_commands.py::test_as_it_is_written")
        if "kubelet check" in command
    )
    host = deployed.host("worker-1")
    host.run("cp -p /etc/kubernetes/kubelet.yaml /run/kept && echo '# edited' >>/etc/kubernetes/kubelet.yaml")
    try:
        with pytest.raises(AssertionError, match="differs from what was applied"):
            documented.run(deployed, check)
    finally:
        host.run("mv /run/kept /etc/kubernetes/kubelet.yaml")
    documented.run(deployed, check)
