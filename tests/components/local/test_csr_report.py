"""What csr-approval says when it waited in vain, without a cluster."""

from __future__ import annotations

from components.identity.expectation import Expectation
from components.local.csr_report import Story, report
from components.local.csr_sight import Reach, Sight


def test_a_wait_in_vain_names_node_cause_setting_and_host() -> None:
    sight = Sight([], None, None, Reach.SILENT, "")
    expected = Expectation("worker-1", ("10.0.0.7",), bootstrap_user="system:bootstrap:abcdef")
    assert report(sight, expected, Story(), 90, serving=True).splitlines() == [
        "worker-1: after 90 s (timeouts.csrSeconds): no kubelet has registered as this node",
        "awaited: a kubelet that registers as this node and renews its Lease, "
        "whose serving certificate the API server accepts",
        "Node: there is none",
        "requests of system:bootstrap:abcdef or system:node:worker-1: none",
        "Next: if worker-1-kubelet failed in this run, its error says why; else on the host 10.0.0.7: "
        "systemctl status kubelet; journalctl -u kubelet -n 50; and kubectl describe node worker-1",
    ]
