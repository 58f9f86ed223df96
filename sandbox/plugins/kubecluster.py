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

# Settings of a provider that would change what comes of a program.
_NOT_HERE: Final = ("kubeClientSettings", "rejectUnknownResources", "renderYamlToDirectory", "strictMode")
# Of the others the variable is written as the setting is.
_VARIABLES: Final = {"enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"}
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
        self._defined: dict[tuple[str, str], bool] = {}

    async def configure(self, config: Properties) -> None:
        settings = plain(config)
        if _flag(settings, "enableServerSideApply", default=True) is False:
            raise PluginError("client-side apply is not in the sandbox's kubernetes plugin")
        for name in _NOT_HERE:
            if settings.get(name) not in (None, "", False, "false"):
                raise PluginError(f"{name} is not in the sandbox's kubernetes plugin")
        if os.environ.get("PULUMI_K8S_AWAIT_ALL") == "true":
            raise PluginError(
                "PULUMI_K8S_AWAIT_ALL is not in the sandbox's kubernetes plugin. The official one waits for objects of "
                "every kind then; say in pulumi.com/waitFor what to wait for"
            )
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

    def learn(self, definition: Object) -> None:
        """The scope of a kind that the program itself defines, for the time before the server knows it."""
        spec = definition.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(names, dict):
            kind = (str(spec.get("group")), str(names.get("kind")))
            self._defined[kind] = spec.get("scope") != "Cluster"

    async def namespaced(self, api_version: str, kind: str) -> bool:
        if not self.unreachable:
            try:
                return (await self.reachable_api().kind(api_version, kind)).namespaced
            except NoSuchKindError:
                pass
        group = api_version.rpartition("/")[0]
        return self._defined.get((group, kind), kind not in CLUSTER_SCOPED)

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
    """An API server that does not answer for a moment, or not well, is no reason to give up what has begun."""
    try:
        return await missing()
    except (UnreachableError, ApiError) as error:
        return str(error)


def cluster_of(settings: Properties) -> Object | None:
    """Where these settings of a provider lead; None if that is not said."""
    if not settings.get("kubeconfig"):
        return None
    try:
        found = kubeconfig.read(settings["kubeconfig"])
    except kubeconfig.KubeconfigError as error:
        raise PluginError(f"failed to parse kubeconfig: {error}") from None
    return kubeconfig.meaning(
        kubeconfig.active_cluster(found, settings.get("context") or None, settings.get("cluster") or None)
    )


def _ambient_kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _flag(settings: Properties, name: str, *, default: bool = False) -> bool:
    """A switch: the SDK sends it as JSON text, and the environment may have it."""
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
    value = settings.get(name)
    if value is None:
        value = os.environ.get(_VARIABLES.get(name, f"PULUMI_K8S_{words}"))
    return default if value in (None, "") else str(value).lower() == "true"
