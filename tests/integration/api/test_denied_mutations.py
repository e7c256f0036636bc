"""A mutation that is denied shows and changes nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from api.access import RULES, Access
from kit.pool import Pool
from tests.integration.api.mutation_scenes import MUTATIONS
from tests.integration.api.staff_world import World, a_world
from tests.support.api_client import Api, Json, Viewer, operation

EVENTS = "SELECT count(*) FROM eventstore.event WHERE stream_id LIKE '%-' || $1"
"""Count the events of an order, a product or a customer."""


@pytest.fixture(scope="module")
async def world(module_api: Api, module_pool: Pool) -> World:
    return await a_world(module_api, module_pool)


def test_each_mutation_is_tested() -> None:
    of_projections = {"rebuildProjection", "redriveProjection"}  # see test_projections.py
    of_letters = {"redriveDeadLetter", "discardDeadLetter"}  # see test_dead_letters.py
    of_webhooks = {  # see test_webhook_endpoints.py
        *("registerWebhook", "updateWebhook", "disableWebhook", "enableWebhook"),
        *("rotateWebhookSecret", "testWebhook", "replayWebhook"),
    }
    of_preferences = {"setNotificationPreferences"}  # see test_preferences.py
    of_suppressions = {"suppressEmail", "liftEmailSuppression"}  # see test_suppressions.py
    of_notices = {"acknowledgeNotice"}  # see test_operator_notices.py
    of_push = {"subscribeToPush", "unsubscribeFromPush"}  # see test_push_subscriptions.py
    tested = MUTATIONS.keys() | of_projections | of_letters | of_webhooks
    tested |= of_preferences | of_suppressions | of_notices | of_push
    assert tested == RULES["Mutation"].keys()


async def run(viewer: Viewer, mutation: str, given: Json) -> Json:
    name = mutation[0].upper() + mutation[1:]
    text = operation(name).replace("\n    position\n", "\n    position\n    positionNumber\n")
    return await viewer.ask(text, input={"idempotencyKey": str(uuid4()), **given})


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_mutation_that_is_denied_shows_and_changes_nothing(
    api: Api, world: World, module_pool: Pool, mutation: str
) -> None:
    rule = RULES["Mutation"][mutation]
    denied, allowed = {
        Access.VIEWER: ([], [world.owner, world.operator, world.admin]),
        Access.OWNER: ([world.stranger], [world.owner]),
        Access.STAFF: ([world.owner, world.stranger], [world.operator]),
        Access.ADMIN: ([world.owner, world.stranger, world.operator], [world.admin]),
    }[rule]  # type: ignore[index]  # no mutation has a coarse value
    given = await MUTATIONS[mutation](api, world.owner)
    subject = given.get("orderId") or given.get("sku") or given.get("customerId")
    api.temporal.forget()
    before = await module_pool.fetchval(EVENTS, subject)

    for viewer in denied:
        answer = await run(viewer, mutation, given)
        if rule is Access.OWNER:
            payload = answer["data"][mutation]
            assert [error["code"] for error in payload.pop("userErrors")] == ["NOT_FOUND"]
            assert set(payload.values()) == {None}
        else:
            assert answer["data"] is None
            (error,) = answer["errors"]
            assert error["extensions"] == {"code": "FORBIDDEN"}
            assert isinstance(rule, Access)
            assert error["message"] == f"{mutation} is for {rule.value}: sign in as one"

    assert await module_pool.fetchval(EVENTS, subject) == before
    assert api.temporal.workflow_ids == []
    for viewer in allowed:
        answer = await run(viewer, mutation, given)
        payload = answer["data"][mutation]
        assert payload["userErrors"] == []
        number = api.number(payload["position"])
        assert payload["positionNumber"] == (None if viewer.role == "customer" else number)
