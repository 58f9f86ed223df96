"""The cluster that a provider talks to: how it is found, whether it can be reached, and what the provider may do there.

Owns the provider's settings, and waiting. Does not own requests (`kubeapi.py`), nor any object (`kubernetes.py`).
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.plugins import kubeconfig
from sandbox.plugins.base import Life, PluginError
from sandbox.plugins.kubeapi import (
    Api,
    ApiError,
    NoSuchKindError,
    Object,
    UnreachableError,
)
from sandbox.plugins.kubeobjects import CLUSTER_SCOPED
from sandbox.plugins.values import Properties, plain

_NOT_LOADED: Final = "unable to load Kubernetes client configuration from kubeconfig file:"


class Cluster:
    """One cluster, once it is configured. Whether it can be reached is found out then, and only then."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.namespace: str | None = None
        self.unreachable: str | None = "the provider is not configured"
        self.delete_unreachable = False
        self.skip_update_unreachable = False
        self.upsert_existing_objects = False
        self.enable_patch_force = False
        self.mutable = {"ConfigMap": False, "Secret": False}
        self._api: Api | None = None

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
            found = kubeconfig.read(settings.get("kubeconfig") or _ambient_kubeconfig())
            access = kubeconfig.access(
                found, settings.get("context") or None, settings.get("cluster") or None
            )
            self._api = Api(access)
            self.namespace = self.namespace or self._api.namespace or "default"
            await self._api.version()
        except kubeconfig.MalformedError as error:
            self.unreachable = f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
        except kubeconfig.KubeconfigError as error:
            self.unreachable = f"{_NOT_LOADED} {error}"
        except (UnreachableError, ApiError) as error:
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
        """None as soon as nothing is missing; what is, when time is up or the engine cancels. It ends if the engine is
        gone."""
        return await self.life.unless_abandoned(self._wait(missing, timeout_seconds))

    async def _wait(self, missing: Callable[[], Awaitable[str | None]], timeout_seconds: float) -> str | None:
        deadline, pause = time.monotonic() + timeout_seconds, 0.05
        while (reason := await _tolerant(missing)) is not None:
            if time.monotonic() >= deadline or self.life.cancelled.is_set():
                return reason
            try:
                await asyncio.wait_for(self.life.cancelled.wait(), min(pause, deadline - time.monotonic()))
            except TimeoutError:
                pause = min(pause * 1.5, 1.0)
        return None


async def _tolerant(missing: Callable[[], Awaitable[str | None]]) -> str | None:
    """An API server that does not answer for a moment is no reason to give up what has begun."""
    try:
        return await missing()
    except UnreachableError as error:
        return str(error)


def cluster_of(settings: Properties) -> Object | None:
    """Where these settings of a provider lead; None if that is not said."""
    if not settings.get("kubeconfig"):
        return None
    try:
        found = kubeconfig.read(settings["kubeconfig"])
    except kubeconfig.KubeconfigError as error:
        raise PluginError(f"failed to parse kubeconfig: {error}") from None
    return kubeconfig.active_cluster(found, settings.get("context") or None, settings.get("cluster") or None)


def _ambient_kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _flag(settings: Properties, name: str, *, default: bool = False) -> bool:
    """A switch: the SDK sends it as JSON text, and the environment may have it."""
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
    value = settings.get(name)
    if value is None:
        value = os.environ.get(f"PULUMI_K8S_{words}")
    return default if value in (None, "") else str(value).lower() == "true"
