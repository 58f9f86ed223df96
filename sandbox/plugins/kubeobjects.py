"""What a Kubernetes object is to the plugin: a dictionary, its identity, its secrets, its fixed fields.

Pure functions. Does not own requests, waiting, or the order of things.
"""

import base64
import copy
from collections.abc import Mapping
from typing import Any, Final

from sandbox.plugins.base import PluginError
from sandbox.plugins.kubeapi import Object
from sandbox.plugins.values import Path, Properties, Secret, has_secret, plain, secret

AUTONAMED: Final = "pulumi.com/autonamed"
TIMEOUT: Final = "pulumi.com/timeoutSeconds"
PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"

SERVER_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
# Only for the time when discovery cannot be asked.
# fmt: off
CLUSTER_SCOPED: Final = frozenset([
    "APIService", "BGPConfiguration", "BGPPeer", "CertificateSigningRequest", "ClusterInformation",
    "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode", "CustomResourceDefinition",
    "FelixConfiguration", "FlowSchema", "GlobalNetworkPolicy", "GlobalNetworkSet", "HostEndpoint",
    "IngressClass", "IPPool", "KubeControllersConfiguration", "MutatingWebhookConfiguration", "Namespace",
    "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass",
    "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration", "VolumeAttachment",
])
# fmt: on
_SELECTOR: Final = ("spec.selector",)
_STATEFUL_SET: Final = (
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
)
# As the official provider does: provider/pkg/provider/diff.go. Pod's and PersistentVolume's are shortened to
# all of spec.
_FORCE_NEW: Final[dict[str, tuple[str, ...]]] = {
    "apps/Deployment": _SELECTOR,
    "apps/DaemonSet": _SELECTOR,
    "apps/StatefulSet": _STATEFUL_SET,
    "batch/Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "policy/PodDisruptionBudget": (),
    "rbac.authorization.k8s.io/ClusterRoleBinding": ("roleRef",),
    "rbac.authorization.k8s.io/RoleBinding": ("roleRef",),
    "storage.k8s.io/StorageClass": ("parameters", "provisioner"),
    "/PersistentVolume": ("spec",),
    "/PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "/Pod": ("spec",),
    "/ResourceQuota": ("spec.scopes",),
    "/Secret": ("type",),
    "/Service": ("spec.clusterIP",),
}


def gvk(token: str) -> tuple[str, str]:
    """(apiVersion, kind) of a type token: kubernetes:core/v1:Node is v1 Node."""
    _, module, kind = token.split(":")
    group, _, version = module.rpartition("/")
    known = kind and version and group not in ("yaml", "helm.sh", "kustomize")
    if known and kind.endswith("List"):
        raise PluginError(
            "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created "
            "directly. Use the underlying resource type instead"
        )
    if known and kind.endswith("Patch"):
        raise PluginError(
            f"{token} is not in the sandbox's kubernetes plugin. The official one applies its fields with a field "
            "manager of their own, makes the object if there is none, and at the end gives the fields up by an "
            "apply, which makes an empty object if there is none any more"
        )
    if not known or module in ("yaml", "yaml/v2"):
        raise PluginError(
            f"{token} is not in the sandbox's kubernetes plugin, which knows objects of any kind "
            "(kubernetes:GROUP/VERSION:KIND) but no yaml, helm or kustomize"
        )
    return (version if group in ("", "core") else f"{group}/{version}"), kind


def id_of(obj: Object) -> str:
    metadata = obj["metadata"]
    return (
        f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
    )


def identity(obj: Object) -> Object:
    metadata = {key: obj["metadata"].get(key) for key in ("name", "namespace", "uid")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def data_form(obj: Object) -> Object:
    """A Secret with its stringData as data, which is how the server gives it back."""
    if obj.get("kind") != "Secret" or not isinstance(obj.get("stringData"), dict):
        return obj
    encoded = {
        key: base64.b64encode(value.encode()).decode() if isinstance(value, str) else value
        for key, value in obj["stringData"].items()
    }
    return {
        **{k: v for k, v in obj.items() if k != "stringData"},
        "data": {**(obj["data"] if isinstance(obj.get("data"), dict) else {}), **encoded},
    }


def prune(live: Any, wanted: Any) -> Any:
    """What the live object has of what the inputs name (pruneLiveState of the official provider)."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {key: prune(live[key], value) for key, value in wanted.items() if key in live}
    if isinstance(live, list) and isinstance(wanted, list):
        return [prune(each, like) for each, like in zip(live, wanted, strict=False)]
    return live


def user_fields(live: Object) -> Object:
    obj = copy.deepcopy(live)
    obj.pop("status", None)
    for field in SERVER_METADATA:
        obj["metadata"].pop(field, None)
    return obj


def mark_secrets(values: Object, like: Properties) -> Properties:
    """The values with secret marks where `like` has them; a Secret's data always has one."""
    marked = _mark(values, like)
    if marked.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in marked:
                marked[key] = secret(plain(marked[key]))
    return dict(marked)


def _mark(value: Any, like: Any) -> Any:
    if isinstance(like, Secret):
        return secret(value)
    if isinstance(value, dict) and isinstance(like, dict):
        return {key: _mark(item, like.get(key)) for key, item in value.items()}
    return secret(value) if has_secret(like) else value


def checkpoint(inputs: Properties, live: Object, manager: str) -> Properties:
    """The outputs: the live object and what the next run needs to know."""
    outputs = mark_secrets(live, inputs)
    return {
        **outputs,
        "__inputs": inputs,
        "__initialApiVersion": plain(inputs).get("apiVersion", live["apiVersion"]),
        "__fieldManager": manager,
    }


def force_new(obj: Object, mutable: Mapping[str, bool]) -> tuple[str, ...]:
    """The fields of this object that cannot change in place. `mutable` says so of ConfigMap and Secret."""
    group, _, _ = str(obj.get("apiVersion", "")).rpartition("/")
    kind = obj.get("kind", "")
    forced = ("metadata.name", "metadata.namespace", *_FORCE_NEW.get(f"{group}/{kind}", ()))
    if not group and kind in mutable and (not mutable[kind] or obj.get("immutable") is True):
        forced += ("data", "stringData" if kind == "Secret" else "binaryData")
    return forced


def forces(path: Path, forced: str, old: Object, new: Object) -> bool:
    """Whether a change at this path touches a field that cannot change in place."""
    names = tuple(part for part in path if isinstance(part, str))
    wanted = tuple(forced.split("."))
    if names[: len(wanted)] == wanted:
        return True
    if wanted[: len(names)] != names:
        return False
    return any(_has(side, wanted) for side in (old, new))


def at(value: Any, path: Path) -> Any:
    """What stands at this path; an empty map if that or nothing does, and True for any plain value."""
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return {}
    return value if isinstance(value, (dict, list)) else True


def _has(value: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True
