"""Installing OS packages, with stand-ins for dpkg-query and apt-get."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sandbox.tools import ToolError, ensure_packages, packages

DPKG_QUERY = """\
#!/bin/sh
shift 3
for name in "$@"; do
    case $(cat "{here}/status-$name" 2>/dev/null) in
    "") echo "dpkg-query: no packages found matching $name" >&2; code=1 ;;
    *) echo "$name $(cat "{here}/status-$name")" ;;
    esac
done
exit ${{code:-0}}
"""
APT_GET = """\
#!/bin/sh
echo "$DEBIAN_FRONTEND: $*; policy: $(tail -n 1 "{here}/policy-rc.d" 2>/dev/null)" >> "{here}/calls"
if [ -s "{here}/locked" ]; then
    sed -i 1d "{here}/locked"
    echo "E: Could not get lock /var/lib/apt/lists/lock." >&2
    exit 100
fi
if [ -e "{here}/broken" ]; then echo "E: no space left" >&2; exit 100; fi
for name in "$@"; do
    case $name in -*|*=*|update|install) ;; *) printf installed > "{here}/status-$name" ;; esac
done
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
        (tmp_path / name).write_text(text.format(here=tmp_path))
        (tmp_path / name).chmod(0o755)
    (tmp_path / "status-there").write_text("installed")
    (tmp_path / "status-removed").write_text("config-files")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(packages, "_POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(packages, "_LOCK", tmp_path / "packages.lock")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def calls(machine: Path) -> list[str]:
    return (machine / "calls").read_text().splitlines() if (machine / "calls").exists() else []


def test_nothing_is_run_when_nothing_is_missing(machine: Path) -> None:
    ensure_packages(["there"])
    assert calls(machine) == []


def test_without_rights_all_missing_are_named_with_the_command(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolError) as caught:
        ensure_packages(["a", "there", "removed", "b"])
    assert "missing packages: a, removed, b;" in str(caught.value)
    command = "sudo apt-get update && sudo apt-get install --no-install-recommends a removed b"
    assert str(caught.value).endswith(command)
    assert calls(machine) == []


def test_without_apt_all_missing_are_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine / "nothing here"))
    with pytest.raises(ToolError, match="missing packages: a, there, and there is no apt-get"):
        ensure_packages(["a", "there"])


def test_installs_the_missing_with_services_denied(machine: Path) -> None:
    ensure_packages(["a", "there", "removed"])
    update, install = calls(machine)
    options = "noninteractive: -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
    assert update == f"{options} update; policy: exit 101"
    assert install == f"{options} install --yes --no-install-recommends a removed; policy: exit 101"
    assert not (machine / "policy-rc.d").exists()


def test_a_foreign_policy_is_left_alone(machine: Path) -> None:
    (machine / "policy-rc.d").write_text("#!/bin/sh\nexit 42\n")
    ensure_packages(["a"])
    assert calls(machine)[1].endswith("policy: exit 42")
    assert (machine / "policy-rc.d").read_text() == "#!/bin/sh\nexit 42\n"


def test_a_policy_left_behind_by_an_interrupted_run_is_removed(machine: Path) -> None:
    (machine / "policy-rc.d").write_text(packages._POLICY_TEXT)
    ensure_packages(["a"])
    assert not (machine / "policy-rc.d").exists()


def test_a_failure_says_why_and_removes_the_policy(machine: Path) -> None:
    (machine / "broken").touch()
    with pytest.raises(ToolError, match=r"apt-get .* update` failed:\n +E: no space left"):
        ensure_packages(["a"])
    assert not (machine / "policy-rc.d").exists()


def test_waits_for_another_apt(machine: Path) -> None:
    (machine / "locked").write_text("1\n2\n")
    ensure_packages(["a"])
    assert len(calls(machine)) == 4


def test_an_install_without_effect_is_an_error(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "apt-get").write_text("#!/bin/sh\n")
    with pytest.raises(ToolError, match="not installed: a"):
        ensure_packages(["a"])
