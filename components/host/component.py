"""The host below a node: the claim with its toolkit, and what every node needs of its host."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.host import needs, proxy
from components.remote.bundle import Bundle
from components.remote.command import Host, host_command
from components.remote.content import Content
from components.remote.part import Part
from components.settings import NodeSettings


class Claim(Part):
    """Preflight, toolkit, claim: the first thing on a host. Released, as the last thing, by a command of its own."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # No script's digest, no setting: what releases a host never changes.
        header = Bundle("claim", host.node, host.address, host.claim, script="release").render()
        release = host_command(f"{host.node}-release", host, "release", header, release_options(opts, after))
        super().__init__("Claim", "claim", host, needs.claim(settings), [*after, release], opts)


def release_options(
    opts: pulumi.ResourceOptions | None, after: Sequence[pulumi.Resource]
) -> pulumi.ResourceOptions:
    """Beside the claim, under the same parent: it must outlive the claim's component."""
    return pulumi.ResourceOptions(parent=opts.parent if opts else None, depends_on=list(after))


class Prepare(Part):
    """Packages, kernel modules, kernel settings, the proxy's environment."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Prepare", "prepare", host, guarded(needs.prepare(settings), settings), after, opts)


def guarded(content: Content, settings: NodeSettings) -> Content | pulumi.Output[Content]:
    """A secret where the proxy's password can be read, or guessed, from it."""
    return pulumi.Output.secret(content) if proxy.has_password(settings) else content
