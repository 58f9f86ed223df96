"""The committed graphs and the manifest agree, and go.mod alone decides the versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.tools import ToolError, gomod
from sandbox.tools.manifest import GRAPHS, Graph, select

GO_MOD = """\
module example

go 1.26.1

tool example.org/a/cmd/one

require example.org/single v1.4.0 // indirect

require (
	example.org/a/nested v0.9.0
	example.org/a v1.2.3 // indirect
)

replace example.org/single => example.org/fork v9.9.9
"""

each_graph = pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "go.mod").write_text(GO_MOD)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "version"),
    [("example.org/a", "v1.2.3"), ("example.org/a/nested", "v0.9.0"), ("example.org/single", "v1.4.0")],
)
def test_version_is_the_required_one(folder: Path, module: str, version: str) -> None:
    assert gomod.module_version(folder, module) == version


def test_a_module_that_is_not_required_is_an_error(folder: Path) -> None:
    with pytest.raises(ToolError, match=r"does not require example\.org/fork"):
        gomod.module_version(folder, "example.org/fork")


def test_go_version(folder: Path) -> None:
    assert gomod.go_version(folder) == "1.26.1"


def test_flag_values() -> None:
    assert gomod.flag_values("v1.37.2") == {
        "version": "v1.37.2",
        "bare": "1.37.2",
        "major": "1",
        "minor": "37",
    }


@each_graph
def test_each_graph_declares_just_the_tools_of_the_manifest(graph: Graph) -> None:
    text = (graph.source / "go.mod").read_text()
    block = re.search(r"^tool \((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    declared = block[1].split() if block else re.findall(r"^tool (\S+)$", text, re.MULTILINE)
    assert sorted(declared) == sorted(tool.package for tool in graph.tools)


@each_graph
def test_each_graph_has_a_version_and_checksums_for_it(graph: Graph) -> None:
    version = gomod.module_version(graph.source, graph.module)
    assert f"{graph.module} {version} h1:" in (graph.source / "go.sum").read_text()


@each_graph
def test_programs_of_one_graph_are_named_as_go_names_them(graph: Graph) -> None:
    if len(graph.tools) > 1:
        assert [tool.binary for tool in graph.tools] == [
            tool.package.rsplit("/", 1)[-1] for tool in graph.tools
        ]


@pytest.mark.parametrize("name", [graph.folder for graph in GRAPHS if graph.folder.startswith("kubernetes")])
def test_kubernetes_libraries_are_of_the_same_release(name: str) -> None:
    [graph] = [graph for graph in GRAPHS if graph.folder == name]
    release = gomod.module_version(graph.source, graph.module).removeprefix("v1.")
    replaced = re.findall(
        r"^\tk8s\.io/\S+ => k8s\.io/\S+ v0\.(\S+)$", (graph.source / "go.mod").read_text(), re.MULTILINE
    )
    assert len(replaced) > 20
    assert set(replaced) == {release}


def test_the_language_host_comes_with_the_script_it_starts() -> None:
    [tool] = [tool for graph in GRAPHS for tool in graph.tools if tool.name == "pulumi-language-python"]
    assert [Path(extra).name for extra in tool.extras] == ["pulumi-language-python-exec"]


@pytest.mark.parametrize("graph", [graph for graph in GRAPHS if graph.older], ids=lambda graph: graph.folder)
def test_older_graph_is_named_after_its_release(graph: Graph) -> None:
    values = gomod.flag_values(gomod.module_version(graph.source, graph.module))
    suffix = f"-{values['major']}.{values['minor']}"
    assert graph.folder.endswith(suffix)
    assert all(tool.name.endswith(suffix) for tool in graph.tools)


def _names(names: list[str] | None, *, older: bool) -> list[str]:
    return [tool.name for _, tools in select(names, older=older) for tool in tools]


def test_selection() -> None:
    assert "kubelet" in _names(None, older=False)
    assert "kubelet-1.36" not in _names(None, older=False)
    assert "kubelet-1.36" in _names(None, older=True)
    assert _names(["etcd", "kubelet"], older=False) == ["kubelet", "etcd"]
    assert _names(["kubelet"], older=True) == [
        "kubelet",
        *(f"kubelet-{release}" for release in ("1.36", "1.35", "1.34")),
    ]
    assert _names(["kubelet-1.36"], older=False) == ["kubelet-1.36"]


def test_what_no_sandbox_needs_is_built_by_name_only() -> None:
    assert "actionlint" not in _names(None, older=True)
    assert _names(["actionlint"], older=False) == ["actionlint"]


def test_unknown_names_are_all_named() -> None:
    with pytest.raises(ToolError, match="no such tool: one, two"):
        select(["two", "etcd", "one"], older=False)
