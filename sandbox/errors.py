"""The one error of the sandbox's commands.

Owns: the type. Its text says what failed and where; `fix` says what to do about it.
"""

from __future__ import annotations


class SandboxError(Exception):
    """Something a person has to act on."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
