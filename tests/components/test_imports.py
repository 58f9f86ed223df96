"""The house's rules about who may import whom, read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ROOT / "components"
FILES = sorted(COMPONENTS.rglob("*.py"))

# Only these may know the provider packages.
_OWNERS = {
    "pulumi_command": {"components/remote/command.py"},
    "pulumi_tls": {"components/pki/"},
    "pulumi_kubernetes": {"components/api/"},
}
# Settings in, text out: no Pulumi, no processes, no network.
_PURE = (
    "components/settings/",
    "components/versions/",
    "components/remote/bundle.py",
    "components/remote/content.py",
    "components/parts.py",
    "components/calico/objects.py",
    "components/calico/overlay.py",
    "components/calico/installation.py",
    "components/calico/images.py",
    "components/cluster/calico_facts.py",
    "components/show/",
    "components/remote/toolkit.py",
    "components/host/needs.py",
    "components/host/proxy.py",
    "components/identity/csr.py",
    "components/identity/expectation.py",
    "components/identity/request.py",
    "components/identity/request_faults.py",
    "components/identity/kubeconfigs.py",
    "components/identity/registries.py",
    "components/cluster/downgrades.py",
    "components/forget/state.py",
    "components/release/lines.py",
    "components/disruption.py",
    "components/expiry.py",
    "components/rendering.py",
    "components/rollout.py",
)
_EFFECTS = {"pulumi", "subprocess", "socket", "urllib", "http", *_OWNERS}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _is_pure(name: str) -> bool:
    return name.endswith("/files.py") or any(name.startswith(one) for one in _PURE)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_the_provider_packages_have_one_importer_each(path: Path) -> None:
    for imported in _imports(path):
        owners = _OWNERS.get(imported.partition(".")[0])
        if owners is not None:
            assert any(_name(path).startswith(owner) for owner in owners), f"{_name(path)} imports {imported}"


@pytest.mark.parametrize("path", [path for path in FILES if _is_pure(_name(path))], ids=_name)
def test_pure_code_has_no_effects(path: Path) -> None:
    assert not {imported.partition(".")[0] for imported in _imports(path)} & _EFFECTS
    inner = {imported for imported in _imports(path) if imported.startswith("components.")}
    assert not [
        one for one in inner if one.endswith((".component", ".command", ".part")) or one == "components.node"
    ]


_OF_IDENTITY = tuple(
    f"components.identity.{name}" for name in ("csr", "expectation", "lifetimes", "request", "request_faults")
)


@pytest.mark.parametrize("path", [path for path in FILES if "components/local/" in _name(path)], ids=_name)
def test_what_runs_on_the_operators_machine_starts_without_pulumi(path: Path) -> None:
    """It also runs at destroy, when the program does not, and starting Pulumi's packages takes seconds."""
    assert "pulumi" not in {imported.partition(".")[0].partition("_")[0] for imported in _imports(path)}
    allowed = ("components.local", *_OF_IDENTITY)
    assert all(one.startswith(allowed) for one in _imports(path) if one.startswith("components"))


def test_a_component_for_other_languages_keeps_its_annotations_readable() -> None:
    for name in ("node.py", "cluster/cluster.py"):
        assert "__future__" not in set(_imports(COMPONENTS / name))


def test_every_part_has_a_script_in_the_toolkit() -> None:
    from components.remote import toolkit  # noqa: PLC0415

    scripts = {f"{path.parent.name}/{path.name}" for path in COMPONENTS.glob("*/*.sh")} - {
        "remote/lib.sh",
        "audit/host.sh",
    }
    assert scripts == set(toolkit.SCRIPTS.values())
