"""Every mutation says that a repeat is one, and refuses its key for another request."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import uuid4

import pytest
from graphql import GraphQLField, GraphQLInputObjectType, get_named_type, is_non_null_type

from api.access import RULES, Access
from kit.pool import Pool
from tests.integration.api.repeated_mutations import SCENES
from tests.integration.api.selecting import SCHEMA
from tests.support.api_client import Api, Json, Viewer
from tests.support.temporal_calls import TEMPORAL_IS_AWAY

FIELDS: Final[dict[str, GraphQLField]] = SCHEMA.mutation_type.fields  # type: ignore[union-attr]
DONE_EACH_TIME: Final = {"replayWebhook", "rebuildProjection"}
"""Without a key, a repetition of these does the work again, or waits for its end."""
NO_KEYS: Final = ("", "k" * 256, "ключ")
ROLES: Final = {Access.STAFF: "operator", Access.ADMIN: "admin"}


def has_optional_key(name: str) -> bool:
    """Return whether a mutation asks for a state. Raises KeyError for one that takes no key."""
    arguments = FIELDS[name].args
    if "input" not in arguments:
        return not is_non_null_type(arguments["idempotencyKey"].type)
    given = get_named_type(arguments["input"].type)
    assert isinstance(given, GraphQLInputObjectType)
    return not is_non_null_type(given.fields["idempotencyKey"].type)


STATES: Final = sorted(filter(has_optional_key, FIELDS))


async def run(viewer: Viewer, name: str, given: Json, key: str | None = None) -> Json:
    """Run the mutation under the key; return its payload."""
    if key is not None and "input" in given:
        given = {"input": given["input"] | {"idempotencyKey": key}}
    elif key is not None:
        given = {**given, "idempotencyKey": key}
    arguments = FIELDS[name].args
    declared = ", ".join(f"${each}: {arguments[each].type}" for each in given)
    passed = ", ".join(f"{each}: ${each}" for each in given)
    asked = "replayed userErrors { code field }"
    answer = await viewer.ask(f"mutation({declared}) {{ {name}({passed}) {{ {asked} }} }}", **given)
    assert "errors" not in answer, answer
    payload: Json = answer["data"][name]
    said = answer.get("extensions", {}).get("idempotency", {"replayed": False})
    assert said == {"replayed": payload["replayed"]}
    return payload


def acting(api: Api, name: str) -> Viewer:
    rule = RULES["Mutation"][name]
    assert isinstance(rule, Access)
    return api.viewer(ROLES.get(rule, "customer"))


def test_every_mutation_is_walked_below() -> None:
    assert SCENES.keys() == FIELDS.keys()


@pytest.mark.parametrize("name", FIELDS)
async def test_a_repeat_says_so_and_no_other_request_has_its_key(
    api: Api, module_pool: Pool, name: str
) -> None:
    """PostgreSQL answers the repeats: Temporal is away."""
    viewer, key = acting(api, name), str(uuid4())
    given, other = await SCENES[name](api, viewer, module_pool)

    no_keys = [await run(viewer, name, given, text) for text in NO_KEYS]
    first = await run(viewer, name, given, key)
    api.temporal.failure = TEMPORAL_IS_AWAY
    again = await run(viewer, name, given, key)
    reused = await run(viewer, name, other, key)
    api.temporal.forget()

    assert no_keys == [refused(given, "INVALID_INPUT")] * len(NO_KEYS)
    assert first == {"replayed": False, "userErrors": []}
    assert again == {"replayed": True, "userErrors": []}
    assert reused == refused(given, "IDEMPOTENCY_KEY_REUSED")


def refused(given: Json, code: str) -> Json:
    field = ["input", "idempotencyKey"] if "input" in given else ["idempotencyKey"]
    return {"replayed": False, "userErrors": [{"code": code, "field": field}]}


@pytest.mark.parametrize("name", [name for name in STATES if name not in DONE_EACH_TIME])
async def test_a_request_for_the_state_that_is_so_says_that_it_changes_nothing(
    api: Api, module_pool: Pool, name: str
) -> None:
    viewer = acting(api, name)
    given, _ = await SCENES[name](api, viewer, module_pool)

    payloads = [await run(viewer, name, given) for _ in range(2)]

    assert payloads == [{"replayed": said, "userErrors": []} for said in (False, True)]


async def test_a_late_repeat_does_not_undo_what_another_operator_has_changed_since(
    api: Api, module_pool: Pool
) -> None:
    olga, omar, key = api.viewer("operator"), api.viewer("operator"), str(uuid4())
    webhook, _ = await SCENES["disableWebhook"](api, olga, module_pool)
    await run(olga, "disableWebhook", webhook, key)
    await run(omar, "enableWebhook", webhook)

    again = await run(olga, "disableWebhook", webhook, key)

    assert again == {"replayed": True, "userErrors": []}
    assert (await olga.run("Webhook", **webhook))["disabled"] is None


async def test_a_refused_request_does_not_use_up_its_key(api: Api, module_pool: Pool) -> None:
    olga, key = api.viewer("operator"), str(uuid4())
    given, _ = await SCENES["replayWebhook"](api, olga, module_pool)

    refused = await run(olga, "replayWebhook", given | {"from": api.position(10**12)}, key)
    first = await run(olga, "replayWebhook", given, key)

    assert [error["code"] for error in refused["userErrors"]] == ["INVALID_INPUT"]
    assert first == {"replayed": False, "userErrors": []}


@pytest.mark.parametrize("name", ["replayWebhook", "setNotificationPreferences", "suppressEmail"])
async def test_one_of_many_requests_at_the_same_moment_is_the_first(
    api: Api, module_pool: Pool, name: str
) -> None:
    viewer, key = acting(api, name), str(uuid4())
    given, _ = await SCENES[name](api, viewer, module_pool)

    payloads = await asyncio.gather(*(run(viewer, name, given, key) for _ in range(8)))

    assert sorted(payload["replayed"] for payload in payloads) == [False] + [True] * 7


async def test_a_repeated_redrive_shows_the_first_one_though_the_letter_is_gone(
    api: Api, module_pool: Pool
) -> None:
    olga, key = api.viewer("operator"), str(uuid4())
    letter, _ = await SCENES["redriveDeadLetter"](api, olga, module_pool)
    first = await olga.run("RedriveDeadLetter", **letter, idempotencyKey=key)
    await module_pool.execute("DELETE FROM eventstore.dead_letter WHERE id = $1", int(letter["id"]))

    again = await olga.run("RedriveDeadLetter", **letter, idempotencyKey=key)

    assert again == {"action": first["action"], "letter": None, "userErrors": []}
