"""A login that may not become root: how it is found out on a host, and what it is told.

Owns these words, for every command that runs before the toolkit is there. Does not own who runs as root (`command.py`).
"""

from __future__ import annotations

from typing import Final

MAY: Final = "why=$(sudo -n sh -c : 2>&1 </dev/null)"
"""True in a shell whose user may; else the reason is in $why."""

MAY_NOT: Final = (
    "the user $(id -un) may not become root by 'sudo -n' on $(uname -n): $(printf '%s' \"$why\" | tail -n 1). "
    "Nothing was written. Put this line into /etc/sudoers.d/kubenode there: $(id -un) ALL=(root) NOPASSWD: ALL"
)
"""For a double-quoted word of that shell."""
