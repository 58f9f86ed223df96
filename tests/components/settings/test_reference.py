"""The page and the schemas are what the models say, and the schemas take what `load` takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from components.settings import SettingsError, load
from components.settings.__main__ import ROOT, generated, main
from components.settings.page import page
from components.settings.reference import Key, keys_of
from components.settings.schema import nodes_schema, stack_schema
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS, NodeSection
from tests.components import example
from tests.components.settings import test_fuzz

STACK = jsonschema.Draft7Validator(stack_schema())
NODES = jsonschema.Draft7Validator(nodes_schema())
ENCRYPTED = {"secure": "v1:AAAA:BBBB"}


def stack_file(raw: dict[str, Any]) -> dict[str, Any]:
    return {"config": {f"kubenode:{key}": value for key, value in raw.items()}}


def tables(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], Key]]:
    for key in keys_of(model):
        yield model, key
        for shape in (key.shape, key.shape.items, key.shape.values):
            if shape is not None and shape.table is not None:
                yield from tables(shape.table)


MODELS: list[type[BaseModel]] = [*STACK_SECTIONS.values(), *NODE_SECTIONS.values(), NodeSection]
KEYS = [row for model in MODELS for row in tables(model)]


def test_the_generated_files_are_up_to_date() -> None:
    for name, text in generated().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name} is out of date: run make docs"


def test_the_command_writes_what_is_stale_and_its_check_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    assert main(["--check"], tmp_path) == 1
    assert not list((tmp_path / "docs").iterdir())
    assert capsys.readouterr().err.splitlines() == [
        f"{name} is out of date: run make docs" for name in generated()
    ]
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "docs/configuration.md").write_text(page() + "\n")
    assert main(["--check"], tmp_path) == 1


@pytest.mark.parametrize(("model", "key"), KEYS, ids=[f"{model.__name__}.{key.name}" for model, key in KEYS])
def test_every_key_has_words_and_an_example_that_its_own_section_takes(
    model: type[BaseModel], key: Key
) -> None:
    assert key.shape.words
    assert key.description
    assert f"`{key.name}`" in page() or f".{key.name}`" in page()
    if key.shape.is_secret:
        assert f".{key.name}'`" in page()
        return
    assert key.shape.example
    if "..." in key.shape.example:
        return  # abbreviated, because the whole is long
    info = next(info for name, info in model.model_fields.items() if (info.alias or name) == key.name)
    TypeAdapter(info.rebuild_annotation()).validate_python(yaml.safe_load(key.shape.example))


def test_the_schemas_are_schemas() -> None:
    for validator in (STACK, NODES):
        jsonschema.Draft7Validator.check_schema(validator.schema)


VALID: list[dict[str, Any]] = [
    {},
    {"docker": None, "kubelet": None},
    {"nodes": ..., "nodesFile": ".sandbox/nodes.yaml"},
    {"ssh/privateKeyFile": ..., "ssh/privateKey": ENCRYPTED},
    {"nodes/worker-1/ssh/password": ENCRYPTED},
    {"cluster/kubeconfigFile": ..., "cluster/kubeconfig": ENCRYPTED},
    {"kubernetes": ..., "nodes/worker-1/kubernetes": {"version": "1.37.2"}},
    {"calico": {"cniPlugins": {}}, "nodes/worker-1/docker": {"criDockerd": None}},
]


@pytest.mark.parametrize("changes", VALID)
def test_the_schema_takes(changes: dict[str, Any]) -> None:
    STACK.validate(stack_file(example.changed(example.raw(), changes)))


def test_the_schema_leaves_alone_what_is_not_this_project_s() -> None:
    mine = stack_file(example.raw())
    mine["config"]["aws:region"] = "eu-central-1"
    STACK.validate({"encryptionsalt": "v1:…", "environment": ["prod"], **mine})


@pytest.mark.parametrize("name", ["Pulumi.dev.yaml", "Pulumi.prod.yaml.example"])
def test_the_shipped_stacks_fit_the_schema_and_name_it(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=docs/configuration.schema.json\n")
    STACK.validate(yaml.safe_load(text))


def test_the_map_of_nodes_fits_the_schema_of_nodes() -> None:
    NODES.validate(example.raw()["nodes"])
    # Pulumi does not decrypt it.
    nodes = example.changed(example.raw(), {"nodes/worker-1/ssh/password": ENCRYPTED})["nodes"]
    assert not NODES.is_valid(nodes)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.sampled_from(list(test_fuzz.places(example.raw()))), value=test_fuzz.values)
def test_whatever_load_takes_the_schema_takes(place: tuple[Any, ...], value: object) -> None:
    raw = example.raw()
    target: Any = raw
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    with tempfile.TemporaryDirectory() as directory:
        example.write_project(Path(directory))
        try:
            load(raw, Path(directory))
        except SettingsError:
            return
    STACK.validate(stack_file(raw))


REFUSED: list[dict[str, Any]] = [
    {"nods": {}},
    {"docker": {"log_max_size": "10m"}},
    {"docker": []},
    {"docker": {"images": {}}},
    {"docker": {"images": [{"path": "images/pause.tar"}]}},
    {"docker": {"pauseImage": "pause:latest"}},
    {"docker": {"logMaxSize": "10 MB"}},
    {"cluster/podCidr": ...},
    {"cluster": ...},
    {"cluster/podCidr": "10.244.0.0"},
    {"cluster/server": "http://10.0.0.1:8080"},
    {"cluster/dns": {}},
    {"nodes": {}},
    {"nodes": []},
    {"nodes": ...},
    {"nodesFile": "nodes.yaml"},
    {"nodes/Worker": {"address": "10.0.0.9"}},
    {"nodes/worker-1/address": ...},
    {"nodes/worker-1/address": "a b"},
    {"nodes/worker-1/address": ENCRYPTED},
    {"nodes/worker-1/labels": {"a": True}},
    {"nodes/worker-1/labels": {"a b": "x"}},
    {"nodes/worker-1/labels": {"a": "on off"}},
    {"nodes/worker-1/cluster": {}},
    {"kubernetes/version": 1.3},
    {"kubernetes/version": "1.37"},
    {"ssh/port": "22"},
    {"ssh/port": 0},
    {"ssh/password": {"secret": "x"}},
    {"drain": {"force": "yes"}},
    {"host": {"swap": False}},
    {"host": {"sysctls": {"net.core.somaxconn": "1; rm"}}},
    {"host": {"packages": ["$(id)"]}},
    {"kubelet": {"extraFlags": {"v": "4 --x"}}},
    {"kubelet": {"extraConfig": []}},
    {"kubeProxy": {"mode": "userspace"}},
    {"rollout": {"batchSize": 0}},
]  # fmt: skip


@pytest.mark.parametrize("changes", REFUSED, ids=str)
def test_the_schema_refuses_what_load_refuses(changes: dict[str, Any], tmp_path: Path) -> None:
    assert not STACK.is_valid(stack_file(example.changed(example.raw(), changes)))
    if ENCRYPTED not in changes.values():
        assert example.problems(tmp_path, changes)


def test_the_examples_of_the_page_are_not_refused(tmp_path: Path) -> None:
    """Sections made of nothing but examples are sections."""
    for name, model in (*STACK_SECTIONS.items(), *NODE_SECTIONS.items()):
        written = {
            key.name: yaml.safe_load(key.shape.example)
            for key in keys_of(model)
            if not key.shape.is_secret and "..." not in key.shape.example
        }
        try:
            model.model_validate(written)
        except ValidationError as error:
            pytest.fail(f"{name}: {error}")


def test_a_plain_secret_in_the_stack_file_is_still_a_configuration(tmp_path: Path) -> None:
    """Pulumi decrypts before the program sees it, so `load` cannot tell; the schema does not try either."""
    raw = example.changed(example.raw(), {"nodes/worker-1/ssh/password": "plain"})
    STACK.validate(stack_file(raw))
    example.write_project(tmp_path)
    try:
        load(raw, tmp_path)
    except SettingsError as error:
        pytest.fail(str(error))
