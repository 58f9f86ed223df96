"""Another kubeconfig for the same cluster: commands run again on this machine, no host and no pod notices."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.e2e.cluster import unfit
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json
from tests.e2e.watching import node_events

pytestmark = pytest.mark.sandbox

_NAME = "kubenode-e2e-admin"
_FILE = ".sandbox/kubeconfig-of-another-user"


def _use_it(config: Json) -> None:
    config["cluster"]["kubeconfigFile"] = _FILE


def _write_kubeconfig(lab: Lab) -> None:
    """The same cluster, as another administrator who shows a token instead of a certificate."""
    kubectl = lab.cluster.kubectl
    if _NAME not in kubectl("-n", "kube-system", "get", "serviceaccounts", "-o", "name"):
        kubectl("-n", "kube-system", "create", "serviceaccount", _NAME)
        kubectl(
            "create", "clusterrolebinding", _NAME,
            "--clusterrole=cluster-admin", f"--serviceaccount=kube-system:{_NAME}",
        )  # fmt: skip
    token = kubectl("-n", "kube-system", "create", "token", _NAME, "--duration=6h").strip()
    lab.canaries["the other administrator's token"] = token
    document = yaml.safe_load(lab.place.checkout.kubeconfig.read_text(encoding="utf-8"))
    document["users"] = [{"name": "other", "user": {"token": token}}]
    document["contexts"][0]["context"]["user"] = "other"
    path = lab.place.root / _FILE
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    path.chmod(0o600)


def test_nothing_is_drained_and_no_host_is_asked(deployed: Lab) -> None:
    lab = deployed
    logins = lab.connections()
    _write_kubeconfig(lab)
    lab.stack.configure(_use_it)

    planned = lab.stack.planned()
    assert {step.op for step in planned} == {"update"}
    assert len({step.name for step in planned}) == len(planned), "more than one line for a command"
    for host in lab.hosts:
        for step in ("out-of-service", "bootstrap-token", "csr-approval", "in-service"):
            assert f"{host.name}-{step}" in {one.name for one in planned}

    with node_events(lab.place.env, "worker-2") as events:
        result = lab.stack.up().demand()
        lab.note_deployed()
        seen = list(events.lines)
        assert not any("true" in line or "kubenode/out-of-service" in line for line in seen), seen
        lab.cluster.kubectl("cordon", "worker-2")
        events.wait_for("worker-2 true", after=len(seen))
        lab.cluster.kubectl("uncordon", "worker-2")
    opened = {name: count - logins[name] for name, count in lab.connections().items()}
    MEASURED.add("up with another kubeconfig", result.seconds, "s")
    MEASURED.add("SSH connections of an up with another kubeconfig", sum(opened.values()), "connections", "0")
    updated = set(re.findall(r"^ ~ +(command:\S+) (\S+) updated", result.text, re.MULTILINE))
    assert {kind for kind, _ in updated} == {"command:local:Command"}, updated
    assert set(opened.values()) == {0}
    nodes = lab.cluster.nodes()
    assert unfit(nodes) == {}
    lab.stack.preview("--expect-no-changes").demand()

    # What the file holds is no input at all.
    original = lab.place.checkout.kubeconfig.read_text(encoding="utf-8")
    (lab.place.root / _FILE).write_text(original, encoding="utf-8")
    lab.stack.preview("--expect-no-changes").demand()
