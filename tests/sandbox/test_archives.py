"""Archives have the same bytes whenever and wherever they are made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from sandbox import archives
from sandbox.archives import Member


def _tree(root: Path) -> Path:
    (root / "etc" / "unit.wants").mkdir(parents=True)
    (root / "etc" / "plain").write_text("text", encoding="utf-8")
    (root / "etc" / "script").write_text("#!/bin/sh\n", encoding="utf-8")
    (root / "etc" / "script").chmod(0o755)
    (root / "etc" / "masked").symlink_to("/dev/null")
    return root


def test_a_tgz_depends_on_contents_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"binary" * 1000)
    members = [Member("./b", program), Member("./a", b"text")]
    archives.write_tgz(tmp_path / "one.tgz", members)
    os.utime(program, (1, 1))
    program.chmod(0o600)
    monkeypatch.setattr("time.time", lambda: 5e8)
    archives.write_tgz(tmp_path / "other name.tgz", reversed(members))
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "other name.tgz").read_bytes()
    with tarfile.open(tmp_path / "one.tgz") as archive:
        assert archive.getnames() == ["./a", "./b"]
        assert {(info.mode, info.mtime, info.uid) for info in archive.getmembers()} == {(0o755, 0, 0)}
    assert not list(tmp_path.glob("*.part"))


def test_a_tgz_of_other_contents_differs(tmp_path: Path) -> None:
    archives.write_tgz(tmp_path / "one", [Member("a", b"1")])
    archives.write_tgz(tmp_path / "other", [Member("a", b"2")])
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_a_tree_keeps_execute_bits_and_links(tmp_path: Path) -> None:
    content = archives.tree_tar(_tree(tmp_path / "root"))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = {info.name: info for info in archive.getmembers()}
    assert found["etc/plain"].mode == 0o644
    assert found["etc/script"].mode == 0o755
    assert found["etc/masked"].linkname == "/dev/null"
    assert found["etc/unit.wants"].isdir()
    assert {info.uid for info in found.values()} == {0}


def test_a_tree_is_the_same_at_another_place_and_time(tmp_path: Path) -> None:
    one, other = _tree(tmp_path / "one"), _tree(tmp_path / "other")
    os.utime(other / "etc" / "plain", (5, 5))
    assert archives.tree_tar(one) == archives.tree_tar(other)


def test_the_digest_of_a_recipe_sees_every_change(tmp_path: Path) -> None:
    root = _tree(tmp_path / "recipe")
    seen = {archives.tree_digest(root)}

    def changed() -> None:
        digest = archives.tree_digest(root)
        assert digest not in seen
        seen.add(digest)

    (root / "etc" / "plain").write_text("other", encoding="utf-8")
    changed()
    (root / "etc" / "plain").chmod(0o755)
    changed()
    (root / "etc" / "masked").unlink()
    (root / "etc" / "masked").symlink_to("/dev/zero")
    changed()
    (root / "etc" / "plain").rename(root / "etc" / "renamed")
    changed()
    (root / "etc" / "new").touch()
    changed()


def test_the_digest_of_a_recipe_does_not_see_where_and_when(tmp_path: Path) -> None:
    one, other = _tree(tmp_path / "a" / "recipe"), _tree(tmp_path / "b" / "recipe")
    os.utime(other / "etc" / "plain", (5, 5))
    assert archives.tree_digest(one) == archives.tree_digest(other)


@pytest.mark.parametrize("as_file", [True, False])
def test_an_image_names_its_layers_by_their_contents(tmp_path: Path, as_file: bool) -> None:
    layer = archives.files_tar({"/etc/motd": ("hello", 0o644)})
    source: bytes | Path = layer
    if as_file:
        source = tmp_path / "layer.tar"
        source.write_bytes(layer)
    output = io.BytesIO()
    archives.write_image(output, "example:1", [source, b"second"], {"Cmd": ["run"]})
    with tarfile.open(fileobj=io.BytesIO(output.getvalue())) as archive:

        def read(name: str) -> bytes:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()

        (manifest,) = json.loads(read("manifest.json"))
        assert manifest["RepoTags"] == ["example:1"]
        assert [read(path) for path in manifest["Layers"]] == [layer, b"second"]
        described = read(manifest["Config"])
        assert manifest["Config"] == f"{hashlib.sha256(described).hexdigest()}.json"
        image = json.loads(described)
    assert image["config"] == {"Cmd": ["run"]}
    expected = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (layer, b"second")]
    assert image["rootfs"]["diff_ids"] == expected


def test_files_for_a_container_have_their_modes_and_no_leading_slash() -> None:
    content = archives.files_tar({"/root/.ssh/authorized_keys": ("key\n", 0o600)})
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        (info,) = archive.getmembers()
    assert (info.name, info.mode, info.size) == ("root/.ssh/authorized_keys", 0o600, 4)
