"""What every section of the configuration is: the base of the models in `*sections.py`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A part of the configuration: nothing unknown, nothing converted, no value in an error."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        validate_by_name=False,
        validate_by_alias=True,
    )
