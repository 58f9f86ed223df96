"""Asks kubelets when the certificates that they renew by themselves end.

Arguments: nodes (names).

apply  Prints one JSON object and always ends well: {name: {"client": RFC 3339 or null, "serving": the same}}, with no
       more than the kubelets that answered.
remove Nothing.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from components.local import kubectl as kubectls
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import PATHS, Kubectl, KubectlError
from components.local.node_report import certificate_ends


def run(arguments: Arguments) -> str:
    """The whole program: it opens kubectl itself, because an API out of reach is an answer too."""
    names = arguments.texts("nodes")
    try:
        with kubectls.opened(arguments) as kubectl, ThreadPoolExecutor(max_workers=8) as pool:
            read = dict(zip(names, pool.map(lambda name: _metrics(kubectl, name), names), strict=True))
    except (Failure, OSError):
        read = {}
    now = datetime.now(UTC)
    return json.dumps({name: certificate_ends(text, now) for name, text in read.items() if text})


def _metrics(kubectl: Kubectl, node: str) -> str:
    try:
        return kubectl.read(f"{PATHS.nodes}/{node}/proxy/metrics", timeout_seconds=5)
    except KubectlError:
        return ""
