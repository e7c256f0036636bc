"""Operators see the projections, and admins have them rebuilt."""

from __future__ import annotations

import pytest

from projections.registry import READ_MODELS
from tests.support.api_client import Api, operation

REFUSALS = [
    ("nope", "NOT_FOUND", "there is no projection 'nope': NAME is one of inventory, notes, orders"),
    ("orders", "WRONG_STATE", "orders is being rebuilt: wait until that has finished"),
]


async def test_operators_see_every_projection_without_a_lag_where_it_is_inline(api: Api) -> None:
    answer = await api.viewer("operator").ask(operation("Projections"))
    shown = answer["data"]["projections"]
    assert [status["name"] for status in shown] == [m.name for m in READ_MODELS]
    orders = next(status for status in shown if status["name"] == "orders")
    assert (orders["timing"], orders["lag"], orders["parked"]) == ("INLINE", None, [])
    assert (orders["version"], orders["liveVersion"]) == (1, 1)


async def test_the_rows_that_no_rebuild_copies_are_shown_and_rebuilt_as_well(api: Api) -> None:
    admin = api.viewer("admin")
    shown = (await admin.ask(operation("Projections")))["data"]["projections"][-1]
    assert (shown["name"], shown["timing"]) == ("order-contacts", "FOLLOWING")
    assert shown["lag"] is not None
    asked = (await admin.run("RebuildProjection", name="order-contacts"))["projection"]["rebuild"]
    assert asked["state"] == "REQUESTED"


async def test_an_admin_asks_for_a_rebuild_once(api: Api) -> None:
    admin = api.viewer("admin")
    asked = (await admin.run("RebuildProjection", name="orders"))["projection"]["rebuild"]
    assert (asked["state"], asked["requestedBy"]) == ("REQUESTED", f"admin:{admin.sub}")
    for name, code, message in REFUSALS:
        payload = await admin.run("RebuildProjection", name=name)
        assert payload["projection"] is None
        assert [error["code"] for error in payload["userErrors"]] == [code]
        assert payload["userErrors"][0]["message"].startswith(message)
        assert payload["userErrors"][0]["field"] == ["name"]


@pytest.mark.parametrize("name", ["nope", "orders"])
async def test_events_that_are_not_parked_cannot_be_redriven(api: Api, name: str) -> None:
    payload = await api.viewer("operator").run("RedriveProjection", name=name)
    assert payload["events"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("name", "role", "who"),
    [
        ("RebuildProjection", "customer", "admins"),
        ("RebuildProjection", "operator", "admins"),
        ("RedriveProjection", "customer", "operators"),
    ],
)
async def test_a_viewer_without_the_role_asks_for_nothing(
    api: Api, name: str, role: str, who: str
) -> None:
    answer = await api.viewer(role).ask(operation(name), name="notes")
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert error["message"].endswith(f" is for {who}: sign in as one")
    shown = (await api.viewer("admin").ask(operation("Projections")))["data"]["projections"]
    assert [s["rebuild"] for s in shown if s["name"] == "notes"] == [None]
