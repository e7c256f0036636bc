"""Temporal takes a request, and its answer is lost."""

from __future__ import annotations

from uuid import uuid4

import pytest

from kit.pool import Pool
from tests.integration.api.mutation_scenes import MUTATIONS
from tests.support.api_client import Api, Viewer, operation

EFFECTS = "SELECT type FROM eventstore.event WHERE metadata->>'actor' = $1"


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_repeat_of_a_request_whose_answer_was_lost_has_no_second_effect(
    api: Api, module_pool: Pool, mutation: str
) -> None:
    given = await MUTATIONS[mutation](api, api.viewer())
    request = given | {"idempotencyKey": str(uuid4())}
    anna = api.viewer("admin")
    query = operation(f"{mutation[0].upper()}{mutation[1:]}")

    api.temporal.are_answers_lost = True
    first = await anna.ask(query, input=request)
    api.temporal.forget()
    again = await anna.ask(query, input=request)

    codes = [error["extensions"]["code"] for error in first.get("errors", [])]
    assert codes == ["OUTCOME_UNKNOWN"] or first["data"][mutation]["userErrors"] == []
    assert again["data"][mutation]["userErrors"] == []
    effects = await effects_of(anna, module_pool)
    assert effects
    assert len(effects) == len(set(effects))


async def effects_of(viewer: Viewer, pool: Pool) -> list[str]:
    rows = await pool.fetch(EFFECTS, f"{viewer.role}:{viewer.sub}")
    return [row["type"] for row in rows]
