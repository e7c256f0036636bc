from __future__ import annotations

import pytest
from graphql import FieldsOnCorrectTypeRule, ValidationContext

from tests.unit.api.schemas import a_schema

INTROSPECTION = "{ __schema { queryType { name } } }"


@pytest.mark.parametrize("allowed", [True, False])
async def test_introspection_is_for_development(allowed: bool) -> None:
    result = await a_schema(introspection=allowed).execute(INTROSPECTION)

    assert (result.errors is None) is allowed
    assert (result.data is not None) is allowed


async def test_equal_requests_are_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    validated: list[object] = []
    rule = FieldsOnCorrectTypeRule.__init__

    def counting(self: FieldsOnCorrectTypeRule, context: ValidationContext) -> None:
        validated.append(context.document)
        rule(self, context)

    monkeypatch.setattr(FieldsOnCorrectTypeRule, "__init__", counting)
    schema = a_schema(introspection=True)
    for _ in range(3):
        await schema.execute("query OnlyInThisTest { __typename }")

    assert len(validated) == 1
