"""`Pulumi.prod.yaml.example`: it loads as it is, and has every key of the models, commented out or not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from components.settings import SettingsError, StackSettings, load
from components.settings.__main__ import ROOT
from components.settings.documents import document_of
from components.settings.reference import Key, keys_of
from components.settings.schema import stack_schema
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS, NodeSection
from tests.components import example

TEXT = (ROOT / "Pulumi.prod.yaml.example").read_text(encoding="utf-8")
# Prose has one space after its "#"; a key has none, and the lines below it have two or more.
_COMMENTED = re.compile(r"^( +)#(?! \S)(.+)$", re.MULTILINE)


def raw_of(text: str) -> dict[str, Any]:
    document: Any = document_of(text).value
    return {key.removeprefix("kubenode:"): value for key, value in document["config"].items()}


def uncommented() -> str:
    return _COMMENTED.sub(r"\1\2", TEXT)


def loaded(raw: dict[str, Any], directory: Path) -> StackSettings:
    """With the files that it names. The checksums are those that the first report asks for."""
    (directory / "secrets").mkdir(exist_ok=True)
    (directory / raw["cluster"]["kubeconfigFile"]).write_text(example.kubeconfig())
    (directory / raw["ssh"]["privateKeyFile"]).write_text(example.private_key())
    checksums = directory / raw["downloads"]["checksumsFile"]
    checksums.write_text("")
    try:
        load(raw, directory)
    except SettingsError as error:
        names = re.findall(r"no SHA-256 for (\S+):", str(error))
        if len(names) != len(error.problems):
            raise AssertionError(str(error)) from error
        checksums.write_text("".join(f"{example.checksum(name)}  {name}\n" for name in names))
    return load(raw, directory)


def test_it_loads_as_it_is(tmp_path: Path) -> None:
    settings = loaded(raw_of(TEXT), tmp_path)
    settings.require_files()
    assert sorted(settings.nodes) == ["worker-1", "worker-2", "worker-3"]
    assert settings.nodes["worker-2"].ssh.user == "operator"
    assert settings.nodes["worker-2"].kubelet.extra_config["maxPods"] == 55


def test_it_fits_the_schema_as_it_is_and_with_every_comment_taken_away() -> None:
    whole: Any = document_of(uncommented()).value
    del whole["config"]["kubenode:nodesFile"]
    validator = jsonschema.Draft7Validator(stack_schema())
    abbreviated = {"caData"}
    for document in (document_of(TEXT).value, whole):
        found = [one for one in validator.iter_errors(document) if not abbreviated & set(one.absolute_path)]
        assert not found


def wanted() -> Iterator[tuple[str, ...]]:
    for section, model in {**STACK_SECTIONS, **NODE_SECTIONS}.items():
        yield from ((section, *path) for path in paths(model))
    yield from (("nodes", "*", *path) for path in paths(NodeSection))


def paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for key in keys_of(model):
        yield (key.name,)
        yield from ((key.name, *below) for below in _below(key))


def _below(key: Key) -> Iterator[tuple[str, ...]]:
    shape = key.shape
    if shape.table is not None:
        yield from paths(shape.table)
    for inner in (shape.items, shape.values):
        if inner is not None and inner.table is not None:
            yield from (("*", *path) for path in paths(inner.table))


def is_there(value: object, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    first, *rest = path
    if first == "*":
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        return any(is_there(one, tuple(rest)) for one in inner)
    return isinstance(value, dict) and first in value and is_there(value[first], tuple(rest))


@pytest.mark.parametrize("path", list(wanted()), ids=".".join)
def test_it_has_every_key_of_the_models(path: tuple[str, ...]) -> None:
    assert is_there(raw_of(uncommented()), path)


def test_each_section_alone_is_fine_with_its_comments_taken_away(tmp_path: Path) -> None:
    """One section at a time, without the keys that contradict each other."""
    either_or = {
        "kubeconfig",
        "privateKey",
        "agent",
        "password",
        "hostKey",
        "insecureIgnoreHostKey",
        "caData",
        # Each for one source of Docker.
        "repository",
        "archive",
        # For another issuer.
        "ca",
        # For another client.
        "static",
    }
    whole = raw_of(uncommented())
    for section in {**STACK_SECTIONS, **NODE_SECTIONS}:
        values = {key: value for key, value in whole[section].items() if key not in either_or}
        if section == "docker":
            values["images"] = [image for image in values["images"] if "url" in image]
            # As pulumi decrypts it.
            values["registries"] = {
                name: {**login, "password": "word"} for name, login in values["registries"].items()
            }
        if section == "ssh":
            kept = {**values["bastion"], "privateKeyFile": values["privateKeyFile"]}
            values["bastion"] = {key: kept[key] for key in kept if key not in either_or - {"hostKey"}}
        if section == "cluster":
            values["context"] = "admin@example"
        if section == "calico":
            # The file is none of the example's, and the key is as Pulumi decrypts it.
            values |= {"mode": "manifest", "datastore": "etcd", "manifests": [{"file": "calico.yaml"}]}
            values["etcd"] = {
                "endpoints": values["etcd"]["endpoints"],
                **{
                    f"{part}File": values["etcd"][f"{part}File"]
                    for part in ("ca", "certificate", "privateKey")
                },
            }
            (tmp_path / "secrets/etcd-ca.pem").write_text(example.CA_PEM)
            (tmp_path / "secrets/etcd-client.pem").write_text(example.CA_PEM)
            (tmp_path / "secrets/etcd-client-key.pem").write_text(example.private_key(words="PRIVATE KEY"))
            shutil.copy(ROOT / "tests/support/calico.yaml", tmp_path)
        loaded({**raw_of(TEXT), section: values}, tmp_path)


def test_a_commented_key_with_a_simple_default_shows_it() -> None:
    """Who takes the comment away and changes nothing expects no change."""
    whole, plain = raw_of(uncommented()), raw_of(TEXT)
    compared = 0
    for section, model in {**STACK_SECTIONS, **NODE_SECTIONS}.items():
        for key in keys_of(model):
            if key.name not in (plain[section] or {}) and isinstance(key.default_value, str | int):
                assert whole[section][key.name] == key.default_value, f"{section}.{key.name}"
                compared += 1
    assert compared > 15
