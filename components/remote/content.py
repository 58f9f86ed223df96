"""What a part puts on a host, as one value. Pure.

Owns the type that every part's `content` function returns: what a run sends, and what `components/show` shows. Does not
own the format of a bundle (`bundle.py`) nor how it travels (`part.py`, `command.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from components.remote import toolkit
from components.remote.bundle import Artifact, Bundle, HostFile


@dataclass(frozen=True)
class Content:
    """What a part puts on a host: files, downloads, and the settings that are neither."""

    files: Sequence[HostFile] = ()
    artifacts: Sequence[Artifact] = ()
    settings: Mapping[str, Sequence[str]] | None = None
    payload: str = ""

    def healing(self, heal: str) -> Content:
        """With what is to be mended, if anything is."""
        return replace(self, settings={**(self.settings or {}), "heal": [heal]}) if heal else self

    def bundle(self, part: str, node: str, address: str, claim: str) -> Bundle:
        """The bundle of this part for a node; `claim` is the stack that the host must belong to."""
        return Bundle(
            part=part,
            node=node,
            host=address,
            claim=claim,
            script=toolkit.script_digest(part),
            files=self.files,
            artifacts=self.artifacts,
            settings=self.settings or {},
            payload=self.payload,
        )
