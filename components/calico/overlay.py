"""Calico's manifest with the stack's settings laid over it. Pure.

Owns which fields of the manifest's objects a setting is. All else of the manifest stays as Calico wrote it. The pool is
an object of the stack where the manifest defines such objects: then a changed pool is one changed object, and takes
effect. An older release is told the pool by variables of calico-node, which reads them once, when there is none.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.calico.images import with_registry
from components.settings import CalicoSettings
from components.versions import calico as versions

Body = dict[str, Any]

NODE = "calico-node"
CONFIG = "calico-config"
ETCD_SECRET = "calico-etcd-secrets"  # noqa: S105 - a name
POOL = "default-ipv4-ippool"

_POOL_VARIABLES = (
    "CALICO_IPV4POOL_CIDR",
    "CALICO_IPV4POOL_IPIP",
    "CALICO_IPV4POOL_VXLAN",
    "CALICO_IPV4POOL_NAT_OUTGOING",
    "CALICO_IPV4POOL_BLOCK_SIZE",
)
# pool.encapsulation: mode of IP in IP, mode of VXLAN
ENCAPSULATIONS: Mapping[str, tuple[str, str]] = {
    "ipip": ("Always", "Never"),
    "ipipCrossSubnet": ("CrossSubnet", "Never"),
    "vxlan": ("Never", "Always"),
    "vxlanCrossSubnet": ("Never", "CrossSubnet"),
    "none": ("Never", "Never"),
}
# What BGP's own daemon is asked with; without it the probes would fail for ever.
_BGP_PROBES = ("-bird-live", "-bird-ready", "-bird6-live", "-bird6-ready")


def laid_over(bodies: Sequence[Body], calico: CalicoSettings) -> list[Body]:
    """The objects, changed in place, and those that a setting adds."""
    section = calico.section
    definition = _pool_definition(bodies)
    has_pools = definition is not None and versions.takes_no_default_pools(section.version or "")
    found = list(bodies)
    if has_pools and definition is not None:
        _pool(found, definition, calico)
    for body in found:
        if body["kind"] == "ConfigMap" and body["metadata"]["name"] == CONFIG:
            _config(body, calico)
        for container in node_containers(body):
            _variables(container, calico, has_pools=has_pools)
        if section.registry is not None:
            with_registry(body, section.registry)
    if calico.etcd is not None:
        found = _with_etcd(found, calico)
    return found


def node_containers(body: Mapping[str, Any]) -> Iterator[Body]:
    """calico-node in a DaemonSet."""
    if body["kind"] != "DaemonSet":
        return
    pod = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
    yield from (one for one in pod.get("containers") or () if one.get("name") == NODE)


def _pool_definition(bodies: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    for body in bodies:
        if body["kind"] == "CustomResourceDefinition" and body["spec"]["names"]["kind"] == "IPPool":
            return body
    return None


def _pool(bodies: list[Body], definition: Mapping[str, Any], calico: CalicoSettings) -> None:
    """The stack's pool, over one of that name in the manifest."""
    spec = definition["spec"]
    version = next((one for one in spec["versions"] if one.get("storage")), spec["versions"][0])
    fields = _known_fields(version)
    wanted = {name: value for name, value in pool_spec(calico).items() if fields is None or name in fields}
    for body in bodies:
        if body["kind"] == "IPPool" and body["metadata"]["name"] == POOL:
            body["spec"] = {**(body.get("spec") or {}), **wanted}
            return
    bodies.append(
        {
            "apiVersion": f"{spec['group']}/{version['name']}",
            "kind": "IPPool",
            "metadata": {"name": POOL},
            "spec": wanted,
        }
    )


def pool_spec(calico: CalicoSettings) -> Body:
    """The pool as an IPPool of any release says it."""
    pool = calico.section.pool
    ipip, vxlan = ENCAPSULATIONS[pool.encapsulation]
    return {
        "cidr": calico.pod_cidr,
        "blockSize": pool.block_size,
        "ipipMode": ipip,
        "vxlanMode": vxlan,
        "natOutgoing": pool.nat_outgoing,
        "nodeSelector": "all()",
        "allowedUses": ["Workload", "Tunnel"],
    }


def _known_fields(version: Mapping[str, Any]) -> set[str] | None:
    """The fields that the definition names; a release drops those that it does not know, and we would miss them."""
    schema = ((version.get("schema") or {}).get("openAPIV3Schema") or {}).get("properties") or {}
    properties = (schema.get("spec") or {}).get("properties")
    return set(properties) if properties else None


def _config(body: Body, calico: CalicoSettings) -> None:
    section = calico.section
    data = body.setdefault("data", {})
    data["calico_backend"] = calico.backend
    if "veth_mtu" in data:
        data["veth_mtu"] = str(section.mtu)
    elif section.mtu and "cni_network_config" in data:
        # A number in the plugin's configuration itself, up to 3.0.
        data["cni_network_config"] = re.sub(
            r'("mtu"\s*:\s*)[0-9]+', rf"\g<1>{section.mtu}", data["cni_network_config"]
        )
    if calico.etcd is not None:
        data["etcd_endpoints"] = ",".join(calico.etcd.endpoints)
        for part in ("ca", "cert", "key"):
            data[f"etcd_{part}"] = f"/calico-secrets/etcd-{part}"


def _variables(container: Body, calico: CalicoSettings, *, has_pools: bool) -> None:
    section, version = calico.section, calico.section.version or ""
    wanted: dict[str, str | None] = {"IP": "autodetect"}
    if section.address_autodetection != "kubernetes-internal-ip" or versions.knows_internal_ip(version):
        wanted["IP_AUTODETECTION_METHOD"] = section.address_autodetection
    # Some variables of the manifest are of the pool; they are given up together.
    wanted |= dict.fromkeys(_POOL_VARIABLES)
    wanted |= {"NO_DEFAULT_POOLS": "true"} if has_pools else _pool_variables(calico, version)
    variables = [one for one in container.get("env") or [] if one.get("name") not in wanted]
    variables += [{"name": name, "value": value} for name, value in wanted.items() if value is not None]
    container["env"] = variables
    if calico.backend != "bird":
        for probe in ("livenessProbe", "readinessProbe"):
            command = ((container.get(probe) or {}).get("exec") or {}).get("command")
            if command:
                container[probe]["exec"]["command"] = [word for word in command if word not in _BGP_PROBES]


def _pool_variables(calico: CalicoSettings, version: str) -> dict[str, str]:
    pool = calico.section.pool
    ipip, vxlan = ENCAPSULATIONS[pool.encapsulation]
    found = {
        "CALICO_IPV4POOL_CIDR": calico.pod_cidr,
        "CALICO_IPV4POOL_IPIP": ipip,
        "CALICO_IPV4POOL_NAT_OUTGOING": "true" if pool.nat_outgoing else "false",
    }
    if versions.has_vxlan(version):
        found["CALICO_IPV4POOL_VXLAN"] = vxlan
    elif ipip == "Never":
        found["CALICO_IPV4POOL_IPIP"] = "Off"
    if versions.has_block_size(version):
        found["CALICO_IPV4POOL_BLOCK_SIZE"] = str(pool.block_size)
    return found


def _with_etcd(bodies: list[Body], calico: CalicoSettings) -> list[Body]:
    """With the Secret of etcd's certificates, in the namespace of Calico's other objects."""
    etcd = calico.etcd
    if etcd is None:
        return bodies
    others = [one for one in bodies if one["kind"] != "Secret" or one["metadata"]["name"] != ETCD_SECRET]
    place = next(
        (one["metadata"].get("namespace") for one in others if one["metadata"]["name"] == CONFIG),
        "kube-system",
    )
    parts = {
        "etcd-ca": etcd.ca_pem,
        "etcd-cert": etcd.certificate_pem,
        # Without its file only a preview goes on, and says so.
        "etcd-key": etcd.private_key.get_secret_value() if etcd.private_key else "",
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": ETCD_SECRET, "namespace": place},
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in parts.items()},
    }
    return [*others, secret]
