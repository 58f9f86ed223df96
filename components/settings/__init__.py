"""The stack configuration as typed, validated settings.

Owns what a user may write, the defaults, and every refusal that needs no host. Does not own the text of any
file on a host (the `files.py` of each part), and asks no API: what the cluster says is `components/cluster`.
"""

from components.settings.load import load
from components.settings.problems import Problem, SettingsError
from components.settings.resolved import (
    AuthoritySettings,
    CalicoSettings,
    ClusterSettings,
    ConnectionSettings,
    Download,
    ImageDownload,
    NodeArtifacts,
    NodeSettings,
    StackSettings,
)

__all__ = [
    "AuthoritySettings",
    "CalicoSettings",
    "ClusterSettings",
    "ConnectionSettings",
    "Download",
    "ImageDownload",
    "NodeArtifacts",
    "NodeSettings",
    "Problem",
    "SettingsError",
    "StackSettings",
    "load",
]
