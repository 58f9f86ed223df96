"""The tables of flags against Kubernetes' own source. The programs themselves: `test_real_binaries.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from components.versions import MINORS, Minor, flags, proxy_flags
from components.versions.fields import LIVES
from components.versions.kinds import KUBELET, STRUCTS
from components.versions.lives import NEVER, OLDEST, Life, known
from tests.components.versions import goflags
from tests.components.versions.gotypes import module

Found = Callable[[Path], tuple[frozenset[str], frozenset[str]]]
PROGRAMS: dict[str, tuple[Mapping[str, Life], Found]] = {
    "kubelet": (flags.KUBELET, goflags.kubelet),
    "kube-proxy": (proxy_flags.KUBE_PROXY, goflags.kube_proxy),
}
# The supported ones, and every other whose source is there: the tables tell of those too.
NUMBERS = range(OLDEST, max(MINORS) + 1)


def source(number: int) -> Path:
    folder = module("kubernetes", f"1.{number}")
    if folder is None:
        pytest.skip(f"k8s.io/kubernetes of 1.{number} is not in the Go module cache")
    return folder


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_flags_of_a_release_are_those_of_its_source(program: str, number: int) -> None:
    lives, read = PROGRAMS[program]
    found, _ = read(source(number))
    assert len(found) > 30
    # Since 1.37 cAdvisor registers the one that is left of its own.
    found |= {"housekeeping-interval"} if (program, number) == ("kubelet", 37) else set()
    assert found - goflags.LOGGING - goflags.PASSING == known(lives, number) - goflags.LOGGING


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_the_source_deprecates_is_deprecated(program: str, number: int) -> None:
    """Flag by flag. Flags of the kubelet with a field are deprecated all together: test_real_binaries.py."""
    lives, read = PROGRAMS[program]
    found, deprecated = read(source(number))
    for name in (deprecated & found) - {"cloud-provider"} - goflags.PASSING:
        assert lives[name].is_deprecated(number), name


@pytest.mark.parametrize("row", MINORS.values(), ids=lambda row: row.name)
def test_a_row_has_its_flags(row: Minor) -> None:
    assert set(row.kubelet_flags) <= row.known_kubelet_flags
    assert row.known_kubelet_flags == known(flags.KUBELET, row.number)
    assert not {"help", "version"} & row.known_kubelet_flags
    assert {"config", "kubeconfig", "hostname-override", "v"} <= row.known_kube_proxy_flags


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_life_makes_sense(program: str) -> None:
    for name, life in PROGRAMS[program][0].items():
        assert OLDEST <= life.since < life.gone, name
        assert life.deprecated >= life.since, name
        # Who is told to stop is told what to do.
        assert life.instead or (life.deprecated == NEVER == life.gone), name


def test_a_flag_is_deprecated_for_a_field_that_is_there() -> None:
    told = [life for life in flags.KUBELET.values() if life.instead.endswith(" in kubelet.extraConfig")]
    assert len(told) > 100
    for life in told:
        path = life.instead.removeprefix("set ").removesuffix(" in kubelet.extraConfig").split(".")
        struct = KUBELET
        for part in path:
            assert struct in STRUCTS
            assert LIVES[struct][part].since <= max(life.deprecated, OLDEST) or struct != KUBELET
            struct = STRUCTS[struct][part]
