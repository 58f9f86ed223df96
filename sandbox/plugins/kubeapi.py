"""A small Kubernetes API client: discovery and the requests that the plugin makes.

Owns HTTP and error texts. Does not own what is sent, nor when, nor the kubeconfig (`kubeconfig.py`). httpx instead of
the `kubernetes` package: the plugin handles objects of any kind as plain dictionaries, and the engine starts it at
every preview, so an import of 0.1 s instead of a second counts.
"""

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any, Final

import httpx

from sandbox.plugins.base import PluginError
from sandbox.plugins.kubeconfig import Access

Object = dict[str, Any]

# As client-go does: what a server puts off is asked again when it says so, and a read whose connection was lost.
_RETRIES: Final = 10
_LOST: Final = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 60
_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"


class UnreachableError(PluginError):
    """No answer from the API server."""


class ApiError(PluginError):
    """The API server refused; the text is its own message."""

    def __init__(self, code: int, status: Object) -> None:
        super().__init__(status.get("message") or f"the server answered {code}")
        self.code, self.reason = code, status.get("reason", "")


class NoSuchKindError(ApiError):
    """The API server does not know this kind in this version."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(404, {"message": f'no matches for kind "{kind}" in version "{api_version}"'})


@dataclass(frozen=True)
class Kind:
    """One kind, as the server's discovery has it."""

    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None) -> str:
        root = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        scope = f"/namespaces/{namespace or 'default'}" if self.namespaced else ""
        return f"{root}{scope}/{self.plural}{f'/{name}' if name else ''}"


class Api:
    """The connection to one cluster."""

    def __init__(self, access: Access) -> None:
        self.namespace = access.namespace
        self._http = httpx.AsyncClient(
            base_url=access.server,
            headers=[("Accept", "application/json"), *access.headers.items(), *access.impersonation],
            auth=access.login,
            verify=access.verify,
            proxy=access.proxy,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=False,
        )
        self._extensions = {"sni_hostname": access.server_name} if access.server_name else {}
        self._kinds: dict[tuple[str, str], Kind] = {}

    async def version(self) -> Object:
        return await self._send("GET", "/version")

    async def kind(self, api_version: str, kind: str) -> Kind:
        key = (api_version, kind)
        if key not in self._kinds:
            root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
            try:
                listed = await self._send("GET", root)
            except ApiError as error:
                if error.code == 404:
                    raise NoSuchKindError(api_version, kind) from error
                raise
            for each in listed.get("resources", []):
                if "/" not in each["name"]:
                    self._kinds[api_version, each["kind"]] = Kind(
                        api_version, each["name"], each["namespaced"]
                    )
        if key not in self._kinds:
            raise NoSuchKindError(api_version, kind)
        return self._kinds[key]

    async def get(self, obj: Object) -> Object | None:
        try:
            return await self._send("GET", await self._path(obj))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def create(self, obj: Object, field_manager: str, *, dry_run: bool) -> Object:
        path = await self._path({**obj, "metadata": {**obj["metadata"], "name": None}})
        return await self._send(
            "POST", path, obj, "application/json", _options(field_manager, dry_run=dry_run)
        )

    async def apply(self, obj: Object, field_manager: str, *, force: bool, dry_run: bool) -> Object:
        options = {**_options(field_manager, dry_run=dry_run), "force": str(force).lower()}
        return await self._send("PATCH", await self._path(obj), obj, _APPLY, options)

    async def replace(self, obj: Object, field_manager: str, *, dry_run: bool) -> Object:
        options = _options(field_manager, dry_run=dry_run)
        return await self._send("PUT", await self._path(obj), obj, "application/json", options)

    async def json_patch(self, obj: Object, operations: list[Object]) -> Object:
        return await self._send("PATCH", await self._path(obj), operations, _JSON_PATCH)

    async def delete(self, obj: Object, propagation: str) -> None:
        await self._send(
            "DELETE", await self._path(obj), {"propagationPolicy": propagation}, "application/json"
        )

    async def _path(self, obj: Object) -> str:
        metadata = obj["metadata"]
        kind = await self.kind(obj["apiVersion"], obj["kind"])
        return kind.path(metadata.get("namespace") or self.namespace, metadata.get("name"))

    async def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "",
        params: dict[str, str] | None = None,
    ) -> Object:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type} if content is not None else {}
        attempt = 0
        while True:
            try:
                response = await self._http.request(
                    method, path, content=content, headers=headers, params=params, extensions=self._extensions
                )
            except (httpx.HTTPError, ssl.SSLError) as error:
                if method != "GET" or not isinstance(error, _LOST) or attempt == _RETRIES:
                    raise UnreachableError(
                        f"{self._http.base_url}: {error or type(error).__name__}"
                    ) from error
                pause = 1
            else:
                asked = response.headers.get("Retry-After", "")
                busy = response.status_code == 429 or response.status_code >= 500
                if not busy or not asked.isdigit() or attempt == _RETRIES:
                    break
                pause = int(asked)
            attempt += 1
            await asyncio.sleep(pause)
        try:
            answer = response.json()
        except ValueError:
            answer = {"message": response.text[:500]}
        if response.is_error:
            raise ApiError(response.status_code, answer)
        return dict(answer)


def _options(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    return {"fieldManager": field_manager, **({"dryRun": "All"} if dry_run else {})}
