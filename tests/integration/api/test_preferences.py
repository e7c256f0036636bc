"""Customers choose their notifications, and nobody chooses for another."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from kit.pool import Pool
from tests.support.api_client import Api, Json, Viewer, operation

ALL = ["EMAIL", "PUSH"]
DEFAULTS = {
    "categories": [
        {"category": "ORDER_CONFIRMATION", "mandatory": True, "channels": ALL},
        {"category": "ORDER_UPDATES", "mandatory": False, "channels": ALL},
        {"category": "PAYMENT", "mandatory": True, "channels": ALL},
        {"category": "CANCELLATION", "mandatory": True, "channels": ALL},
        {"category": "RETURNS", "mandatory": False, "channels": ALL},
    ],
    "quietHours": None,
    "timeZone": None,
}
CHOSEN: Json = {
    "optOuts": [
        {"category": "ORDER_UPDATES", "channels": ["EMAIL"]},
        {"category": "RETURNS", "channels": ["PUSH", "EMAIL", "PUSH"]},
        {"category": "ORDER_UPDATES", "channels": []},
    ],
    "quietHours": {"from": "22:00", "to": "07:00"},
    "timeZone": "Europe/Zurich",
}
NOTHING: Json = {"optOuts": []}


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def stored(pool: Pool, viewer: Viewer) -> list[tuple[Any, ...]]:
    rows = await pool.fetch(
        "SELECT opted_out, quiet_from::text, quiet_to::text, time_zone"
        " FROM eventstore.notification_preference WHERE customer_id = $1",
        viewer.sub,
    )
    return [tuple(row) for row in rows]


async def test_a_customer_who_has_chosen_nothing_reads_the_defaults(ada: Viewer) -> None:
    assert await ada.run("NotificationPreferences") == {"customerId": ada.sub, **DEFAULTS}


async def test_a_customer_chooses_categories_by_channel_and_quiet_hours(
    ada: Viewer, module_pool: Pool
) -> None:
    payload = await ada.run("SetNotificationPreferences", **CHOSEN)

    assert payload["userErrors"] == []
    preferences = payload["preferences"]
    assert {each["category"]: each["channels"] for each in preferences["categories"]} == {
        "ORDER_CONFIRMATION": ALL,
        "ORDER_UPDATES": ["PUSH"],
        "PAYMENT": ALL,
        "CANCELLATION": ALL,
        "RETURNS": [],
    }
    assert preferences["quietHours"] == {"from": "22:00", "to": "07:00"}
    assert preferences["timeZone"] == "Europe/Zurich"
    assert await ada.run("NotificationPreferences") == preferences
    assert await stored(module_pool, ada) == [
        (
            ["email:order_updates", "email:returns", "push:returns"],
            *("22:00:00", "07:00:00", "Europe/Zurich"),
        )
    ]


async def test_the_choices_are_replaced_as_a_whole(ada: Viewer, module_pool: Pool) -> None:
    await ada.run("SetNotificationPreferences", **CHOSEN)
    payload = await ada.run("SetNotificationPreferences", **NOTHING)

    assert payload["preferences"] == {"customerId": ada.sub, **DEFAULTS}
    assert await ada.run("NotificationPreferences") == {"customerId": ada.sub, **DEFAULTS}
    assert await stored(module_pool, ada) == [([], None, None, None)]


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_staff_read_the_preferences_of_a_customer_and_must_name_one(
    api: Api, ada: Viewer, role: str
) -> None:
    staff = api.viewer(role)
    payload = await ada.run("SetNotificationPreferences", **CHOSEN)
    assert await staff.run("NotificationPreferences", customerId=ada.sub) == payload["preferences"]

    for given, says in (
        (None, "customerId: name the customer"),
        ("no id", "customerId: this can be no id"),
        ("a\u0000", "customerId: this can be no id"),
    ):
        answer = await staff.ask(operation("NotificationPreferences"), customerId=given)
        assert answer["data"] is None
        assert [(e["message"], e["extensions"]["code"]) for e in answer["errors"]] == [
            (says, "BAD_USER_INPUT")
        ]


async def test_a_customer_may_name_only_themselves(api: Api, ada: Viewer) -> None:
    bob = api.viewer()
    await bob.run("SetNotificationPreferences", **CHOSEN)
    own = await ada.run("NotificationPreferences", customerId=ada.sub)
    assert own == {"customerId": ada.sub, **DEFAULTS}

    answer = await ada.ask(operation("NotificationPreferences"), customerId=bob.sub)
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert error["message"] == "customerId is for operators: leave it out"


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_staff_choose_for_no_customer(api: Api, module_pool: Pool, role: str) -> None:
    staff = api.viewer(role)
    answer = await staff.ask(operation("SetNotificationPreferences"), **CHOSEN)

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert await stored(module_pool, staff) == []


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"timeZone": "Mars/Olympus"}, ["timeZone"]),
        ({"timeZone": "europe/zurich"}, ["timeZone"]),
        ({"timeZone": "Factory"}, ["timeZone"]),
        ({"timeZone": "../../etc/passwd\u0000"}, ["timeZone"]),
        ({"timeZone": "UTC+1"}, ["timeZone"]),
        ({"quietHours": {"from": "22:00", "to": "22:00"}}, ["quietHours", "to"]),
        ({"quietHours": {"from": "24:00", "to": "07:00"}}, ["quietHours", "from"]),
        ({"quietHours": {"from": "22:00", "to": "7:00"}}, ["quietHours", "to"]),
        ({"quietHours": {"from": "22:00", "to": "07:00:30"}}, ["quietHours", "to"]),
        ({"quietHours": {"from": "22:00", "to": "\u0660\u0667:00"}}, ["quietHours", "to"]),
        ({"quietHours": {"from": "22:00\n", "to": "07:00"}}, ["quietHours", "from"]),
        (
            {"optOuts": [*CHOSEN["optOuts"], {"category": "PAYMENT", "channels": ["PUSH"]}]},
            ["optOuts", "3", "category"],
        ),
    ],
)
async def test_a_choice_that_is_not_allowed_is_named_and_changes_nothing(
    ada: Viewer, module_pool: Pool, given: Json, fields: list[str]
) -> None:
    await ada.run("SetNotificationPreferences", **CHOSEN)
    before = await stored(module_pool, ada)

    payload = await ada.run("SetNotificationPreferences", **{**NOTHING, **given})

    assert payload["preferences"] is None
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("INVALID_INPUT", fields)]
    assert await stored(module_pool, ada) == before


async def test_every_faulty_input_is_named_at_once(ada: Viewer, module_pool: Pool) -> None:
    faulty = {
        "optOuts": [{"category": "CANCELLATION", "channels": ALL}],
        "quietHours": {"from": "x", "to": "y"},
        "timeZone": "z",
    }
    payload = await ada.run("SetNotificationPreferences", **faulty)

    assert [error["field"] for error in payload["userErrors"]] == [
        *(["optOuts", "0", "category"], ["timeZone"]),
        *(["quietHours", "from"], ["quietHours", "to"]),
    ]
    assert await stored(module_pool, ada) == []


@pytest.mark.parametrize(
    ("opt_out", "names"),
    [
        ({"category": "GOSSIP", "channels": ["EMAIL"]}, "category"),
        ({"category": "RETURNS", "channels": ["PIGEON"]}, "channels"),
    ],
)
async def test_an_unknown_category_or_channel_is_refused_by_name(
    ada: Viewer, module_pool: Pool, opt_out: Json, names: str
) -> None:
    answer = await ada.ask(operation("SetNotificationPreferences"), optOuts=[opt_out])

    assert answer.get("data") is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert f"'$optOuts' has invalid value at [0].{names}" in error["message"]
    assert await stored(module_pool, ada) == []


async def test_an_erasure_deletes_the_preferences_and_a_customer_may_choose_again(
    api: Api, ada: Viewer, module_pool: Pool
) -> None:
    await ada.run("SetNotificationPreferences", **CHOSEN)
    request = {
        "idempotencyKey": str(uuid4()),
        "customerId": ada.sub,
        "reason": "CUSTOMER_REQUEST",
    }
    erased = await api.viewer("admin").run("EraseCustomer", input=request)
    assert erased["userErrors"] == []
    assert await stored(module_pool, ada) == []
    assert await ada.run("NotificationPreferences") == {"customerId": ada.sub, **DEFAULTS}

    await ada.run("SetNotificationPreferences", **CHOSEN)
    assert len(await stored(module_pool, ada)) == 1
