"""Go's own word on flags: what the source of a Kubernetes release defines for kubelet and kube-proxy.

Reads the Go module cache and downloads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_VARIABLE = re.compile(r'\bfs\.\w*Var\w*\(\s*(?:.{1,140}?), "([a-z0-9_-]+)"')
_WITH_DEFAULT = re.compile(r'\bfs\.(?:Bool|Int32|String|Duration)\(\s*"([a-z0-9-]+)"')
_REGISTERED = re.compile(r'[rR]egister(Deprecated)?\(global, local, "([a-z0-9_-]+)"')
_DEPRECATED = re.compile(r'MarkDeprecated\("([a-z0-9-]+)"')
# Files of other operating systems.
_ELSEWHERE = ("_windows", "_others", "_other", "_unsupported", "_test")

# Of libraries, which define them elsewhere.
LOGGING = frozenset(
    [
        "alsologtostderr",
        "log-backtrace-at",
        "log-dir",
        "log-file",
        "log-flush-frequency",
        "log-json-info-buffer-size",
        "log-json-split-stream",
        "log-text-info-buffer-size",
        "log-text-split-stream",
        "logging-format",
        "logtostderr",
        "stderrthreshold",
        "v",
        "vmodule",
    ]
)
# Flags that came and went with a library between two minors that are supported.
PASSING = frozenset({"experimental-logging-sanitization"})


@cache
def kubelet(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The flags of the kubelet, and which of them are deprecated one by one."""
    return _flags(
        [*(folder / "cmd/kubelet/app/options").glob("*.go"), folder / "pkg/kubelet/config/flags.go"]
    )


@cache
def kube_proxy(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The flags of kube-proxy, and which of them are deprecated."""
    return _flags(folder / "cmd/kube-proxy/app" / name for name in ("server.go", "options.go"))


def _flags(files: Iterable[Path]) -> tuple[frozenset[str], frozenset[str]]:
    here = [file for file in files if file.exists() and not file.stem.endswith(_ELSEWHERE)]
    text = "\n".join(file.read_text(encoding="utf-8") for file in here)
    registered = _REGISTERED.findall(text)
    found = {*_VARIABLE.findall(text), *_WITH_DEFAULT.findall(text), *(name for _, name in registered)}
    deprecated = {*_DEPRECATED.findall(text), *(name for mark, name in registered if mark)}
    return (
        frozenset(name.replace("_", "-") for name in found),
        frozenset(name.replace("_", "-") for name in deprecated),
    )
