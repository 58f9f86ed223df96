"""What a Kubernetes object is to the plugin: a dictionary, its identity, its secrets.

Pure functions. Does not own requests, waiting, or the order of things.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

from sandbox.plugins.base import PluginError
from sandbox.plugins.kubeapi import Object
from sandbox.plugins.values import Properties, Secret, has_secret, plain, secret

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


def is_definition(obj: Object) -> bool:
    """Whether this object defines a kind of objects."""
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    return group == "apiextensions.k8s.io" and obj.get("kind") == "CustomResourceDefinition"


def id_of(obj: Object) -> str:
    metadata = obj["metadata"]
    return (
        f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
    )


def identity(obj: Object) -> Object:
    metadata = {key: obj["metadata"].get(key) for key in ("name", "namespace", "uid")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


# Words with a hyphen, for which the SDKs have one with underscores.
_HYPHENATED: Final = {
    "x_kubernetes_embedded_resource": "x-kubernetes-embedded-resource",
    "x_kubernetes_int_or_string": "x-kubernetes-int-or-string",
    "x_kubernetes_list_map_keys": "x-kubernetes-list-map-keys",
    "x_kubernetes_list_type": "x-kubernetes-list-type",
    "x_kubernetes_map_type": "x-kubernetes-map-type",
    "x_kubernetes_preserve_unknown_fields": "x-kubernetes-preserve-unknown-fields",
    "x_kubernetes_validations": "x-kubernetes-validations",
}
_UNDERSCORED: Final = {hyphenated: word for word, hyphenated in _HYPHENATED.items()}


def as_object(properties: Properties) -> Object:
    """The object that these properties mean, without secret marks."""
    return dict(_renamed(plain(properties), _HYPHENATED))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


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
    outputs = mark_secrets(_renamed(live, _UNDERSCORED), inputs)
    return {
        **outputs,
        "__inputs": inputs,
        "__initialApiVersion": plain(inputs).get("apiVersion", live["apiVersion"]),
        "__fieldManager": manager,
    }
