"""An API server that shows kubelets no certificate: what its users see, and who says why."""

from __future__ import annotations

import pytest

from tests.e2e import control_plane
from tests.e2e.lab import Lab

pytestmark = [pytest.mark.sandbox, pytest.mark.long]


def test_you_must_be_logged_in_to_the_server(deployed: Lab) -> None:
    lab = deployed
    namespace = ("-n", "kubenode-verification")
    joins = lab.hosts[1]
    lab.stack.configure_nodes(lambda nodes: nodes.pop(joins.name))
    lab.stack.up().demand()
    (pod,) = lab.cluster.pods()
    lab.cluster.kubectl("logs", *namespace, pod)
    lab.stack.restore_configuration()
    lab.note_unknown()

    assert "preflight of the cluster" not in lab.stack.preview().demand().text
    edit = control_plane.without_flags("--kubelet-client-")
    with control_plane.changed(lab.place, lab.cluster, "kube-apiserver", edit):
        said = lab.cluster.kubectl("logs", *namespace, pod, check=False)
        assert "You must be logged in to the server" in said
        told = lab.stack.preview().demand().text
        assert (
            "preflight of the cluster: a client certificate of the API server that kubelets take is missing: "
            "kubectl logs and exec end with 'You must be logged in to the server'. "
            "Set --kubelet-client-certificate and --kubelet-client-key on the API server."
        ) in told
    lab.cluster.kubectl("logs", *namespace, pod)
    assert "preflight of the cluster" not in lab.stack.preview().demand().text
    lab.deployed()
