"""What every test of the settings also shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from components.settings import StackSettings, load
from components.settings.schema import stack_schema
from tests.components import example

_STACK = jsonschema.Draft7Validator(stack_schema())


@pytest.fixture(autouse=True)
def whatever_is_loaded_fits_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each configuration that a test finds good, the schema must take."""

    def checked(raw: dict[str, object], directory: Path, *more: Any) -> StackSettings:
        found = load(raw, directory, *more)
        _STACK.validate({"config": {f"kubenode:{key}": value for key, value in raw.items()}})
        return found

    monkeypatch.setattr(example, "load", checked)
