"""The one error this package raises for anything a person has to act on.

Owns: nothing but the type. Its text is complete by itself: what failed, where to look, what to do.
"""

from __future__ import annotations


class ToolError(Exception):
    """A tool could not be found, built or installed."""
