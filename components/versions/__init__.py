"""What a supported Kubernetes minor is like: a row of data each, so that no other code compares versions.

Owns the facts about releases. Does not own the values this project chooses (`settings/defaults.py`).
"""

from components.versions.minors import MINORS, Minor, Runtime, UnsupportedVersionError, supported

__all__ = ["MINORS", "Minor", "Runtime", "UnsupportedVersionError", "supported"]
