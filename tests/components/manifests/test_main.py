"""Manifests are fetched once, compared, and kept where a preview reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.manifests.__main__ import main
from components.settings import SettingsError, load
from tests.components import example

MANIFEST = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: calico-config, namespace: kube-system}\n"
SHA256 = hashlib.sha256(MANIFEST).hexdigest()
NAME = "calico/v3.33.1/manifests/calico.yaml"
KEPT = f"manifests/calico-{SHA256[:12]}.yaml"


class Source:
    """What is asked for, and one answer to all."""

    def __init__(self, content: bytes = MANIFEST) -> None:
        self.content, self.asked = content, list[str]()

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        return self.content


def _project(directory: Path, calico: dict[str, Any], *lines: str) -> dict[str, Any]:
    example.write_project(directory)
    with (directory / "SHA256SUMS").open("a") as sums:
        sums.writelines(lines)
    raw = example.changed(example.raw(), {"calico": calico})
    (directory / "Pulumi.yaml").write_text("name: kubenode\n")
    config = {f"kubenode:{key}": value for key, value in raw.items()}
    (directory / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": config}))
    return raw


def _fetch(directory: Path, source: Source) -> int:
    return main(["--stack", "prod", "--project-dir", str(directory)], source)


def test_the_release_s_own_file_is_fetched_once_and_then_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = _project(tmp_path, {"mode": "manifest", "version": "3.33.1"}, f"{SHA256}  {NAME}\n")
    with pytest.raises(SettingsError, match="fetch it with 'make calico-manifest STACK=<stack>'"):
        load(raw, tmp_path)
    source = Source()
    assert _fetch(tmp_path, source) == 0
    assert f"{KEPT}: fetched from {example.MIRROR}/{NAME}" in capsys.readouterr().out
    assert (tmp_path / KEPT).read_bytes() == MANIFEST
    assert _fetch(tmp_path, source) == 0
    assert f"{KEPT}: there already" in capsys.readouterr().out
    assert source.asked == [f"{example.MIRROR}/{NAME}"]
    (file,) = load(raw, tmp_path).calico.manifests
    assert (file.name, file.objects[0]["kind"]) == (KEPT, "ConfigMap")


def test_another_file_than_expected_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _project(tmp_path, {"mode": "manifest", "version": "3.33.1"}, f"{SHA256}  {NAME}\n")
    assert _fetch(tmp_path, Source(b"kind: Other\n")) == 1
    assert f"expected {SHA256}; nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "manifests").exists()


def test_a_file_without_checksum_is_named_with_the_line_to_add(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _project(tmp_path, {"mode": "manifest", "version": "3.33.1"})
    assert _fetch(tmp_path, Source()) == 1
    said = capsys.readouterr().err
    assert "compare that with what Calico's release says" in said
    assert said.rstrip().endswith(f"{SHA256}  {NAME}")
    assert not (tmp_path / "manifests").exists()


def test_a_url_of_one_s_own(tmp_path: Path) -> None:
    url = "https://files.example.org/custom.yaml"
    calico = {"mode": "manifest", "version": "3.33.1", "manifests": [{"url": url, "sha256": SHA256}]}
    raw = _project(tmp_path, calico)
    source = Source()
    assert _fetch(tmp_path, source) == 0
    assert source.asked == [url]
    assert load(raw, tmp_path).calico.manifests[0].name == f"manifests/custom-{SHA256[:12]}.yaml"


@pytest.mark.parametrize(
    "calico", [{"mode": "existing"}, {"mode": "manifest", "version": "3.33.1", "manifests": [{"file": "x"}]}]
)
def test_nothing_to_fetch(calico: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _project(tmp_path, calico)
    assert _fetch(tmp_path, Source()) == 0
    assert "nothing to fetch" in capsys.readouterr().out


def test_a_kept_file_that_somebody_changed_is_refused(tmp_path: Path) -> None:
    raw = _project(tmp_path, {"mode": "manifest", "version": "3.33.1"}, f"{SHA256}  {NAME}\n")
    assert _fetch(tmp_path, Source()) == 0
    (tmp_path / KEPT).write_bytes(MANIFEST + b"# more\n")
    with pytest.raises(SettingsError, match="has the SHA-256"):
        load(raw, tmp_path)
