"""The recipes: scripts that shells accept, programs that do what they say."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox import images

_SCRIPTS = sorted(
    path
    for path in images.HERE.rglob("*")
    if path.is_file() and not path.is_symlink() and path.read_bytes().startswith(b"#!/bin/sh")
)
_WITHOUT, _WITH = "000001fffeffffff", "000001ffffffffff"


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.relative_to(images.HERE).as_posix())
def test_scripts_are_clean(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)
    if shutil.which("shellcheck"):
        run = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout


def test_there_are_scripts() -> None:
    assert len(_SCRIPTS) >= 7


def test_every_unit_that_is_wanted_exists() -> None:
    links = [path for path in images.HERE.rglob("*.wants/*") if path.is_symlink()]
    assert len(links) >= 6
    for link in links:
        assert link.resolve().is_file(), link


def test_every_program_that_a_unit_of_ours_starts_is_in_its_image() -> None:
    for unit in images.HERE.rglob("*.service"):
        if unit.is_symlink():
            continue
        for line in unit.read_text(encoding="utf-8").splitlines():
            if line.startswith("ExecStart=/usr/local/lib/sandbox/"):
                program = line.removeprefix("ExecStart=/")
                assert any(
                    (images.HERE / image / "rootfs" / program).exists() for image in ("host", "control-plane")
                )


def test_the_recipe_names_the_image_and_its_base_apart() -> None:
    one, other = images.HostImage("bookworm"), images.HostImage("trixie")
    assert one.tag != other.tag
    assert one.base != other.base


def _runc(tmp_path: Path, capabilities: str) -> Path:
    """The wrapper, with a runc and a process status of the test's own."""
    status = tmp_path / "status"
    status.write_text(f"Name:\tsh\nCapBnd:\t{capabilities}\n", encoding="utf-8")
    runc = tmp_path / "real-runc"
    runc.write_text('#!/bin/sh\nprintf "%s|" "$@"\n', encoding="utf-8")
    runc.chmod(0o755)
    script = (images.HERE / "host/rootfs/usr/local/sbin/runc").read_text(encoding="utf-8")
    changed = script.replace("/usr/sbin/runc", str(runc)).replace("/proc/self/status", str(status))
    wrapper = tmp_path / "runc"
    wrapper.write_text(changed, encoding="utf-8")
    wrapper.chmod(0o755)
    return wrapper


def _bundle(folder: Path) -> Path:
    capabilities = ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"]
    process = {
        "oomScoreAdj": -998,
        "capabilities": {
            "bounding": capabilities,
            "effective": capabilities[1:],
            "permitted": capabilities[:2],
            "ambient": ["CAP_SYS_RESOURCE"],
        },
        "args": ["sh", "-c", 'echo "oomScoreAdj":-5'],
    }
    folder.mkdir()
    config = folder / "config.json"
    config.write_text(json.dumps({"process": process}, separators=(",", ":")), encoding="utf-8")
    return config


def test_where_the_machine_lacks_the_capability_nobody_asks_for_it(tmp_path: Path) -> None:
    config = _bundle(tmp_path / "bundle")
    wrapper = _runc(tmp_path, _WITHOUT)
    arguments = ["--root", "/run/runc", "create", "--bundle", str(config.parent), "id"]
    run = subprocess.run([wrapper, *arguments], check=True, capture_output=True, text=True)
    assert run.stdout == "".join(f"{argument}|" for argument in arguments)
    process = json.loads(config.read_text(encoding="utf-8"))["process"]
    assert process["oomScoreAdj"] == 0
    assert process["capabilities"] == {
        "bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"],
        "effective": ["CAP_SYS_ADMIN"],
        "permitted": ["CAP_CHOWN"],
        "ambient": [],
    }
    assert process["args"] == ["sh", "-c", 'echo "oomScoreAdj":-5']


@pytest.mark.parametrize("joined", [True, False])
def test_a_process_that_joins_is_restrained_too(tmp_path: Path, joined: bool) -> None:
    config = _bundle(tmp_path / "bundle")
    option = [f"--process={config}"] if joined else ["--process", str(config)]
    subprocess.run([_runc(tmp_path, _WITHOUT), "exec", *option, "id"], check=True, capture_output=True)
    assert "CAP_SYS_RESOURCE" not in config.read_text(encoding="utf-8")


def test_elsewhere_nothing_is_changed(tmp_path: Path) -> None:
    config = _bundle(tmp_path / "bundle")
    before = config.read_bytes()
    subprocess.run(
        [_runc(tmp_path, _WITH), "create", "--bundle", config.parent, "id"], check=True, capture_output=True
    )
    assert config.read_bytes() == before


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_pause_goes_when_it_is_told_to(tmp_path: Path) -> None:
    program = images._compile(images.HERE / "pause", tmp_path / "pause")
    with subprocess.Popen([program]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
