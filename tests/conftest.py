"""Options of the whole test suite, how its tests are shared out among workers, and the table of what was measured."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.e2e.measured import MEASURED

_MEASURED = "measured"
_END_TO_END = "tests/e2e/"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is rendered to tests/golden")
    parser.addoption(
        "--keep-sandbox", action="store_true", help="leave the end-to-end tests' sandbox up, and say where"
    )


class _Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """A file's tests stay on one worker, so that what they share is started once; so do all end-to-end tests."""

    def _split_scope(self, nodeid: str) -> str:
        return _END_TO_END if nodeid.startswith(_END_TO_END) else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    # As collected, the end-to-end tests first: by default the file with the most tests would be.
    config.option.loadscopereorder = False
    return _Scheduler(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what it measured."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_MEASURED] = MEASURED.packed()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker has ended, with what it handed over unless it crashed."""
    packed = getattr(node, "workeroutput", {}).get(_MEASURED)
    if packed:
        MEASURED.unpack(packed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MEASURED.numbers:
        terminalreporter.section("measured end to end")
        for line in MEASURED.table():
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"kept with pulumi's output in {MEASURED.folder}")
    if MEASURED.kept:
        terminalreporter.write_line(f"sandbox kept: cd {MEASURED.kept} && . .sandbox/env.sh")
