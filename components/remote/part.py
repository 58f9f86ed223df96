"""A part of a node: one component around one command on the host.

Owns how a part's rendered files become a bundle and a resource. Does not own what the files say (`files.py` of each
part) nor what the host does with them (`<part>.sh`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from components.remote.command import Host, host_command
from components.remote.content import Content


def rendered(content: Content, host: Host, part: str) -> str:
    """The text for the host's standard input."""
    if host.reapply:
        content = replace(content, settings={**(content.settings or {}), "reapply": [host.reapply]})
    return content.bundle(part, host.node, host.address, host.claim).render()


class Part(pulumi.ComponentResource):
    """The base of every part. `command` is its one command; other parts wait for that.

    `content` may be an Output where something is born elsewhere, as a certificate is. `after` is a list of commands or
    objects; a component's own dependencies would not be kept as its command's in the state. `ignored`: inputs that
    cannot be compared in this run.
    """

    def __init__(
        self,
        token: str,
        part: str,
        host: Host,
        content: Content | pulumi.Output[Content],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None,
        ignored: list[str] | None = None,
    ) -> None:
        name = f"{host.node}-{part}"
        super().__init__(f"kubenode:index:{token}", name, None, opts)
        if isinstance(content, Content):
            bundle: pulumi.Input[str] = rendered(content, host, part)
        else:
            bundle = content.apply(lambda resolved: rendered(resolved, host, part))
        self.command = host_command(
            name,
            host,
            part,
            bundle,
            pulumi.ResourceOptions(parent=self, depends_on=list(after), ignore_changes=ignored),
        )
        self.register_outputs({})
