"""JSON Schemas whose fields are described by the docstrings below them.

pydantic can read these docstrings as well. It then reads the source of each class whenever a
process starts, and only the documentation needs them.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import ModelSchema

Schema = dict[str, Any]
"""A JSON Schema, as pydantic generates it."""

PYDANTIC_REF: Final = "#/$defs/{model}"


def schema_of(model: type[BaseModel], ref_template: str = PYDANTIC_REF) -> Schema:
    return model.model_json_schema(ref_template=ref_template, schema_generator=_Described)


def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the docstrings of the fields, also of those that a base class declares."""
    bases = [base for base in reversed(model.__mro__) if issubclass(base, BaseModel)]
    return {name: text for base in bases for name, text in _own(base).items()}


class _Described(GenerateJsonSchema):
    def model_schema(self, schema: ModelSchema) -> Schema:
        made = super().model_schema(schema)
        for name, text in descriptions(schema["cls"]).items():
            if name in made.get("properties", {}):
                made["properties"][name].setdefault("description", text)
        return made


@cache
def _own(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the docstrings below the fields that this class itself declares."""
    if not inspect.get_annotations(model).keys() & model.model_fields.keys():
        return {}
    (definition,) = ast.parse(dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
