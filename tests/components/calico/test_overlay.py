"""What the overlay does with manifests that are not like the fixture's."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import SecretStr

from components.calico.overlay import CONFIG, ETCD_SECRET, laid_over
from components.settings.calico_sections import CalicoSection
from components.settings.resolved import CalicoSettings, EtcdSettings

_NODE: dict[str, Any] = {
    "kind": "DaemonSet",
    "metadata": {"name": "calico-node"},
    "spec": {"template": {"spec": {"containers": [{"name": "calico-node", "env": []}]}}},
}


def _settings(etcd: EtcdSettings | None = None, **section: Any) -> CalicoSettings:
    given = CalicoSection.model_validate({"mode": "manifest", "version": "3.33.1", **section})
    return CalicoSettings(given, "10.244.0.0/16", (), etcd)


@pytest.mark.parametrize(("encapsulation", "value"), [("vxlan", "Always"), ("ipip", "Never")])
def test_without_a_definition_of_pools_the_variables_say_the_encapsulation(
    encapsulation: str, value: str
) -> None:
    (node,) = laid_over([_NODE], _settings(pool={"encapsulation": encapsulation}))
    (container,) = node["spec"]["template"]["spec"]["containers"]
    assert {"name": "CALICO_IPV4POOL_VXLAN", "value": value} in container["env"]


def _object(kind: str, name: str, **metadata: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, **metadata}}


def test_a_manifest_s_own_secret_of_etcd_gives_way_and_others_stay() -> None:
    etcd = EtcdSettings(("https://10.0.0.9:2379",), "ca\n", "certificate\n", SecretStr("key\n"))
    own = _object("Secret", ETCD_SECRET, namespace="calico")
    others = [_object("Secret", "another"), _object("ServiceAccount", ETCD_SECRET)]
    config = _object("ConfigMap", CONFIG, namespace="calico")
    *kept, secret = laid_over([own, *others, config], _settings(etcd))
    assert [(one["kind"], one["metadata"]["name"]) for one in kept] == [
        ("Secret", "another"),
        ("ServiceAccount", ETCD_SECRET),
        ("ConfigMap", CONFIG),
    ]
    assert secret["metadata"] == {"name": ETCD_SECRET, "namespace": "calico"}


def test_without_calico_s_configuration_the_secret_is_where_the_system_s_are_and_a_preview_has_no_key() -> (
    None
):
    etcd = EtcdSettings(("https://10.0.0.9:2379",), "ca\n", "certificate\n", None)
    (secret,) = laid_over([], _settings(etcd))
    assert secret["metadata"]["namespace"] == "kube-system"
    assert {name: base64.b64decode(value) for name, value in secret["data"].items()} == {
        "etcd-ca": b"ca\n",
        "etcd-cert": b"certificate\n",
        "etcd-key": b"",
    }
