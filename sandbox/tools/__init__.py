"""The programs that the sandbox runs: built from Go modules at pinned versions, or installed as OS packages.

Owns: getting them onto this machine. Does not own running them. `python -m sandbox.tools --help` is the same
by hand.
"""

from __future__ import annotations

from sandbox.tools.errors import ToolError
from sandbox.tools.packages import ensure_packages
from sandbox.tools.tools import Tools, ensure, locate, prune

__all__ = ["ToolError", "Tools", "ensure", "ensure_packages", "locate", "prune"]
