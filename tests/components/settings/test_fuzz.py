"""Whatever somebody writes: settings that render, or a SettingsError; nothing else, and no value in it."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.calico import files as calico
from components.disruption import disruption_digest
from components.docker import files as docker
from components.host import files as host
from components.kube_proxy import files as kube_proxy
from components.kubelet import files as kubelet
from components.remote.bundle import Bundle
from components.settings import SettingsError, StackSettings, load
from components.settings.checks_values import wrong_of
from components.settings.merge import merged, patched
from components.settings.section import Section
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS, NodeSection
from components.versions.kinds import KUBELET, STRUCTS
from components.versions.ranges import BOUNDS, MAPS
from tests.components import example

MARK = "qzjx-secret"

MODELS: list[type[Section]] = [*STACK_SECTIONS.values(), *NODE_SECTIONS.values(), NodeSection]
FIELDS = {info.alias or name for model in MODELS for name, info in model.model_fields.items()}
keys = st.sampled_from(sorted({*STACK_SECTIONS, *NODE_SECTIONS, *FIELDS, "nodes", "nodesFile", "worker-1"}))
texts = st.text(max_size=12) | st.sampled_from(
    ["10.0.0.7", "10.0.0.0/8", "::1", "1.37.2", "a", "", "x\r\n", "\ud800", MARK]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | texts, inner, max_size=4),
    max_leaves=12,
)
printable = texts.filter(str.isprintable)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | printable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        example.write_project(Path(directory))
        yield Path(directory)


def rendered(loaded: StackSettings) -> list[str]:
    texts = []
    for name, node in loaded.nodes.items():
        for part in (host, docker, calico, kubelet, kube_proxy):
            bundle = Bundle(
                "part", name, node.address, "o/p/s", "0" * 64, part.files(node), part.artifacts(node)
            )
            texts.append(bundle.render())
        texts.append(disruption_digest(node))
    return texts


def report(raw: dict[str, Any], project: Path) -> str:
    """The report, or nothing if the configuration is good; then everything is rendered, twice the same."""
    try:
        loaded = load(raw, project)
    except SettingsError as error:
        text = str(error)
        if len(text.splitlines()) != len(error.problems) or not error.problems:
            raise AssertionError("a problem is a line") from error
        return text
    assert rendered(loaded) == rendered(load(copy.deepcopy(raw), project))
    return ""


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(raw=st.dictionaries(keys | texts, values, max_size=6))
def test_any_data_at_all(raw: dict[str, Any], project: Path) -> None:
    assert report(raw, project)


def places(value: object, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if so_far:
        yield so_far
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*so_far, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*so_far, number))


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.sampled_from(list(places(example.raw()))), value=values)
def test_a_good_configuration_with_any_one_value_replaced(
    place: tuple[Any, ...], value: object, project: Path
) -> None:
    raw = example.raw()
    target: Any = raw
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    report(raw, project)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    place=st.sampled_from(
        [place for place in places(example.raw()) if place[-1] not in ("labels", "annotations")]
    ),
    shape=st.sampled_from([lambda text: text, lambda text: [text], lambda text: {"address": text}]),
    tail=st.text(max_size=5),
)
def test_no_text_comes_back_in_the_report(
    place: tuple[Any, ...], shape: Any, tail: str, project: Path
) -> None:
    raw = example.raw()
    target: Any = raw
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = shape(f"{MARK}\n{tail}")
    assert MARK not in report(raw, project) or _is_path(place)


def _is_path(place: tuple[Any, ...]) -> bool:
    """Paths of files are named in the report, they are no secrets."""
    return str(place[-1]).endswith("File")


PLAIN_KINDS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int32": st.integers(-(1 << 31), (1 << 31) - 1),
    "int64": st.integers(-(1 << 63), (1 << 63) - 1),
    "uint32": st.integers(0, (1 << 32) - 1),
    "float": numbers,
    "text": printable,
    "duration": st.sampled_from(["0", "1m30s", "1.5h", "300ms", "-5s"]),
    "duration or number": st.sampled_from(["5s", 5_000_000_000]),
    "quantity": st.sampled_from(["200Mi", "1e9", "0.5", "100m", 3, 1.5]),
}
FREE = sorted(
    {"logging", "qosReserved", "reservedMemory", "runtimeRequestTimeout", "shutdownGracePeriodByPodPriority"}
    | {"staticPodURLHeader", "systemReserved", "tlsCurvePreferences", "tracing", "memoryThrottlingFactor"}
)


def of_kind(kind: str) -> st.SearchStrategy[Any]:
    """Values that the kubelet takes for a field of this kind."""
    shape, _, inner = kind.partition(" of ")
    if shape == "list":
        return st.lists(of_kind(inner), max_size=3)
    if shape == "map":
        return st.dictionaries(printable, st.none() | of_kind(inner), max_size=3)
    if kind in STRUCTS:
        return st.fixed_dictionaries({}, optional={name: of_field(kind, name) for name in STRUCTS[kind]})
    return PLAIN_KINDS[kind]


def of_field(struct: str, name: str) -> st.SearchStrategy[Any]:
    """Values that the kubelet takes for this field: of its kind, and what the tables of values let pass."""
    kind, bounds = STRUCTS[struct][name], BOUNDS.get(struct, {}).get(name)
    if bounds:
        return st.integers(*bounds)
    if struct == KUBELET and name in MAPS:
        return st.dictionaries(
            st.sampled_from(MAPS[name][0]), st.none() | of_kind(kind.partition(" of ")[2])
        ).filter(lambda value: not list(wrong_of(struct, name, value, 37)))
    return of_kind(kind).filter(lambda value: not list(wrong_of(struct, name, value, 37)))


@settings(max_examples=200, deadline=None)
@given(extra=st.fixed_dictionaries({}, optional={name: of_field(KUBELET, name) for name in FREE}))
def test_extra_config_reaches_the_kubelet_as_it_was_written(extra: dict[str, Any], project: Path) -> None:
    raw = example.changed(example.raw(), {"nodes/worker-1/kubelet": {"extraConfig": extra}})
    node = load(raw, project).nodes["worker-1"]
    (config, _) = kubelet.files(node)
    read = yaml.safe_load(config.content)
    for key, value in extra.items():
        if value is not None and not isinstance(value, dict):
            assert read[key] == value
    assert read == json.loads(json.dumps(kubelet.configuration(node)))


@given(base=st.dictionaries(texts, plain), patch=st.dictionaries(texts, plain))
def test_patching_is_idempotent_and_leaves_its_arguments_alone(
    base: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = copy.deepcopy((base, patch))
    once = patched(base, patch)
    assert patched(once, patch) == once
    assert (base, patch) == before


@given(base=st.dictionaries(texts, plain), over=st.dictionaries(texts, plain))
def test_merging_takes_every_key_of_both(base: dict[str, Any], over: dict[str, Any]) -> None:
    result = merged(base, over)
    assert isinstance(result, dict)
    assert result.keys() == base.keys() | over.keys()
    assert all(result[key] == over[key] for key in over if not isinstance(over[key], dict))
    assert all(result[key] == base[key] for key in base.keys() - over.keys())
