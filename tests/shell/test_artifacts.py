"""Downloads: verified before anything is changed, continued where they were cut off, gone afterwards."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.remote.bundle import Artifact, HostFile
from tests.shell import bundles
from tests.shell.box import RECORD, Box

BINARY = "/usr/local/bin/tool"
CONTENT = b"".join(b"%08d\n" % n for n in range(40_000))
DIGEST = hashlib.sha256(CONTENT).hexdigest()
URL = "http://127.0.0.1:8099"

# /cut ends every answer that is not a continuation after a third; /plain knows no ranges; each request is noted.
_SERVER = """
import http.server, pathlib, sys
CONTENT = pathlib.Path(sys.argv[1]).read_bytes()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    def do_GET(self):
        wanted = self.headers.get("Range")
        with open(sys.argv[2], "a") as log:
            log.write(f"{self.path} {wanted}\\n")
        if self.path.startswith("/away"):
            return self.send_error(404)
        begin = 0
        if wanted and not self.path.startswith("/plain"):
            begin = int(wanted.removeprefix("bytes=").split("-")[0])
            if begin >= len(CONTENT):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        cut = self.path.startswith("/cut") and not begin
        self.wfile.write(CONTENT[begin : len(CONTENT) // 3 if cut else None])
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler)
print("up", flush=True)
server.serve_forever()
"""


@contextmanager
def _server(box: Box, folder: Path, content: bytes = CONTENT) -> Iterator[Path]:
    """A mirror in the box's network, for the real curl. Yields the file that notes each request."""
    log = folder / "requests"
    log.write_text("")
    (folder / "content").write_bytes(content)
    enter = ["nsenter", "--target", str(box.holder), "--net"]
    command = [*enter, sys.executable, "-c", _SERVER, str(folder / "content"), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "up\n"
            yield log
        finally:
            server.kill()


@pytest.fixture
def mirror(host: Box, tmp_path: Path) -> Iterator[Path]:
    host.path("/stubs/curl").unlink()
    with _server(host, tmp_path) as log:
        yield log


def _tool(url: str, digest: str = DIGEST, **more: str) -> Artifact:
    return Artifact("tool", BINARY, url, digest, **more)


def _bundle(host: Box, *artifacts: Artifact) -> str:
    return host.bundle("calico", HostFile("x", "/etc/x", "x\n"), artifacts=artifacts)


def _apply(host: Box, *artifacts: Artifact) -> str:
    done = host.run("calico", "apply", _bundle(host, *artifacts))
    assert done.returncode == 0, done.stderr
    assert not host.path(f"{RECORD}/downloads").exists()
    return done.stdout


def test_a_binary_is_fetched_once_and_the_folder_of_downloads_goes(host: Box, mirror: Path) -> None:
    assert f"changed {BINARY}" in _apply(host, _tool(f"{URL}/tool"))
    assert host.path(BINARY).read_bytes() == CONTENT
    assert stat.S_IMODE(host.path(BINARY).stat().st_mode) == 0o755
    assert _apply(host, _tool(f"{URL}/tool")) == "calico: nothing to change\n"
    assert mirror.read_text() == "/tool None\n"


def test_another_address_of_the_same_content_is_not_fetched(host: Box, mirror: Path) -> None:
    _apply(host, _tool(f"{URL}/tool"))
    assert _apply(host, _tool(f"{URL}/elsewhere")) == "calico: nothing to change\n"
    assert mirror.read_text() == "/tool None\n"


@pytest.mark.parametrize("spoil", ["rm", "chmod 0700", "truncate -s 5"])
def test_what_is_not_in_place_any_more_is_fetched_again(host: Box, mirror: Path, spoil: str) -> None:
    _apply(host, _tool(f"{URL}/tool"))
    right = host.state()
    host.shell(f"{spoil} {BINARY}")
    _apply(host, _tool(f"{URL}/tool"))
    assert host.state() == right


def test_a_download_that_breaks_off_is_continued_in_the_same_apply(host: Box, mirror: Path) -> None:
    _apply(host, _tool(f"{URL}/cut"))
    assert host.path(BINARY).read_bytes() == CONTENT
    assert mirror.read_text() == f"/cut None\n/cut bytes={len(CONTENT) // 3}-\n"


def test_a_download_that_was_killed_is_continued_by_the_next_apply(host: Box, mirror: Path) -> None:
    _put_part(host, CONTENT[:1000])
    _apply(host, _tool(f"{URL}/tool"))
    assert host.path(BINARY).read_bytes() == CONTENT
    assert mirror.read_text() == "/tool bytes=1000-\n"


def _put_part(host: Box, content: bytes) -> None:
    part = host.path(f"{RECORD}/downloads/{DIGEST}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(content)


@pytest.mark.parametrize(
    "begun",
    [b"something else that begins differently", CONTENT, CONTENT + b"and more"],
    ids=["other", "whole", "longer"],
)
@pytest.mark.parametrize("path", ["tool", "plain"])
def test_whatever_an_earlier_download_left_does_no_harm(
    host: Box, mirror: Path, begun: bytes, path: str
) -> None:
    _put_part(host, begun)
    _apply(host, _tool(f"{URL}/{path}"))
    assert host.path(BINARY).read_bytes() == CONTENT


def test_a_part_survives_a_mirror_that_is_away(host: Box, mirror: Path) -> None:
    _put_part(host, CONTENT[:1000])
    assert host.run("calico", "apply", _bundle(host, _tool(f"{URL}/away"))).returncode == 1
    _apply(host, _tool(f"{URL}/tool"))
    assert mirror.read_text().splitlines()[-1] == "/tool bytes=1000-"


def test_a_wrong_checksum_changes_nothing_and_names_both(host: Box, mirror: Path) -> None:
    _apply(host, _tool(f"{URL}/tool"))
    before = host.state()
    wrong = "0" * 64
    bundle = host.bundle("calico", HostFile("x", "/etc/x", "new\n"), artifacts=[_tool(f"{URL}/tool", wrong)])
    done = host.run("calico", "apply", bundle)
    assert done.returncode == 1
    assert f"{URL}/tool has SHA-256 {DIGEST}, expected {wrong}. Nothing was changed." in done.stderr
    assert host.state() == before
    # The next one starts anew.
    assert host.run("calico", "apply", bundle).returncode == 1
    assert mirror.read_text().splitlines()[-1] == "/tool None"


def test_the_second_of_two_downloads_fails_before_the_first_is_put(host: Box, mirror: Path) -> None:
    before = host.state()
    artifacts = [_tool(f"{URL}/tool"), Artifact("other", "/usr/local/bin/other", f"{URL}/away", "0" * 64)]
    done = host.run("calico", "apply", _bundle(host, *artifacts))
    assert done.returncode == 1
    assert f"cannot download {URL}/away: curl: (22)" in done.stderr
    assert "downloads.mirror" in done.stderr
    after = host.state()
    assert {path for path in after if path not in before} <= {
        "/opt/cni",
        "/opt/cni/bin",
        "/etc/cni",
        "/etc/cni/net.d",
    }


def test_one_member_of_an_archive(host: Box, tmp_path: Path) -> None:
    before = host.state()
    url, digest = bundles.mirrored(host, bundles.archive({"a/tool": "the tool\n", "a/other": "not wanted\n"}))
    artifact = _tool(url, digest, member="a/tool")
    _apply(host, artifact)
    assert host.text(BINARY) == "the tool\n"
    about = host.path(BINARY).stat()
    # The archive says 0700 and owner 1234.
    assert (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid) == (0o755, 0, 0)
    assert _apply(host, artifact) == "calico: nothing to change\n"
    assert host.run("calico", "remove", _bundle(host)).returncode == 0
    assert host.state() == before


def test_a_member_that_is_not_there_is_an_error(host: Box) -> None:
    url, digest = bundles.mirrored(host, bundles.archive({"a/tool": "x\n"}))
    done = host.run("calico", "apply", _bundle(host, _tool(url, digest, member="b/tool")))
    assert done.returncode == 1
    assert "Not found in archive" in done.stderr
    assert not host.path(BINARY).exists()


def test_what_is_no_archive_is_an_error(host: Box) -> None:
    url, digest = bundles.mirrored(host, "no archive\n")
    done = host.run("calico", "apply", _bundle(host, _tool(url, digest, member="a")))
    assert done.returncode == 1
    assert "not in gzip format" in done.stderr


def test_all_members_of_an_archive_and_theirs_stay(host: Box) -> None:
    host.put("/opt/cni/bin/theirs", "theirs\n", 0o755)
    host.put("/opt/cni/bin/bridge", "their bridge\n", 0o700)
    before = host.state()
    members = {"./bridge": "bridge 1\n", "./sub/host-local": "host-local\n", "./with space": "x\n"}
    bundle = bundles.calico(host, plugins=members)
    assert host.run("calico", "apply", bundle).returncode == 0
    assert host.text("/opt/cni/bin/bridge") == "bridge 1\n"
    assert host.text("/opt/cni/bin/sub/host-local") == "host-local\n"
    assert host.text("/opt/cni/bin/with space") == "x\n"
    assert host.run("calico", "apply", bundle).stdout == "calico: nothing to change\n"

    fewer = bundles.calico(host, plugins={"./bridge": "bridge 2\n"})
    said = host.run("calico", "apply", fewer).stdout
    assert "changed /opt/cni/bin/bridge" in said
    assert "gave back /opt/cni/bin/sub/host-local" in said
    assert "gave back /opt/cni/bin/with space" in said
    assert host.text("/opt/cni/bin/bridge") == "bridge 2\n"

    assert host.run("calico", "remove", fewer).returncode == 0
    assert host.state() == before


def test_members_do_not_leave_their_directory(host: Box) -> None:
    """An archive that was verified is trusted with its content, not with the rest of the host."""
    before = host.text("/etc/hostname")
    host.run(
        "calico", "apply", bundles.calico(host, plugins={"../../../../../../etc/evil": "x\n", "ok": "y\n"})
    )
    assert not host.path("/etc/evil").exists()
    assert host.text("/etc/hostname") == before


def test_a_part_that_is_removed_after_a_failed_download_leaves_nothing(host: Box, mirror: Path) -> None:
    before = host.state()
    assert host.run("calico", "apply", _bundle(host, _tool(f"{URL}/away"))).returncode == 1
    assert host.run("calico", "remove", _bundle(host)).returncode == 0
    assert host.state() == before


def test_a_program_that_runs_is_replaced_all_the_same(host: Box) -> None:
    """Writing into a running binary is refused by the kernel; a rename is not."""
    sleep = Path("/usr/bin/sleep").resolve().read_bytes()
    url, digest = bundles.mirrored(host, sleep)
    _apply(host, _tool(url, digest))
    running = host.start(f"exec {BINARY} 60")
    host.shell(f"until grep -q {BINARY} /proc/*/cmdline 2>/dev/null; do sleep 0.02; done")
    _apply(host, _tool(*bundles.mirrored(host, "other\n")))
    assert host.text(BINARY) == "other\n"
    assert host.run("calico", "remove", _bundle(host)).returncode == 0
    assert not host.path(BINARY).exists()
    running.kill()
