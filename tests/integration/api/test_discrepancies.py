"""List where the log and other systems disagree, and accept a difference."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound, DiscrepancyResolved
from tests.support.api_client import Api, Json, Viewer

PAYMENT, SHIPMENT = ReconciledSystem.PAYMENT, ReconciledSystem.SHIPMENT


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def order_id(api: Api) -> str:
    return await api.logged_order(api.viewer())


def found(
    order_id: str, theirs: str = "captured 500", system: ReconciledSystem = PAYMENT
) -> DiscrepancyFound:
    return DiscrepancyFound(order_id=order_id, system=system, ours="nothing", theirs=theirs)


def accepting(order_id: str, **more: object) -> Json:
    facts = {"idempotencyKey": str(uuid4()), "orderId": order_id, "system": "PAYMENT"}
    return facts | {"reason": "the shop bears it"} | more


async def accept(viewer: Viewer, request: Json) -> Json:
    return await viewer.run("AcceptDiscrepancy", input=request)


async def listed(viewer: Viewer, **wanted: object) -> list[Json]:
    """Return the discrepancies of the filter, of any order, in the order of the list."""
    nodes: list[Json] = []
    after = None
    while True:
        page = await viewer.run("Discrepancies", filter=wanted, first=100, after=after)
        nodes += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


async def of_order(viewer: Viewer, order_id: str, **wanted: object) -> list[tuple[str, str]]:
    return [
        (each["system"], each["theirs"])
        for each in await listed(viewer, **wanted)
        if each["orderId"] == order_id
    ]


async def needs_attention(viewer: Viewer, order_id: str) -> tuple[bool, bool]:
    """Return whether the order says so, and whether the search for such orders finds it."""
    order = await viewer.run("Order", id=order_id)
    page = await viewer.run("Orders", filter={"needsAttention": True}, first=100)
    is_found = order_id in [edge["node"]["id"] for edge in page["edges"]]
    return order["needsAttention"], is_found


async def gauge(api: Api, system: str = "payment") -> float:
    """Return the open discrepancies that the alert reads."""
    text = (await api.http.get("/metrics")).text
    name = f'waybill_saga_discrepancies{{system="{system}"}} '
    return next(float(line.removeprefix(name)) for line in text.splitlines() if name in line)


async def test_an_operator_finds_the_order_of_a_discrepancy(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id), found(order_id, "LOST", SHIPMENT))

    payment = next(each for each in await listed(eve) if each["orderId"] == order_id)

    order = await eve.run("Order", id=order_id)
    assert (payment["orderNumber"], payment["system"]) == (order["number"], "PAYMENT")
    assert (payment["ours"], payment["theirs"], payment["accepted"]) == (
        "nothing",
        "captured 500",
        None,
    )
    assert await of_order(eve, order_id) == [("PAYMENT", "captured 500"), ("SHIPMENT", "LOST")]
    assert await of_order(eve, order_id, system=["SHIPMENT"]) == [("SHIPMENT", "LOST")]
    assert await needs_attention(eve, order_id) == (True, True)


async def test_an_accepted_discrepancy_raises_no_alarm_and_stays_readable(
    api: Api, eve: Viewer, order_id: str
) -> None:
    before = await gauge(api)
    await api.log.append(f"saga-{order_id}", found(order_id))
    assert await gauge(api) == before + 1

    payload = await accept(eve, accepting(order_id))

    assert payload["userErrors"] == []
    accepted = payload["discrepancy"]["accepted"]
    assert (accepted["reason"], accepted["actor"]) == (
        "the shop bears it",
        f"operator:{eve.sub}",
    )
    assert await gauge(api) == before
    assert await needs_attention(eve, order_id) == (False, False)
    assert await of_order(eve, order_id, accepted=False) == []
    assert await of_order(eve, order_id, accepted=True) == [("PAYMENT", "captured 500")]
    (in_saga,) = (await eve.run("Saga", orderId=order_id))["discrepancies"]
    assert in_saga["accepted"]["reason"] == "the shop bears it"
    assert (await api.events_of(order_id, "saga"))[-1] == "DiscrepancyAccepted"
    assert (await api.actors_of(f"saga-{order_id}"))[-1] == f"operator:{eve.sub}"


async def test_an_accepted_discrepancy_that_changes_is_open_again(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id))
    await accept(eve, accepting(order_id))

    await api.log.append(f"saga-{order_id}", found(order_id, "captured 600"))

    assert await needs_attention(eve, order_id) == (True, True)
    assert await of_order(eve, order_id, accepted=False) == [("PAYMENT", "captured 600")]


async def test_a_discrepancy_that_is_resolved_is_listed_no_more(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id))
    await accept(eve, accepting(order_id))
    await api.log.append(f"saga-{order_id}", DiscrepancyResolved(order_id=order_id, system=PAYMENT))

    assert await of_order(eve, order_id) == []
    payload = await accept(eve, accepting(order_id))
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("NO_DISCREPANCY", ["input", "orderId"])
    ]


async def test_a_repeated_acceptance_changes_nothing(api: Api, eve: Viewer, order_id: str) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id))
    request = accepting(order_id)

    first, again = await accept(eve, request), await accept(eve, request)

    assert first["position"] == again["position"]
    assert (await api.events_of(order_id, "saga")).count("DiscrepancyAccepted") == 1


async def test_a_repeated_acceptance_is_answered_although_the_difference_is_gone(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id))
    request = accepting(order_id)
    first = await accept(eve, request)
    await api.log.append(f"saga-{order_id}", DiscrepancyResolved(order_id=order_id, system=PAYMENT))

    again = await accept(eve, request)
    reused = await accept(eve, request | {"reason": "another"})

    assert (again["userErrors"], again["position"]) == ([], first["position"])
    assert again["discrepancy"] is None
    assert [error["code"] for error in reused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert (await api.events_of(order_id, "saga")).count("DiscrepancyAccepted") == 1


async def test_a_repeated_acceptance_does_not_accept_a_later_difference(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id))
    request = accepting(order_id)
    first = await accept(eve, request)
    await api.log.append(f"saga-{order_id}", found(order_id, "captured 600"))

    again = await accept(eve, request)

    assert (again["userErrors"], again["position"]) == ([], first["position"])
    assert again["discrepancy"]["accepted"] is None
    assert await needs_attention(eve, order_id) == (True, True)


async def test_an_acceptance_needs_a_reason(api: Api, eve: Viewer, order_id: str) -> None:
    await api.log.append(f"saga-{order_id}", found(order_id))

    payload = await accept(eve, accepting(order_id, reason=" "))

    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("INVALID_INPUT", ["input", "reason"])
    ]
    assert await api.events_of(order_id, "saga") == ["DiscrepancyFound"]


async def test_discrepancies_are_for_operators(api: Api, order_id: str) -> None:
    ada = api.viewer()
    answers = [
        await ada.ask("{ discrepancies { edges { cursor } } }"),
        await ada.ask(
            "mutation ($input: AcceptDiscrepancyInput!) "
            "{ acceptDiscrepancy(input: $input) { position } }",
            input=accepting(order_id),
        ),
    ]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["FORBIDDEN"] * 2
