"""What pulumi says it would do, read from its own words."""

from __future__ import annotations

from typing import Any

import pytest

from ci.plan import Change, NotDueError, approvals, as_deployed, plan_of, renewal_is_due
from tests.ci import samples


def test_changes_are_read_and_what_stays_is_not() -> None:
    plan = plan_of(samples.ONE_SETTING)
    assert plan.changes == (Change("update", "worker-1-kubelet"), Change("update", "worker-1-csr-approval"))
    assert plan.drained == ()
    assert plan.count("update") == 2


def test_a_changed_digest_drains_the_node() -> None:
    assert plan_of(samples.DRAINED).drained == ("worker-2",)


def test_another_input_of_out_of_service_drains_nothing() -> None:
    other = samples.DRAINED.replace('~ digest        : "0a1b" => "2c3d"', 'digest        : "0a1b"')
    plan = plan_of(other)
    assert [change.name for change in plan.changes] == ["worker-2-out-of-service"]
    assert plan.drained == ()


def test_a_digest_of_another_resource_drains_nothing() -> None:
    assert plan_of(samples.DRAINED.replace("-out-of-service]", "-in-service]")).drained == ()


def test_a_node_that_leaves_is_drained() -> None:
    plan = plan_of(samples.REMOVED)
    assert plan.changes == (Change("delete", "worker-3-in-service"),)
    assert plan.drained == ("worker-3",)


def test_nothing_is_read_from_an_error() -> None:
    assert plan_of("error: the configuration of stack prod has problems:\n  nodes: …").changes == ()


def _state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": {"resources": list(resources)}}


_APPROVAL = "urn:pulumi:prod::kubenode::kubenode:index:Node$command:local:Command::worker-1-csr-approval"


def test_an_approval_that_a_renewal_changes_is_as_deployed() -> None:
    changed = {"op": "update", "urn": _APPROVAL}
    due = {"op": "replace", "urn": "urn:x::worker-1-kubelet-client"}
    assert as_deployed([_APPROVAL], {"steps": [changed]}) == ([], ["worker-1-csr-approval"])
    assert as_deployed([_APPROVAL], {"steps": [changed, due]}) == ([_APPROVAL], [])
    other = {"op": "update", "urn": "urn:x::worker-1-docker"}
    assert as_deployed([_APPROVAL], {"steps": [changed, due, other]}) == ([], ["worker-1-csr-approval"])
    assert as_deployed([_APPROVAL], {"steps": [other]}) == ([_APPROVAL], [])


def test_approvals_are_found_in_the_state() -> None:
    one = {"urn": _APPROVAL, "type": "command:local:Command"}
    others: list[dict[str, Any]] = [
        {"urn": _APPROVAL.replace("csr-approval", "in-service"), "type": "command:local:Command"},
        {"urn": _APPROVAL.replace("worker-1", "worker-9"), "type": "command:local:Command", "delete": True},
        {"urn": _APPROVAL, "type": "command:remote:Command"},
    ]
    assert approvals(_state(one, *others)) == [_APPROVAL]
    assert approvals({"deployment": {}}) == []
    assert approvals({}) == []


def _preview(**steps: str) -> dict[str, Any]:
    return {"steps": [{"op": op, "urn": f"urn:x::{name.replace('_', '-')}"} for name, op in steps.items()]}


def test_a_renewal_is_due_when_the_clock_is_replaced() -> None:
    assert not renewal_is_due({"steps": []})
    assert not renewal_is_due(_preview(cluster_kube_proxy_clock="same", worker_1_kubelet="update"))
    assert renewal_is_due(
        _preview(
            cluster_kube_proxy_clock="replace",
            cluster_kube_proxy="update",
            worker_1_credentials="update",
            worker_1_kube_proxy="update",
            worker_1_in_service="update",
            worker_1_verify="update",
            worker_1_docker="same",
        )
    )


def test_with_an_authority_it_is_the_certificate_that_is_replaced() -> None:
    assert renewal_is_due(_preview(cluster_kube_proxy="replace", worker_1_credentials="update"))
    assert not renewal_is_due(_preview(cluster_kube_proxy="update"))


def test_a_kubelet_restarts_with_the_certificate_that_it_is_given_and_no_other_does() -> None:
    due = {"worker_1_kubelet_client_clock": "replace", "worker_1_kubelet_client": "update"}
    assert renewal_is_due(_preview(**due, worker_1_kubelet="update", worker_1_csr_approval="update"))
    assert renewal_is_due(_preview(worker_1_kubelet_server="create-replacement", worker_1_kubelet="update"))
    assert not renewal_is_due(_preview(worker_1_kubelet_client="update"))
    with pytest.raises(NotDueError, match=r"change worker-2-kubelet\. Deploy"):
        renewal_is_due(_preview(**due, worker_2_kubelet="update"))


def test_a_renewal_takes_nothing_else_along() -> None:
    with pytest.raises(NotDueError, match=r"worker-1-docker, worker-2-kubelet\. Deploy"):
        renewal_is_due(
            _preview(cluster_kube_proxy_clock="replace", worker_2_kubelet="update", worker_1_docker="update")
        )
