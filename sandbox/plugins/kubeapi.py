"""A small Kubernetes API client: kubeconfig, discovery and the six requests that the plugin makes.

Owns HTTP, credentials and error texts. Does not own what is sent, nor when. httpx instead of the `kubernetes`
package: the plugin handles objects of any kind as plain dictionaries, and the engine starts it at every
preview, so an import of 0.1 s instead of a second counts. Credentials by `exec` and auth providers are not
supported.
"""

import base64
import json
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from sandbox.plugins.base import PluginError

Object = dict[str, Any]

_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 60
_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"


class KubeconfigError(Exception):
    """The kubeconfig cannot be used."""


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


def read_kubeconfig(contents_or_path: str) -> Object:
    """The parsed kubeconfig: contents, or a path relative to the project directory (which is where a plugin
    runs)."""
    try:
        parsed = yaml.safe_load(contents_or_path)
        if not isinstance(parsed, dict):
            parsed = yaml.safe_load(Path(contents_or_path).expanduser().read_text())
    except (OSError, yaml.YAMLError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) else "not valid YAML"
        )  # YAML errors quote the content
        raise KubeconfigError(f"cannot read the kubeconfig: {reason}") from None
    if not isinstance(parsed, dict):
        raise KubeconfigError("the kubeconfig is not a mapping")
    return parsed


def active_cluster(kubeconfig: Object, context: str | None, cluster: str | None) -> Object | None:
    """The cluster entry that these settings choose."""
    if cluster is None:
        chosen = _named(kubeconfig, "contexts", "context", context or kubeconfig.get("current-context"))
        cluster = chosen.get("cluster") if chosen else None
    return _named(kubeconfig, "clusters", "cluster", cluster)


def _named(kubeconfig: Object, entries: str, inner: str, name: str | None) -> Object | None:
    for entry in kubeconfig.get(entries) or []:
        if entry.get("name") == name:
            return entry.get(inner) or {}
    return None


class Api:
    """The connection to one cluster."""

    def __init__(self, kubeconfig: Object, context: str | None, cluster: str | None) -> None:
        cluster_entry = active_cluster(kubeconfig, context, cluster)
        if not cluster_entry or not cluster_entry.get("server"):
            raise KubeconfigError("the kubeconfig has no cluster for the current context")
        chosen = _named(kubeconfig, "contexts", "context", context or kubeconfig.get("current-context")) or {}
        user = _named(kubeconfig, "users", "user", chosen.get("user")) or {}
        if "exec" in user or "auth-provider" in user:
            raise KubeconfigError(
                "the sandbox's kubernetes plugin does not support exec or auth-provider credentials"
            )
        self.namespace: str | None = chosen.get("namespace")
        headers = {"Accept": "application/json"}
        if token := user.get("token") or _file_text(user.get("tokenFile")):
            headers["Authorization"] = f"Bearer {token.strip()}"
        self._http = httpx.AsyncClient(
            base_url=cluster_entry["server"],
            headers=headers,
            auth=(user["username"], user.get("password", "")) if user.get("username") else None,
            verify=_ssl_context(cluster_entry, user),
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=False,
        )
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
        try:
            response = await self._http.request(method, path, content=content, headers=headers, params=params)
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise UnreachableError(f"{self._http.base_url}: {error or type(error).__name__}") from error
        try:
            answer = response.json()
        except ValueError:
            answer = {"message": response.text[:500]}
        if response.is_error:
            raise ApiError(response.status_code, answer)
        return dict(answer)


def _options(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    return {"fieldManager": field_manager, **({"dryRun": "All"} if dry_run else {})}


def _ssl_context(cluster: Object, user: Object) -> ssl.SSLContext | bool:
    if not cluster["server"].startswith("https://"):
        return True
    context = ssl.create_default_context(cadata=_inline_or_file(cluster, "certificate-authority"))
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _inline_or_file(user, "client-certificate"), _inline_or_file(user, "client-key")
    if certificate and key:
        # The ssl module loads a key from a file only; this one is readable by nobody else and gone in a
        # moment.
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(f"{certificate}\n{key}\n")
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _inline_or_file(entry: Object, name: str) -> str | None:
    if inline := entry.get(f"{name}-data"):
        return base64.b64decode(inline).decode()
    return _file_text(entry.get(name))


def _file_text(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).expanduser().read_text()
    except OSError as error:
        raise KubeconfigError(f"cannot read {path}: {error.strerror}") from error
