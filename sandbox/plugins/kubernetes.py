"""The kubernetes provider: an object of any kind, by server-side apply.

Owns the provider itself and which object a type token means; the life of an object is in `kubelife.py`. Both are as
the official provider 4.34.2 has them (pulumi-kubernetes, provider/pkg). What a program can notice:
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
- a refresh that finds a Deployment, DaemonSet, StatefulSet or Service not ready warns, and the next run waits for it;
- whether the cluster can be reached is found out once, at the start; if not, previews go on with the inputs,
  and a delete or a refresh fails unless `deleteUnreachable` is set, or for a refresh `skipUpdateUnreachable`;
- an object that does not become ready in time is kept in state as not initialized; the next run waits again;
- a definition of a kind is replaced as a whole; of what `ignore_changes` names, the cluster's word is kept.
Not here: `...Patch` kinds, yaml, helm and kustomize, client-side apply, rendering to a directory, and the built-in
waits of other kinds (`kubewait.py` refuses them), which are all refused; warnings of deprecated versions, names by
`pulumi:autonaming`, and the proxy of the environment, which are not.
"""

from sandbox.plugins import VERSIONS
from sandbox.plugins.base import Diff, Plugin, Resource
from sandbox.plugins.kubecluster import Cluster, cluster_of
from sandbox.plugins.kubelife import KubernetesObject
from sandbox.plugins.kubeobjects import gvk
from sandbox.plugins.server import serve
from sandbox.plugins.values import Properties, Unknown, changes, plain


class KubernetesPlugin(Plugin):
    """One cluster and its objects."""

    def __init__(self) -> None:
        super().__init__("kubernetes", VERSIONS["kubernetes"], {})
        self._cluster = Cluster(self.life)
        self._object = KubernetesObject(self._cluster)

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
        before, after = cluster_of(old), cluster_of(new)
        if before is not None and after is not None and before != after:
            diff.replace.update((key,) for key in where if (key,) in diff.changes)
        return diff

    async def configure(self, config: Properties) -> None:
        await self._cluster.configure(config)


if __name__ == "__main__":
    serve(KubernetesPlugin)
