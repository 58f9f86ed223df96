"""The tables of the configuration as such."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from components.settings import calico_sections, sections
from components.settings.section import Section


def models() -> Iterator[type[BaseModel]]:
    for value in {**vars(calico_sections), **vars(sections)}.values():
        if isinstance(value, type) and issubclass(value, Section) and value is not Section:
            yield value


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__name__)
def test_every_key_is_described_and_nothing_unknown_is_taken(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]
    assert model.model_config["hide_input_in_errors"]
    for name, info in model.model_fields.items():
        assert info.description, name
        assert info.alias is not None
        assert "_" not in info.alias


@pytest.mark.parametrize(
    "model", [model for model in models() if not any(i.is_required() for i in model.model_fields.values())]
)
def test_a_section_s_defaults_are_values_that_it_takes(model: type[BaseModel]) -> None:
    made = model()
    written = {
        info.alias or name: getattr(made, name)
        for name, info in model.model_fields.items()
        if not isinstance(getattr(made, name), BaseModel)
    }
    assert model.model_validate(written) == made
