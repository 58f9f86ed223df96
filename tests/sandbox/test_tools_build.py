"""Building through the public functions, with a stand-in for Go: no network, no compiling."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.tools import ToolError, cache, cli, ensure, gotoolchain, locate, manifest, prune, tools
from sandbox.tools.gotoolchain import Go
from sandbox.tools.manifest import Graph, Tool
from sandbox.tools.progress import Progress

# Answers as Go does as far as it is asked here; files beside it tell it to fail.
FAKE_GO = """\
#!/bin/sh
here=$(dirname "$0")
echo "$GOFLAGS $GOTOOLCHAIN $CGO_ENABLED: $*" >> "$here/calls"
case "$1 $2" in
"env GOVERSION") printf 'go%s\\namd64\\n' "$(cat "$here/version")" ;;
"list -m") echo "$here/module" ;;
"list -deps")
    if [ -s "$here/fetches-failing" ]; then
        sed -i 1d "$here/fetches-failing"
        echo "dial tcp: no route" >&2
        exit 1
    fi ;;
"build "*)
    while [ $# -gt 0 ]; do
        case "$1" in
        -o) out=$2; shift ;;
        example.org/*)
            case "$out" in */) file=$out${1##*/} ;; *) file=$out ;; esac
            printf half > "$file"
            if [ -e "$here/hang" ]; then touch "$here/hanging"; exec sleep 10; fi
            if [ -e "$here/broken" ]; then rm "$file"; echo "undefined: x" >&2; exit 1; fi
            printf whole > "$file" ;;
        esac
        shift
    done ;;
esac
"""
GRAPHS = (
    Graph(
        "two",
        "example.org/two",
        "-X v={version}",
        (Tool("one", "example.org/two/cmd/one", "one"), Tool("two", "example.org/two/cmd/two", "two")),
    ),
    Graph(
        "script", "example.org/s", "", (Tool("script", "example.org/s/v3", "script", extras=("cmd/helper",)),)
    ),
    Graph("two-1.0", "example.org/two", "", (Tool("one-1.0", "example.org/two/cmd/one", "one"),), older=True),
)


class Fake:
    """The stand-in and what it saw."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binary = folder / "go"
        (folder / "module" / "cmd").mkdir(parents=True)
        (folder / "module" / "cmd" / "helper").write_text("#!/bin/sh\n")
        (folder / "version").write_text("1.26.0\n")
        self.binary.write_text(FAKE_GO)
        self.binary.chmod(0o755)

    def say(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)

    @property
    def builds(self) -> list[str]:
        calls = self.folder / "calls"
        return (
            [line for line in calls.read_text().splitlines() if ": build " in line] if calls.exists() else []
        )


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    for graph, version in zip(GRAPHS, ("v1.2.3", "v3.0.1", "v1.0.9"), strict=True):
        folder = tmp_path / "checkout" / graph.folder
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text(f"module x\n\ngo 1.26.0\n\nrequire {graph.module} {version}\n")
    monkeypatch.setattr(manifest, "HERE", tmp_path / "checkout")
    for module in (manifest, gotoolchain, tools):
        monkeypatch.setattr(module, "GRAPHS", GRAPHS)
    monkeypatch.setenv("KUBENODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBENODE_TOOLS", raising=False)
    (tmp_path / "fake").mkdir()
    fake = Fake(tmp_path / "fake")
    monkeypatch.setenv("PATH", f"{fake.folder}:{os.environ['PATH']}")
    return fake


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(Console(file=(tmp_path / "said").open("w"), width=200))


def said(tmp_path: Path) -> str:
    return (tmp_path / "said").read_text()


def test_builds_what_is_missing_and_no_more(fake: Fake, progress: Progress, tmp_path: Path) -> None:
    ready = ensure(progress=progress)
    assert ready.path("one").read_text() == "whole"
    assert ready.path("two").parent == ready.path("one").parent
    assert (ready.version("one"), ready.version("script")) == ("v1.2.3", "v3.0.1")
    assert ready.bin_dirs == [ready.path("one").parent, ready.path("script").parent]
    assert len(fake.builds) == 2
    assert "[1/2] two v1.2.3" in said(tmp_path)

    assert ensure(progress=progress) == ready == locate(progress=progress)
    assert len(fake.builds) == 2

    ready.path("two").unlink()
    ensure(progress=progress)
    assert len(fake.builds) == 3
    assert "cmd/two" in fake.builds[2]
    assert "cmd/one" not in fake.builds[2]


def test_go_is_told_to_be_strict(fake: Fake, progress: Progress) -> None:
    ensure(["one"], progress=progress)
    [call] = fake.builds
    setting, _, command = call.partition(": ")
    assert setting == "-mod=readonly local 0"
    assert command.startswith("build -buildvcs=false -trimpath -ldflags -s -w -X v=v1.2.3 -o ")


def test_only_what_is_named(fake: Fake, progress: Progress) -> None:
    ready = ensure(["one"], progress=progress)
    assert list(ready.paths) == ["one"]
    assert not ready.path("one").with_name("two").exists()
    with pytest.raises(ToolError, match="two was not asked for"):
        ready.path("two")


def test_extras_lie_beside_their_program_and_can_be_run(fake: Fake, progress: Progress) -> None:
    helper = ensure(["script"], progress=progress).path("script").with_name("helper")
    assert helper.read_text() == "#!/bin/sh\n"
    assert os.access(helper, os.X_OK)


def test_older_ones_are_kept_off_the_path(fake: Fake, progress: Progress) -> None:
    ready = ensure(["one"], older=True, progress=progress)
    assert ready.path("one-1.0").name == "one"
    assert ready.version("one-1.0") == "v1.0.9"
    assert ready.bin_dirs == [ready.path("one").parent]


def test_a_new_version_is_built_beside_the_old(fake: Fake, progress: Progress) -> None:
    old = ensure(["one"], progress=progress)
    go_mod = GRAPHS[0].source / "go.mod"
    go_mod.write_text(go_mod.read_text().replace("v1.2.3", "v1.2.4"))
    new = ensure(["one"], progress=progress)
    assert new.version("one") == "v1.2.4"
    assert old.path("one").exists()
    assert prune(progress) == [old.path("one").parent.name]
    assert not old.path("one").exists()
    assert new.path("one").exists()


def test_a_failed_fetch_is_tried_once_more(fake: Fake, progress: Progress, tmp_path: Path) -> None:
    fake.say("fetches-failing", "1\n")
    assert ensure(["one"], progress=progress).path("one").exists()
    assert "trying once more" in said(tmp_path)


def test_a_fetch_that_keeps_failing_says_why_and_where(fake: Fake, progress: Progress) -> None:
    fake.say("fetches-failing", "1\n2\n3\n")
    with pytest.raises(ToolError, match=r"could not fetch the modules of one(.|\n)*no route(.|\n)*log: /"):
        ensure(["one"], progress=progress)
    assert (fake.folder / "fetches-failing").read_text() == "3\n"


def test_a_failed_build_says_what_why_and_where_and_leaves_nothing(fake: Fake, progress: Progress) -> None:
    fake.say("broken")
    with pytest.raises(
        ToolError, match=r"could not build one, two; (.|\n)*undefined: x(.|\n)*log: /"
    ) as caught:
        ensure(["one", "two"], progress=progress)
    log = Path(str(caught.value).rsplit("log: ", 1)[1])
    assert "undefined: x" in log.read_text()
    with pytest.raises(ToolError, match="not built yet: one, two"):
        locate(["one", "two"], progress=progress)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_interrupted_build_leaves_nothing_usable_and_the_next_one_builds(
    fake: Fake, progress: Progress, number: signal.Signals
) -> None:
    fake.say("hang")
    # In a process of its own, which must not survive: the fixture's settings are set there once more.
    script = f"""
import pathlib
from sandbox.tools import cli, gotoolchain, manifest, tools
from tests_graphs import GRAPHS
manifest.HERE = pathlib.Path({str(manifest.HERE)!r})
manifest.GRAPHS = gotoolchain.GRAPHS = tools.GRAPHS = GRAPHS
cli.main()
"""
    (fake.folder / "tests_graphs.py").write_text(
        f"from sandbox.tools.manifest import Graph, Tool\nGRAPHS = {GRAPHS!r}\n"
    )
    command = [sys.executable, "-c", script, "build", "--only", "one"]
    paths = os.pathsep.join([str(fake.folder), *sys.path])
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (fake.folder / "hanging").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(30) != 0

    with pytest.raises(ToolError, match="not built yet: one"):
        locate(["one"], progress=progress)
    assert not list((cache.root() / "tools").glob("*/one")) or number == signal.SIGKILL
    (fake.folder / "hang").unlink()
    assert ensure(["one"], progress=progress).path("one").read_text() == "whole"
    assert list((cache.root() / "tools").glob("*.part-*")) == []


def test_go_from_path_must_be_new_enough(
    fake: Fake, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gotoolchain, "_SYSTEM_GO", Path("/nowhere/go"))
    assert gotoolchain.find(progress).binary == fake.binary
    fake.say("version", "1.25.9")
    installed: list[Path] = []
    monkeypatch.setattr(gotoolchain, "_install", lambda _, binary: installed.append(binary))
    with pytest.raises(ToolError, match=r"older than Go 1\.26\.0"):
        gotoolchain.find(progress)
    assert installed


def test_versions_of_go_are_compared_as_numbers(fake: Fake) -> None:
    go = Go(fake.binary)
    assert go.version == "go1.26.0"
    assert go.satisfies("1.9.9")
    assert go.satisfies("1.26")
    assert not go.satisfies("1.26.1")
    fake.say("version", "1.27rc1")
    assert Go(fake.binary).satisfies("1.27.0")


def test_system_tools_come_from_path(fake: Fake, progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = Graph("pulumi", "example.org/p", "", (Tool("pulumi", "example.org/p", "pulumi"),))
    monkeypatch.setattr(manifest, "GRAPHS", (*GRAPHS, pulumi))
    monkeypatch.setenv("KUBENODE_TOOLS", "system")
    monkeypatch.setenv("PATH", f"{fake.folder}:/usr/bin:/bin")
    with pytest.raises(ToolError, match="PATH has no pulumi"):
        ensure(["one", "pulumi"], progress=progress)
    fake.say("pulumi", "#!/bin/sh\necho v9.9.9\n")
    (fake.folder / "pulumi").chmod(0o755)
    ready = ensure(["one", "pulumi"], progress=progress)
    assert ready.path("pulumi") == fake.folder / "pulumi"
    assert ready.version("pulumi") == "v9.9.9"
    assert ready.bin_dirs == [ready.path("one").parent]
    assert len(fake.builds) == 1


def test_an_unknown_setting_is_refused(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBENODE_TOOLS", "sytem")
    with pytest.raises(ToolError, match="'sytem'"):
        ensure(["one"])


def test_command_line(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> int | str | None:
        monkeypatch.setattr(sys, "argv", ["python -m sandbox.tools", *arguments])
        # The process's handler of SIGTERM is not this test's to change.
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code

    assert run("path") == 1
    assert "error: not built yet: one, two, script" in capsys.readouterr().err
    assert run("build", "--older") == 0
    listed = capsys.readouterr()
    assert "one-1.0" in listed.out
    assert "[3/3] two-1.0 v1.0.9" in listed.err
    ready = locate()
    assert run("path") == 0
    assert capsys.readouterr().out == ":".join(map(str, ready.bin_dirs)) + "\n"
    assert run("path", "two") == 0
    assert capsys.readouterr().out == f"{ready.path('two')}\n"
    assert run("prune") == 0
    assert capsys.readouterr().out == ""
