# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""The life of one Kubernetes object, of any kind.

Owns its checks, comparison, creation, update and end, as `kubernetes.py` describes them. Does not own requests
(`kubeapi.py`), what an object is (`kubeobjects.py`), what of two differs (`kubecompare.py`), how one is written
(`kubewrite.py`), nor when it is ready (`kubewait.py`).
"""

import secrets
import time
from typing import Final

from sandbox.plugins import kubewait, kubewrite
from sandbox.plugins.base import Call, Diff, Failure, NotReadyError, PluginError, Resource
from sandbox.plugins.kubeapi import ApiError, NoSuchKindError, Object
from sandbox.plugins.kubecluster import Cluster
from sandbox.plugins.kubecompare import differences, force_new, forces, normal, prune
from sandbox.plugins.kubefields import field_manager
from sandbox.plugins.kubeobjects import (
    AUTONAMED,
    PROPAGATION,
    TIMEOUT,
    as_object,
    checkpoint,
    gvk,
    id_of,
    identity,
    is_definition,
    mark_secrets,
    user_fields,
    without_nulls,
)
from sandbox.plugins.kubeservice import ServiceReady
from sandbox.plugins.kubewait import annotation
from sandbox.plugins.values import Properties, Unknown, has_unknown, hidden, plain

_WAY_OUT: Final = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation "
    'with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
_NO_SUCH_KIND: Final = (
    "failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. "
    "Verify that any required CRDs have been created"
)
_DEFAULT_TIMEOUT_SECONDS: Final = 600
_PROPAGATIONS: Final = {"orphan": "Orphan", "background": "Background"}


class KubernetesObject(Resource):
    """One object."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        cluster = self._cluster
        if cluster.unreachable and cluster.skip_update_unreachable:
            await call.log.warning(
                "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping..."
            )
            return olds, []
        api_version, kind = gvk(call.token)
        inputs = normal(without_nulls(as_object(news)))
        metadata = inputs.setdefault("metadata", {})
        if isinstance(metadata, Unknown):
            return news, []
        inputs.setdefault("apiVersion", api_version)
        inputs.setdefault("kind", kind)
        if is_definition(inputs):
            cluster.learn(inputs)
        if waits := kubewait.not_here(inputs):
            return news, [Failure("kind", waits)]
        if metadata.get("generateName"):
            reason = "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
            return news, [Failure("metadata.generateName", reason)]
        if metadata.get("name") is None:
            old_metadata = plain(olds).get("metadata") or {}
            kept = old_metadata.get("name") if annotation(plain(olds), AUTONAMED) == "true" else None
            metadata["name"] = kept or f"{call.name}-{secrets.token_hex(4)}"
            annotations = metadata.get("annotations")
            if not isinstance(annotations, Unknown):
                metadata["annotations"] = {**(annotations or {}), AUTONAMED: "true"}
        if (
            not metadata.get("namespace")
            and cluster.namespace
            and await cluster.namespaced(api_version, kind)
        ):
            metadata["namespace"] = cluster.namespace
        return mark_secrets(inputs, news), []

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        state = as_object(olds)
        # What the cluster had of the inputs, as far as the state knows; after a failed update it had others.
        before = normal(state.get("__inputs") or as_object(old_inputs))
        old, new = await self._comparable(prune(state, before)), await self._comparable(as_object(news))
        diff = Diff(dict(differences(old, new)), input_diff=True)
        forced = force_new(new, self._cluster.mutable)
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
        obj, cluster = as_object(inputs), self._cluster
        if call.preview and (has_unknown(obj) or not await cluster.knows(obj)):
            return "", inputs
        cluster.reachable_api()
        manager = field_manager({}, obj)
        try:
            live = await kubewrite.make(cluster, call, obj, manager)
        except ApiError as error:
            # A preview that the server will not rehearse goes on with the inputs; a namespace may be made in
            # this run.
            if call.preview and (error.code in (403, 404) or error.reason == "AlreadyExists"):
                return "", inputs
            if isinstance(error, NoSuchKindError):
                what = f'creation of resource "{call.urn}" with kind {obj["apiVersion"]}/{obj["kind"]}'
                raise PluginError(f"{what} {_NO_SUCH_KIND}: {error}") from error
            text = f'resource "{call.urn}" was not successfully created by the Kubernetes API server: {error}'
            raise PluginError(hidden(_with_advice(text, error), inputs)) from None
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
        cluster = self._cluster
        if cluster.unreachable:
            await call.log.warning(f"configured Kubernetes cluster is unreachable: {cluster.unreachable}")
            if cluster.delete_unreachable:
                return None
            if cluster.skip_update_unreachable:
                return call.id, inputs, olds
            raise PluginError(f"failed to read resource state due to unreachable cluster. {_WAY_OUT}")
        api_version, kind = gvk(call.token)
        namespace, _, name = call.id.rpartition("/")
        metadata = {"name": name, "namespace": namespace or None}
        try:
            live = await cluster.reachable_api().get(
                {"apiVersion": api_version, "kind": kind, "metadata": metadata}
            )
        except NoSuchKindError:
            return None
        if live is None:
            return None
        # Without inputs this is an import, or a get: everything that a user could have written is wanted.
        wanted = normal(as_object(inputs)) if inputs else {}
        live_inputs = prune(live, wanted) if wanted else user_fields(live)
        marked = mark_secrets(live_inputs, inputs)
        outputs = checkpoint(marked, live, field_manager(olds, live_inputs))
        asked = kubewait.endpoints_of(live)
        endpoints = await cluster.reachable_api().get(asked) if asked else None
        if wanted and (unready := kubewait.unready(wanted, live, endpoints)):
            reason = f"Resource '{name}' was created but failed to initialize"
            raise NotReadyError(call.id, marked, outputs, [reason, unready])
        return call.id, marked, outputs

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        obj, cluster = as_object(news), self._cluster
        if call.preview and (has_unknown(obj) or not await cluster.knows(obj)):
            return news
        api = cluster.reachable_api()
        manager, old_manager = field_manager(olds, obj), field_manager(olds, as_object(old_inputs))
        live = await api.get(obj)
        if live is None:
            raise PluginError(f'update of resource "{call.urn}" failed: {id_of(obj)} not found')
        try:
            live = await kubewrite.bring_to(cluster, call, obj, live, manager)
            if not call.preview:
                failed = _failed_to_initialize(live)
                live = await self._await_ready(call, news, live, manager=manager, failed=failed)
        except NotReadyError:
            raise
        except PluginError as error:
            if call.preview and isinstance(error, ApiError) and error.code == 403:
                return news
            found = await api.get(obj) or live
            text = hidden(f"{_failed_to_initialize(found)}: {error}", news)
            raise NotReadyError(id_of(found), news, checkpoint(news, found, manager), [text]) from None
        if manager != old_manager and not call.preview:
            await kubewrite.give_up(api, live, old_manager)
        return checkpoint(news, live, manager)

    async def delete(self, call: Call, old_inputs: Properties, olds: Properties) -> None:
        cluster = self._cluster
        if cluster.unreachable:
            await call.log.warning(f"configured Kubernetes cluster is unreachable: {cluster.unreachable}")
            if cluster.delete_unreachable:
                return
            raise PluginError(f"configured Kubernetes cluster is unreachable. {_WAY_OUT}")
        api, obj = cluster.reachable_api(), identity(plain(olds))
        inputs = plain(old_inputs) or plain(olds)
        propagation = _PROPAGATIONS.get((annotation(inputs, PROPAGATION) or "").lower(), "Foreground")
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

        if await cluster.wait(gone, _timeout_seconds(call, inputs)):
            await call.log.warning(f"finalizers might be preventing deletion ({', '.join(held_by)})")
            raise PluginError(f"{id_of(obj)} is still there: {kubewait.TIMED_OUT}")

    async def _await_ready(
        self, call: Call, inputs: Properties, live: Object, *, manager: str, failed: str
    ) -> Object:
        conditions = kubewait.conditions_for(plain(inputs))
        if not conditions:
            return live
        api, latest, shown = self._cluster.reachable_api(), live, ""
        service = next((each for each in conditions if isinstance(each, ServiceReady)), None)

        async def missing() -> str | None:
            nonlocal latest, shown
            latest = await api.get(latest) or latest
            if service and (endpoints := kubewait.endpoints_of(latest)):
                service.look_at(await api.get(endpoints), time.monotonic())
            reasons = [reason for condition in conditions if (reason := condition(latest)) is not None]
            if reasons and shown != reasons[0]:
                shown = reasons[0]
                await call.log.status(f"waiting: {shown}")
            return "; ".join(reasons) or None

        if reasons := await self._cluster.wait(missing, _timeout_seconds(call, plain(inputs))):
            if service and service.lacks(latest) is None:
                return latest
            ended = kubewait.given_up(plain(inputs), cancelled=self._cluster.life.cancelled.is_set())
            reason = f"{failed}: {ended}"
            raise NotReadyError(id_of(latest), inputs, checkpoint(inputs, latest, manager), [reason, reasons])
        return latest

    async def _comparable(self, inputs: Object) -> Object:
        """The inputs as the server would see them, so that two ways to say the same are no change."""
        obj: Object = without_nulls(normal(inputs))
        metadata = obj.get("metadata")
        if not isinstance(metadata, dict):
            return {**obj, "metadata": {}}
        if await self._cluster.namespaced(obj.get("apiVersion", ""), obj.get("kind", "")):
            metadata["namespace"] = metadata.get("namespace") or "default"
        else:
            metadata.pop("namespace", None)
        return obj


def _failed_to_initialize(live: Object) -> str:
    return (
        f'the Kubernetes API server reported that "{id_of(live)}" failed to fully initialize or become live'
    )


def _with_advice(text: str, error: ApiError) -> str:
    if error.reason != "AlreadyExists":
        return text
    return (
        f"{text}\n\nThe resource already exists in the cluster: import it, give it another name, or set "
        "upsertExistingObjects on the provider."
    )


def _timeout_seconds(call: Call, inputs: Object) -> float:
    annotated = annotation(inputs, TIMEOUT) or ""
    return call.timeout_seconds or (int(annotated) if annotated.isdigit() else _DEFAULT_TIMEOUT_SECONDS)
