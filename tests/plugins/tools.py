"""Where the tests find the tools that they run: on PATH, else in the sandbox's own tools."""

import shutil

import pytest

from sandbox.tools import ToolError, locate


def tool(name: str) -> str:
    if found := shutil.which(name):
        return found
    try:
        return str(locate([name]).path(name))
    except ToolError as error:
        pytest.skip(f"{name} is not there: {error}")
