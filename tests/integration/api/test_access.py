"""Check which fields each viewer sees.

The queries are built from the schema, so that a new field is tested as well.
"""

from __future__ import annotations

import json

import pytest

from api.access import RULES, Access
from kit.pool import Pool
from tests.integration.api.mutation_scenes import MUTATIONS
from tests.integration.api.selecting import FIELDS, document, rules_on
from tests.integration.api.staff_world import PATHS, World, a_world
from tests.integration.api.world import SECRETS
from tests.support.api_client import Api


@pytest.fixture(scope="module")
async def world(module_api: Api, module_pool: Pool) -> World:
    return await a_world(module_api, module_pool)


def of_staff(field: tuple[str, str]) -> bool:
    return Access.STAFF in rules_on(PATHS[field])


@pytest.mark.parametrize("field", PATHS, ids=".".join)
async def test_staff_see_every_field(world: World, field: tuple[str, str]) -> None:
    values, errors = await world.ask(world.operator, field)

    assert (len(values) > 0, errors) == (True, [])


async def test_admins_see_what_operators_see(world: World) -> None:
    order_id = world.orders[0]

    for name, variables in (("Saga", {"orderId": order_id}), ("Order", {"id": order_id})):
        assert await world.admin.run(name, **variables) == await world.operator.run(
            name, **variables
        )


@pytest.mark.parametrize("field", [field for field in PATHS if of_staff(field)], ids=".".join)
async def test_a_customer_does_not_see_a_field_of_staff(
    world: World, field: tuple[str, str]
) -> None:
    is_for_staff_alone = RULES["Query"][PATHS[field][0][1]] is Access.STAFF

    values, errors = await world.ask(world.owner, field)

    assert (values, set(errors)) == ([], {"FORBIDDEN"} if is_for_staff_alone else set())


@pytest.mark.parametrize("field", [field for field in PATHS if not of_staff(field)], ids=".".join)
async def test_a_customer_sees_every_other_field_of_their_orders(
    world: World, field: tuple[str, str]
) -> None:
    values, errors = await world.ask(world.owner, field)

    assert (len(values) > 0, errors) == (True, [])
    assert [secret for secret in SECRETS if secret in json.dumps(values)] == []


@pytest.mark.parametrize("field", PATHS, ids=".".join)
async def test_a_customer_sees_nothing_of_anothers_order(
    world: World, field: tuple[str, str]
) -> None:
    (_, root), *below = PATHS[field]
    values, errors = await world.ask(world.stranger, field)

    if root in {"order", "saga"}:
        assert (values, errors) == ([], ["NOT_FOUND"] * 2)
    elif root == "orders":
        assert [v for v in values if below and "node" in [name for _, name in below]] == []
    elif root == "pushSubscriptions":
        assert (values, errors) == ([], [])
    elif RULES["Query"][root] is Access.STAFF or root == "notificationPreferences":
        assert (values, set(errors)) == ([], {"FORBIDDEN"})
    else:
        assert root in {"product", "products", "vapidPublicKey"}


def test_all_other_types_belong_to_answers_with_their_own_tests() -> None:
    """The tests of mutations, subscriptions and of the timeline of an order cover these types."""
    beyond = {type_name for type_name, _ in FIELDS} - {type_name for type_name, _ in PATHS}
    payloads = {name for name in beyond if name.endswith("Payload")}

    assert beyond - payloads == {
        *("Mutation", "Subscription", "OrderUpdate", "Lagged", "UserError", "AnalyticsTick"),
        *("Notification", "NotificationsStart"),
        *("EventEntry", "InterventionEntry", "StepEntry", "FailureEntry", "ProviderCallEntry"),
        *("WebhookEntry", "NotificationEntry", "DeliveryEntry"),
    }
    # Four of them intervene in sagas. Two more are of projections, two of dead letters, three of
    # webhooks, one of preferences, two of suppressions, one of notices, and two of push
    # subscriptions.
    assert len(payloads) == len(MUTATIONS) - 3 + 2 + 2 + 3 + 1 + 2 + 1 + 2


@pytest.mark.parametrize("field", [field for type_, field in PATHS if type_ == "Query"])
async def test_reading_needs_a_token(api: Api, world: World, field: str) -> None:
    body = {"query": document(PATHS["Query", field]), "variables": {"id": world.orders[0]}}
    response = await api.http.post("/graphql", json=body)

    assert (response.status_code, response.json().get("data")) == (401, None)
