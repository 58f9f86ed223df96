"""How an object is written: made, and brought to what the inputs say.

Owns which request is sent and by which manager, what is tried again, and the words of a conflict. Does not own requests
(`kubeapi.py`), whose fields are whose (`kubefields.py`), nor the life of an object (`kubelife.py`).

As the official provider does (await/await.go):
- a definition of a kind of objects is replaced as a whole (PUT), so that nobody's word is kept and nobody conflicts;
- everything else is applied. A path of `ignore_changes` is not sent if only others manage it; else what stands in the
  cluster is sent, and not what the state has;
- a rehearsed upsert that meets a field that cannot change is rehearsed under another name: the old object goes first.
"""

import asyncio
import secrets
import string
from typing import Final

from sandbox.plugins.base import Call
from sandbox.plugins.kubeapi import Api, ApiError, Object
from sandbox.plugins.kubecluster import Cluster
from sandbox.plugins.kubefields import (
    CREATE_MANAGER,
    PATCH_FORCE,
    creation_entry,
    is_forced,
    keep_ignored,
    take_over,
)
from sandbox.plugins.kubeobjects import is_definition

_RETRIES: Final = 5
_IMMUTABLE: Final = "field is immutable"


async def make(cluster: Cluster, call: Call, obj: Object, manager: str) -> Object:
    """Make it. What it needs (a namespace, a definition of its kind) may appear a little later."""
    pause = 1
    for attempt in range(_RETRIES + 1):
        try:
            if cluster.upsert_existing_objects:
                return await _upsert(cluster, call, obj, manager)
            return await cluster.reachable_api().create(obj, CREATE_MANAGER, dry_run=call.preview)
        except ApiError as error:
            last = attempt == _RETRIES or cluster.life.cancelled.is_set()
            if error.code != 404 or call.preview or last:
                raise
            await asyncio.sleep(pause)
            pause *= 2
    raise AssertionError("unreachable")


async def _upsert(cluster: Cluster, call: Call, obj: Object, manager: str) -> Object:
    api = cluster.reachable_api()
    force = call.preview or is_forced(obj, enable_patch_force=cluster.enable_patch_force)
    try:
        return await _apply(api, obj, manager, force=force, dry_run=call.preview)
    except ApiError as error:
        if not call.preview or error.reason != "Invalid" or _IMMUTABLE not in str(error):
            raise
    letters = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(5))
    name = f"{obj['metadata']['name'][:58]}{letters}"
    await call.log.info(f'Preview creation failed due to immutable fields; retrying with name "{name}"')
    renamed = {**obj, "metadata": {**obj["metadata"], "name": name}}
    return await _apply(api, renamed, manager, force=True, dry_run=True)


async def bring_to(cluster: Cluster, call: Call, obj: Object, live: Object, manager: str) -> Object:
    """Bring what is there to what the inputs say."""
    api, preview = cluster.reachable_api(), call.preview
    if is_definition(obj):
        version = live["metadata"]["resourceVersion"]
        whole = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
        return await api.replace(whole, manager, dry_run=preview)
    if not preview:
        live = await take_over(api, live, manager)
    force = is_forced(obj, enable_patch_force=cluster.enable_patch_force)
    force = force or not live["metadata"].get("managedFields")
    force = force or (preview and creation_entry(live) is not None)
    sent = keep_ignored(obj, live, manager, call.ignored)
    return await _apply(api, sent, manager, force=force, dry_run=preview)


async def give_up(api: Api, live: Object, manager: str) -> None:
    """All fields of a manager, by an apply that has none."""
    metadata = {key: live["metadata"].get(key) for key in ("name", "namespace") if live["metadata"].get(key)}
    nothing = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata}
    await api.apply(nothing, manager, force=False, dry_run=False)


async def _apply(api: Api, obj: Object, manager: str, *, force: bool, dry_run: bool) -> Object:
    try:
        return await api.apply(obj, manager, force=force, dry_run=dry_run)
    except ApiError as error:
        if error.reason != "Conflict":
            raise
        text = (
            "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/"
            "how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources for "
            f'troubleshooting help\nThe resource managed by field manager "{manager}" had an apply conflict: {error}'
            f'\nThe annotation {PATCH_FORCE}: "true" takes the fields over.'
        )
        raise ApiError(error.code, {"message": text, "reason": error.reason}) from None
