# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""The kubernetes provider: an object of any kind, by server-side apply.

Owns the life of a resource as the official provider 4.34.2 has it (pulumi-kubernetes, provider/pkg). What a
program can notice:
- a create is a plain POST, so an object that exists already is an error, unless the provider has
  `upsertExistingObjects`, which applies instead;
- every resource has a field manager of its own; a field that somebody else manages is a conflict, which only
  the annotation `pulumi.com/patchForce` overrides;
- but an update first takes over every field that kubectl wrote, whose ever it is: what the inputs do not have of
  them is then removed, a cordon and a foreign label too;
- a refresh looks at the fields of the inputs only: the server's defaults and other people's labels are no
  change;
- a changed name or namespace replaces, as do the fields in `_FORCE_NEW`; an explicitly named object is
  deleted first;
- a delete is in the foreground and waits until the object is gone; what is gone already is a success;
- a refresh that finds a Deployment, DaemonSet or StatefulSet not ready warns, and the next run waits for it;
- whether the cluster can be reached is found out once, at the start; if not, previews go on with the inputs,
  and a delete or a refresh fails unless `deleteUnreachable` is set, or for a refresh `skipUpdateUnreachable`;
- an object that does not become ready in time is kept in state as not initialized; the next run waits again.
Not here: `...Patch` kinds, yaml, helm and kustomize, client-side apply, rendering to a
directory, the built-in waits of kinds other than Deployment, DaemonSet and StatefulSet, and the normalization
of quantities.
"""

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.plugins import VERSIONS, kubewait
from sandbox.plugins.base import Call, Diff, Failure, NotReadyError, Plugin, PluginError, Resource, serve
from sandbox.plugins.kubeapi import (
    Api,
    ApiError,
    KubeconfigError,
    NoSuchKindError,
    Object,
    UnreachableError,
    active_cluster,
    read_kubeconfig,
)
from sandbox.plugins.kubeobjects import (
    AUTONAMED,
    CLUSTER_SCOPED,
    CREATE_MANAGER,
    PATCH_FORCE,
    PROPAGATION,
    SERVER_METADATA,
    TIMEOUT,
    at,
    checkpoint,
    creation_entry,
    data_form,
    field_manager,
    force_new,
    forces,
    gvk,
    id_of,
    identity,
    is_forced,
    mark_secrets,
    merged_fields,
    prune,
    user_fields,
    without_nulls,
)
from sandbox.plugins.kubewait import annotation
from sandbox.plugins.values import Properties, Unknown, changes, has_unknown, plain

_WAY_OUT: Final = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation "
    'with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
_NO_SUCH_KIND: Final = (
    "failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. "
    "Verify that any required CRDs have been created"
)
_TIMED_OUT: Final = "timed out waiting for the condition"
# By the beginning of a field manager's name: the operations.
_TAKEN_OVER: Final = {
    "kubectl": ("Apply", "Update"),
    "before-first-apply": ("Update",),
    CREATE_MANAGER: ("Update",),
    "pulumi-resource-kubernetes": ("Update",),
}
_DEFAULT_TIMEOUT_SECONDS: Final = 600
_CREATE_RETRIES: Final = 5


class KubernetesObject(Resource):
    """One object."""

    def __init__(self, plugin: "KubernetesPlugin") -> None:
        self._plugin = plugin

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        plugin = self._plugin
        if plugin.unreachable and plugin.skip_update_unreachable:
            await call.log.warning(
                "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping..."
            )
            return olds, []
        api_version, kind = gvk(call.token)
        inputs = without_nulls(plain(news))
        metadata = inputs.setdefault("metadata", {})
        if isinstance(metadata, Unknown):
            return news, []
        inputs.setdefault("apiVersion", api_version)
        inputs.setdefault("kind", kind)
        for field in SERVER_METADATA:
            metadata.pop(field, None)
        if metadata.get("generateName"):
            reason = "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
            return news, [Failure("metadata.generateName", reason)]
        if metadata.get("name") is None:
            old_metadata = plain(olds).get("metadata") or {}
            kept = old_metadata.get("name") if annotation(plain(olds), AUTONAMED) == "true" else None
            metadata["name"] = kept or f"{call.name}-{secrets.token_hex(4)}"
            metadata["annotations"] = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
        if not metadata.get("namespace") and plugin.namespace and await plugin.namespaced(api_version, kind):
            metadata["namespace"] = plugin.namespace
        return mark_secrets(inputs, news), []

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        old, new = await self._comparable(plain(old_inputs)), await self._comparable(plain(news))
        # The server drops an empty map or list, so one is as good as none.
        meant = {
            path: kind
            for path, kind in changes(old, new)
            if at(old, path) or at(new, path) or kind == "update"
        }
        diff = Diff(meant, input_diff=True)
        forced = force_new(new, self._plugin.mutable)
        diff.replace = {path for path in diff.changes if any(forces(path, each, old, new) for each in forced)}
        live_metadata, metadata = plain(olds).get("metadata") or {}, new["metadata"]
        named = annotation(new, AUTONAMED) != "true"
        same_name = metadata.get("name") == live_metadata.get("name")
        same_namespace = (metadata.get("namespace") or "default") == (
            live_metadata.get("namespace") or "default"
        )
        diff.delete_before_replace = bool(diff.replace) and named and same_name and same_namespace
        return diff

    async def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        obj, plugin = plain(inputs), self._plugin
        if call.preview and (has_unknown(obj) or not await plugin.knows(obj)):
            return "", inputs
        api = plugin.reachable_api()
        manager = field_manager({}, obj)
        try:
            live = await self._make(api, obj, manager, preview=call.preview)
        except ApiError as error:
            # A preview that the server will not rehearse goes on with the inputs; a namespace may be made in
            # this run.
            if call.preview and (error.code in (403, 404) or error.reason == "AlreadyExists"):
                return "", inputs
            if isinstance(error, NoSuchKindError):
                what = f'creation of resource "{call.urn}" with kind {obj["apiVersion"]}/{obj["kind"]}'
                raise PluginError(f"{what} {_NO_SUCH_KIND}: {error}") from error
            text = f'resource "{call.urn}" was not successfully created by the Kubernetes API server: {error}'
            raise PluginError(_with_advice(text, error, manager)) from error
        if call.preview:
            live.pop("status", None)
            return "", checkpoint(inputs, live, manager)
        reason = (
            f'resource "{call.urn}" was successfully created, but the Kubernetes API server reported '
            "that it failed to fully initialize or become live"
        )
        live = await self._await_ready(call, inputs, live, manager=manager, failed=reason)
        return id_of(live), checkpoint(inputs, live, manager)

    async def read(
        self, call: Call, inputs: Properties, olds: Properties
    ) -> tuple[str, Properties, Properties] | None:
        plugin = self._plugin
        if plugin.unreachable:
            await call.log.warning(f"configured Kubernetes cluster is unreachable: {plugin.unreachable}")
            if plugin.delete_unreachable:
                return None
            if plugin.skip_update_unreachable:
                return call.id, inputs, olds
            raise PluginError(f"failed to read resource state due to unreachable cluster. {_WAY_OUT}")
        api_version, kind = gvk(call.token)
        namespace, _, name = call.id.rpartition("/")
        metadata = {"name": name, "namespace": namespace or None}
        try:
            live = await plugin.reachable_api().get(
                {"apiVersion": api_version, "kind": kind, "metadata": metadata}
            )
        except NoSuchKindError:
            return None
        if live is None:
            return None
        # Without inputs this is an import, or a get: everything that a user could have written is wanted.
        wanted = data_form(plain(inputs))
        live_inputs = prune(live, wanted) if wanted else user_fields(live)
        marked = mark_secrets(live_inputs, inputs)
        outputs = checkpoint(marked, live, field_manager(olds, live_inputs))
        if wanted and (unready := kubewait.unready(wanted, live)):
            raise NotReadyError(call.id, marked, outputs, [f"{id_of(live)} is not ready", unready])
        return call.id, marked, outputs

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        obj, plugin = plain(news), self._plugin
        if call.preview and (has_unknown(obj) or not await plugin.knows(obj)):
            return news
        api = plugin.reachable_api()
        manager = field_manager(olds, obj)
        live = await api.get(obj)
        if live is None:
            raise PluginError(f'update of resource "{call.urn}" failed: {id_of(obj)} not found')
        force = is_forced(obj, enable_patch_force=plugin.enable_patch_force)
        try:
            if call.preview:
                force = force or creation_entry(live) is not None
            else:
                live = await _take_over_fields(api, live, manager)
            live = await api.apply(obj, manager, force=force, dry_run=call.preview)
        except ApiError as error:
            if call.preview and error.code == 403:
                return news
            found = await api.get(obj) or live
            text = _with_advice(f"{_failed_to_initialize(found)}: {error}", error, manager)
            raise NotReadyError(id_of(found), news, checkpoint(news, found, manager), [text]) from error
        if not call.preview:
            live = await self._await_ready(
                call, news, live, manager=manager, failed=_failed_to_initialize(live)
            )
        return checkpoint(news, live, manager)

    async def delete(self, call: Call, old_inputs: Properties, olds: Properties) -> None:
        plugin = self._plugin
        if plugin.unreachable:
            await call.log.warning(f"configured Kubernetes cluster is unreachable: {plugin.unreachable}")
            if plugin.delete_unreachable:
                return
            raise PluginError(f"configured Kubernetes cluster is unreachable. {_WAY_OUT}")
        api, obj = plugin.reachable_api(), identity(plain(olds))
        inputs = plain(old_inputs) or plain(olds)
        propagation = (annotation(inputs, PROPAGATION) or "foreground").capitalize()
        try:
            await api.delete(obj, propagation)
        except ApiError as error:
            if error.code == 404:
                return
            raise PluginError(str(error)) from error
        if kubewait.skips_deletion(inputs):
            return
        held_by: list[str] = []

        async def gone() -> str | None:
            live = await api.get(obj)
            if live is None or live["metadata"]["uid"] != obj["metadata"].get("uid"):
                return None
            held_by[:] = live["metadata"].get("finalizers") or []
            return "still there"

        if await plugin.wait(gone, _timeout_seconds(call, inputs)):
            await call.log.warning(f"finalizers might be preventing deletion ({', '.join(held_by)})")
            raise PluginError(f"{id_of(obj)} is still there: {_TIMED_OUT}")

    async def _make(self, api: Api, obj: Object, manager: str, *, preview: bool) -> Object:
        """Create it. What it needs (a namespace, a definition of its kind) may appear a little later."""
        pause = 1
        for attempt in range(_CREATE_RETRIES + 1):
            try:
                if self._plugin.upsert_existing_objects:
                    force = preview or is_forced(obj, enable_patch_force=self._plugin.enable_patch_force)
                    return await api.apply(obj, manager, force=force, dry_run=preview)
                return await api.create(obj, CREATE_MANAGER, dry_run=preview)
            except ApiError as error:
                if (
                    error.code != 404
                    or preview
                    or attempt == _CREATE_RETRIES
                    or self._plugin.cancelled.is_set()
                ):
                    raise
                await asyncio.sleep(pause)
                pause *= 2
        raise AssertionError("unreachable")

    async def _await_ready(
        self, call: Call, inputs: Properties, live: Object, *, manager: str, failed: str
    ) -> Object:
        conditions = kubewait.conditions_for(plain(inputs))
        if not conditions:
            return live
        api, latest, shown = self._plugin.reachable_api(), live, ""

        async def missing() -> str | None:
            nonlocal latest, shown
            latest = await api.get(latest) or latest
            reasons = [reason for condition in conditions if (reason := condition(latest)) is not None]
            if reasons and shown != reasons[0]:
                shown = reasons[0]
                await call.log.status(f"waiting: {shown}")
            return "; ".join(reasons) or None

        if reasons := await self._plugin.wait(missing, _timeout_seconds(call, plain(inputs))):
            reason = f"{failed}: {_TIMED_OUT}"
            raise NotReadyError(id_of(latest), inputs, checkpoint(inputs, latest, manager), [reason, reasons])
        return latest

    async def _comparable(self, inputs: Object) -> Object:
        """The inputs as the server would see them, so that two ways to say the same are no change."""
        obj: Object = without_nulls(data_form(inputs))
        metadata = obj.get("metadata")
        if not isinstance(metadata, dict):
            return {**obj, "metadata": {}}
        for field in SERVER_METADATA:
            metadata.pop(field, None)
        if await self._plugin.namespaced(obj.get("apiVersion", ""), obj.get("kind", "")):
            metadata["namespace"] = metadata.get("namespace") or "default"
        else:
            metadata.pop("namespace", None)
        return obj


def _failed_to_initialize(live: Object) -> str:
    return (
        f'the Kubernetes API server reported that "{id_of(live)}" failed to fully initialize or become live'
    )


def _with_advice(text: str, error: ApiError, manager: str) -> str:
    if error.reason == "AlreadyExists":
        return (
            f"{text}\n\nThe resource already exists in the cluster: import it, give it another name, or set "
            "upsertExistingObjects on the provider."
        )
    if error.reason == "Conflict":
        return (
            f"{text}\nserver-side apply field conflict detected: the resource managed by field manager "
            f'"{manager}" had an apply conflict. The annotation {PATCH_FORCE}: "true" takes the fields over.'
        )
    return text


def _timeout_seconds(call: Call, inputs: Object) -> float:
    annotated = annotation(inputs, TIMEOUT) or ""
    return call.timeout_seconds or (int(annotated) if annotated.isdigit() else _DEFAULT_TIMEOUT_SECONDS)


async def _take_over_fields(api: Api, live: Object, manager: str) -> Object:
    """As the official provider does (fixCSAFieldManagers) at every update: fields that our POST set belong to a
    manager that never applies, and kubectl's are taken for those of somebody who came over to Pulumi. They
    become ours, so the apply that follows neither conflicts with them nor leaves what the inputs do not have.
    """
    managed = live["metadata"].get("managedFields") or []
    taken = [entry for entry in managed if _is_taken_over(entry)]
    if not taken:
        return live
    ours = [each for each in managed if each.get("manager") == manager and each.get("operation") == "Apply"]
    merged = {**taken[0], "manager": manager, "operation": "Apply"}
    for entry in [*ours, *taken[1:]]:
        merged["fieldsV1"] = merged_fields(merged["fieldsV1"], entry["fieldsV1"])
    others = [each for each in managed if each not in taken and each not in ours]
    operations = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*others, merged]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]
    return await api.json_patch(live, operations)


def _is_taken_over(entry: Object) -> bool:
    name, operation = entry.get("manager", ""), entry.get("operation")
    return not entry.get("subresource") and any(
        name.startswith(prefix) and operation in operations for prefix, operations in _TAKEN_OVER.items()
    )


class KubernetesPlugin(Plugin):
    """The provider's configuration: one cluster."""

    def __init__(self) -> None:
        super().__init__("kubernetes", VERSIONS["kubernetes"], {})
        self.namespace: str | None = None
        self.unreachable: str | None = "the provider is not configured"
        self.delete_unreachable = False
        self.skip_update_unreachable = False
        self.upsert_existing_objects = False
        self.enable_patch_force = False
        self.mutable = {"ConfigMap": False, "Secret": False}
        self._api: Api | None = None
        self._object = KubernetesObject(self)

    def resource(self, token: str) -> Resource:
        gvk(token)
        return self._object

    async def diff_config(self, olds: Properties, news: Properties) -> Diff:
        old, new = plain(olds), plain(news)
        diff = Diff({(str(path[0]),): kind for path, kind in changes(old, new)})
        if old.get("clusterIdentifier") is not None and old.get("clusterIdentifier") == new.get(
            "clusterIdentifier"
        ):
            return diff  # the user says that it is the same cluster, whatever else changed
        if (
            ("clusterIdentifier",) in diff.changes
            and old.get("clusterIdentifier")
            and new.get("clusterIdentifier")
        ):
            diff.replace.add(("clusterIdentifier",))
        where = ("kubeconfig", "context", "cluster")
        computed = [key for key in where if isinstance(new.get(key), Unknown)]
        if computed:
            diff.replace.update((key,) for key in computed)
            return diff
        before, after = _cluster_of(old), _cluster_of(new)
        if before is not None and after is not None and before != after:
            diff.replace.update((key,) for key in where if (key,) in diff.changes)
        return diff

    async def configure(self, config: Properties) -> None:
        settings = plain(config)
        if _flag(settings, "enableServerSideApply", default=True) is False:
            raise PluginError("client-side apply is not in the sandbox's kubernetes plugin")
        if settings.get("renderYamlToDirectory"):
            raise PluginError("renderYamlToDirectory is not in the sandbox's kubernetes plugin")
        self.namespace = settings.get("namespace") or None
        self.delete_unreachable = _flag(settings, "deleteUnreachable")
        self.skip_update_unreachable = _flag(settings, "skipUpdateUnreachable")
        self.upsert_existing_objects = _flag(settings, "upsertExistingObjects")
        self.enable_patch_force = _flag(settings, "enablePatchForce")
        self.mutable = {
            "ConfigMap": _flag(settings, "enableConfigMapMutable"),
            "Secret": _flag(settings, "enableSecretMutable"),
        }
        try:
            kubeconfig = read_kubeconfig(settings.get("kubeconfig") or _ambient_kubeconfig())
            self._api = Api(kubeconfig, settings.get("context") or None, settings.get("cluster") or None)
            self.namespace = self.namespace or self._api.namespace or "default"
            await self._api.version()
        except (KubeconfigError, UnreachableError, ApiError) as error:
            self.unreachable = str(error)
        else:
            self.unreachable = None

    def reachable_api(self) -> Api:
        if self._api is None or self.unreachable:
            raise PluginError(f"configured Kubernetes cluster is unreachable: {self.unreachable}")
        return self._api

    async def knows(self, obj: Object) -> bool:
        """Whether the server can be asked about this kind."""
        if self.unreachable:
            return False
        try:
            await self.reachable_api().kind(obj["apiVersion"], obj["kind"])
        except NoSuchKindError:
            return False
        return True

    async def namespaced(self, api_version: str, kind: str) -> bool:
        if not self.unreachable:
            try:
                return (await self.reachable_api().kind(api_version, kind)).namespaced
            except NoSuchKindError:
                pass
        return kind not in CLUSTER_SCOPED

    async def wait(self, missing: Callable[[], Awaitable[str | None]], timeout_seconds: float) -> str | None:
        """None as soon as nothing is missing; what is, when time is up or the engine cancels."""
        deadline, pause = time.monotonic() + timeout_seconds, 0.05
        while (reason := await _tolerant(missing)) is not None:
            if time.monotonic() >= deadline or self.cancelled.is_set():
                return reason
            try:
                await asyncio.wait_for(self.cancelled.wait(), min(pause, deadline - time.monotonic()))
            except TimeoutError:
                pause = min(pause * 1.5, 1.0)
        return None


async def _tolerant(missing: Callable[[], Awaitable[str | None]]) -> str | None:
    """An API server that does not answer for a moment is no reason to give up what has begun."""
    try:
        return await missing()
    except UnreachableError as error:
        return str(error)


def _cluster_of(settings: Properties) -> Object | None:
    try:
        kubeconfig = read_kubeconfig(settings.get("kubeconfig") or _ambient_kubeconfig())
    except KubeconfigError:
        return None
    return active_cluster(kubeconfig, settings.get("context") or None, settings.get("cluster") or None)


def _ambient_kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _flag(settings: Properties, name: str, *, default: bool = False) -> bool:
    """A switch: the SDK sends it as JSON text, and the environment may have it."""
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
    value = settings.get(name)
    if value is None:
        value = os.environ.get(f"PULUMI_K8S_{words}")
    return default if value in (None, "") else str(value).lower() == "true"


if __name__ == "__main__":
    serve(KubernetesPlugin)
