"""Which Docker Engine a cri-dockerd release talks to.

Not monotonic: 0.4.0 and 0.4.1 demand Docker's API 1.42, while 0.4.2 and 0.4.3 are cut from the 0.3 line and
do not.
"""

from __future__ import annotations

from collections.abc import Mapping

PatchVersion = tuple[int, int, int]

# Releases whose client demands more of Docker than 1.13: the oldest Engine that has it.
_OLDEST_DOCKER: Mapping[PatchVersion, int] = {(0, 4, 0): 23, (0, 4, 1): 23}

# Docker 29 no longer answers clients below API 1.44; the first cri-dockerd with that API.
_FIRST_FOR_DOCKER: Mapping[int, PatchVersion] = {29: (0, 3, 16)}


def parsed(version: str) -> PatchVersion:
    """`v0.4.3` as numbers."""
    major, minor, patch = (int(part) for part in version.removeprefix("v").split("."))
    return major, minor, patch


def refusal(version: str, docker: int) -> str | None:
    """Why this cri-dockerd cannot drive Docker of this major version; None if it can."""
    numbers = parsed(version)
    oldest = _OLDEST_DOCKER.get(numbers)
    if oldest is not None and docker < oldest:
        return f"cri-dockerd {version} needs Docker {oldest} or newer, not Docker {docker}: use 0.4.3"
    first = max((first for since, first in _FIRST_FOR_DOCKER.items() if docker >= since), default=numbers)
    if numbers < first:
        return f"cri-dockerd {version} is too old for Docker {docker}: use 0.4.3"
    return None
