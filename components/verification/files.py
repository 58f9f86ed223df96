"""What the proof asks from a node: settings of its script, and no file. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from components.remote.content import Content
from components.settings import NodeSettings


def content(node: NodeSettings, addresses: Sequence[str]) -> Content:
    """`addresses` are the Service's and those of its pods. Nothing stays on the host."""
    return Content(
        settings={
            "url": [f"http://{_bracketed(address)}/" for address in addresses],
            "expect": ["Welcome to nginx!"],
            "mode": [node.kube_proxy.mode],
            "timeout-seconds": ["60"],
        }
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
