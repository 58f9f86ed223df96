"""The toolkit: the same text everywhere, and each part's digest follows what that part does."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile

import pytest

from components.remote import toolkit


def _members() -> dict[str, tarfile.TarInfo]:
    archive = gzip.decompress(base64.b64decode(toolkit.payload()))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: entry for entry in tar}


def _contents() -> dict[str, str]:
    archive = gzip.decompress(base64.b64decode(toolkit.payload()))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read().decode() for name, file in found.items() if file is not None}


def test_the_payload_holds_every_script_and_the_library() -> None:
    assert _contents() == {name: toolkit.packed(name) for name in [toolkit.LIBRARY, *toolkit.SCRIPTS]}


def test_the_payload_says_nothing_of_who_packed_it_or_when() -> None:
    for entry in _members().values():
        assert (entry.mode, entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) == (
            0o755,
            0,
            0,
            "",
            "",
            0,
        )
        assert entry.isfile()


def test_the_head_of_the_payload_is_the_same_for_every_release_of_python() -> None:
    """Magic, method, no flags, no time, best compression, an unknown system: there, 3.12 and 3.13 differ."""
    assert base64.b64decode(toolkit.payload())[:10] == b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"


def test_the_payload_is_base64_that_one_decoder_on_any_host_reads() -> None:
    assert len(toolkit.payload()) % 4 == 0
    assert base64.b64decode(toolkit.payload(), validate=True)
    # Every state has it twice for each node: docs/decisions/state-size.md.
    assert len(toolkit.payload()) < 36_000


@pytest.mark.parametrize("name", [toolkit.LIBRARY, *toolkit.SCRIPTS])
def test_what_is_sent_is_the_script_without_its_comments(name: str) -> None:
    sent, source = toolkit.packed(name).splitlines(), toolkit.source(name).splitlines()
    assert sent[0] == source[0]
    assert [line for line in sent[1:] if line.lstrip().startswith("#") or not line.strip()] == []
    kept = iter(source)
    assert all(line in kept for line in sent), "in another order"
    dropped = [line for line in source if line not in set(sent)]
    assert all(line.lstrip().startswith("#") or not line.strip() for line in dropped)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Texts that a test may change instead of the tree's."""
    texts = {name: toolkit.source(name) for name in [toolkit.LIBRARY, *toolkit.SCRIPTS]}
    monkeypatch.setattr(toolkit, "source", texts.__getitem__)
    monkeypatch.setattr(toolkit, "script_digest", toolkit.script_digest.__wrapped__)
    monkeypatch.setattr(toolkit, "digest", toolkit.digest.__wrapped__)
    return texts


def test_a_part_has_a_digest_of_its_own(sources: dict[str, str]) -> None:
    digests = {part: toolkit.script_digest(part) for part in toolkit.SCRIPTS}
    assert len(set(digests.values())) == len(digests)
    assert all(len(digest) == 12 and int(digest, 16) >= 0 for digest in digests.values())
    whole = toolkit.digest()

    sources["docker"] = sources["docker"].replace("docker", "docker2", 1).replace("set -eu", "set -eu; :", 1)
    changed = {part for part in digests if toolkit.script_digest(part) != digests[part]}
    assert changed == {"docker"}
    assert toolkit.digest() != whole


def test_the_library_is_part_of_every_part(sources: dict[str, str]) -> None:
    digests = {part: toolkit.script_digest(part) for part in toolkit.SCRIPTS}
    sources[toolkit.LIBRARY] += "kn_more() { :; }\n"
    assert {part for part in digests if toolkit.script_digest(part) != digests[part]} == set(digests)


def test_a_comment_reaches_no_host(sources: dict[str, str]) -> None:
    digests, whole = {part: toolkit.script_digest(part) for part in toolkit.SCRIPTS}, toolkit.digest()
    for name in sources:
        sources[name] += "\n# A word to the reader.\n    # Another.\n"
    assert {part: toolkit.script_digest(part) for part in toolkit.SCRIPTS} == digests
    assert toolkit.digest() == whole
