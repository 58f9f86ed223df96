"""Options of the whole test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is rendered to tests/golden")
    parser.addoption(
        "--keep-sandbox", action="store_true", help="leave the end-to-end tests' sandbox up, and say where"
    )
