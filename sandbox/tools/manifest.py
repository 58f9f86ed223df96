"""What is built: the module graphs of this folder and the tools that each of them yields.

Owns: names, packages, linker flags and the extra files of a tool. Does not own versions: those stand in each
graph's go.mod and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.tools.errors import ToolError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Tool:
    """One program.

    `name` is what callers ask for, `package` what Go builds, `binary` the file's name. `extras` are files of
    the tool's own module (paths relative to the module's root) that must lie beside the program.
    """

    name: str
    package: str
    binary: str
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """One folder with a go.mod, resolved on its own, since one graph's versions rule out another's.

    `module` is the module whose version is the tools' version. `ldflags` may use {version} (v1.2.3), {bare}
    (1.2.3), {major} and {minor}. An `older` graph is built on demand only, and its folder is never put on
    PATH, since its programs have the names of the current ones.
    """

    folder: str
    module: str
    ldflags: str
    tools: tuple[Tool, ...]
    older: bool = False
    # The same for every graph so far. Here, not where Go is run, since a digest covers a graph's row.
    flags: tuple[str, ...] = ("-buildvcs=false", "-trimpath")
    stripped: bool = True
    cgo: bool = False

    @property
    def source(self) -> Path:
        return HERE / self.folder


def _plain(package: str, *names: str, suffix: str = "") -> tuple[Tool, ...]:
    return tuple(Tool(name + suffix, f"{package}/{name}", name) for name in names)


_KUBERNETES = "k8s.io/kubernetes"
_KUBERNETES_COMMANDS = f"{_KUBERNETES}/cmd"
# Both packages report a version: the first is what a component prints, the second what its API client sends.
_KUBERNETES_LDFLAGS = " ".join(
    f"-X {package}.gitVersion={{version}} -X {package}.gitMajor={{major}} -X {package}.gitMinor={{minor}}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
)
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PULUMI_LDFLAGS = f"-X {_PULUMI_SDK}/go/common/version.Version={{version}}"

OLDER_MINORS = ("1.36", "1.35", "1.34")
"""Whose kubelet and kube-proxy are built on demand, each from a folder of its own."""

GRAPHS: tuple[Graph, ...] = (
    Graph(
        folder="kubernetes",
        module=_KUBERNETES,
        ldflags=_KUBERNETES_LDFLAGS,
        tools=_plain(
            _KUBERNETES_COMMANDS,
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
            "kubectl",
            "kubeadm",
        ),
    ),
    Graph(
        folder="etcd",
        module="go.etcd.io/etcd/server/v3",
        ldflags="",
        tools=(Tool("etcd", "go.etcd.io/etcd/server/v3", "etcd"),),
    ),
    Graph(
        folder="pulumi",
        module="github.com/pulumi/pulumi/pkg/v3",
        ldflags=_PULUMI_LDFLAGS,
        tools=_plain("github.com/pulumi/pulumi/pkg/v3/cmd", "pulumi"),
    ),
    Graph(
        folder="pulumi-language-python",
        module=_PULUMI_SDK,
        ldflags=_PULUMI_LDFLAGS,
        tools=(
            Tool(
                "pulumi-language-python",
                f"{_PULUMI_SDK}/python/cmd/pulumi-language-python",
                "pulumi-language-python",
                # The host starts this script to run a program and looks for it beside itself.
                extras=("python/cmd/pulumi-language-python-exec",),
            ),
        ),
    ),
    Graph(
        folder="cri-dockerd",
        module="github.com/Mirantis/cri-dockerd",
        ldflags="-X github.com/Mirantis/cri-dockerd/cmd/version.Version={bare}",
        tools=(Tool("cri-dockerd", "github.com/Mirantis/cri-dockerd", "cri-dockerd"),),
    ),
    *(
        Graph(
            folder=f"kubernetes-{minor}",
            module=_KUBERNETES,
            ldflags=_KUBERNETES_LDFLAGS,
            tools=_plain(_KUBERNETES_COMMANDS, "kubelet", "kube-proxy", suffix=f"-{minor}"),
            older=True,
        )
        for minor in OLDER_MINORS
    ),
    Graph(
        folder="actionlint",
        module="github.com/rhysd/actionlint",
        ldflags="",
        tools=_plain("github.com/rhysd/actionlint/cmd", "actionlint"),
    ),
)

NAMED_ONLY = ("actionlint",)
"""Graphs that no sandbox needs: their tools are built when they are asked for by name."""

SYSTEM_TOOLS = ("pulumi", "pulumi-language-python")
"""The tools that KUBENODE_TOOLS=system takes from PATH."""


def select(names: Iterable[str] | None, *, older: bool) -> list[tuple[Graph, list[Tool]]]:
    """The wanted tools by graph, in the manifest's order; without names, all but the older ones and NAMED_ONLY."""
    wanted = None if names is None else set(names)
    known = {tool.name for graph in GRAPHS for tool in graph.tools}
    if unknown := sorted((wanted or set()) - known):
        raise ToolError(f"no such tool: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    selection = []
    for graph in GRAPHS:
        by_default = (older or not graph.older) and graph.folder not in NAMED_ONLY
        tools = [t for t in graph.tools if (by_default if wanted is None else t.name in wanted)]
        # `older` adds to a list of names the same programs of the older releases.
        if wanted is not None and older and graph.older:
            tools = [t for t in graph.tools if t.name in wanted or t.binary in wanted]
        if tools:
            selection.append((graph, tools))
    return selection
