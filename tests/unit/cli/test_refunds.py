"""Refund an order, and accept discrepancies, from the command line."""

from __future__ import annotations

import pytest

from tests.support.scripted_api import Json, data, scripted_api
from tests.unit.cli.running import Ended, Waybill

FOUND = {"id": "o-1", "number": "W-NZCPARBRQ5", "total": {"amount": 500, "currency": "EUR"}}
REFUND = {"number": 1, "status": "REQUESTED", "amount": {"amount": 250, "currency": "EUR"}}
DIFFERENCE = {
    "system": "PAYMENT",
    "ours": "nothing",
    "theirs": "captured 500",
    "since": "2026-01-31T09:30:00Z",
}


def refunded(waybill: Waybill, *options: str) -> tuple[Ended, Json]:
    """Refund an order; return how the command ended, and the input that it has sent."""
    made = data({"refund": REFUND, "order": None, "position": "p", "userErrors": []})
    with scripted_api(data(FOUND), made) as api:
        ended = waybill("orders", "refund", "o-1", "--reason", "late", "--yes", *options, at=api)
    return ended, api.variables[-1]["input"]


def test_an_amount_is_refunded_in_the_currency_of_the_order(waybill: Waybill) -> None:
    ended, sent = refunded(waybill, "--amount", "250")

    assert sent.pop("idempotencyKey").startswith("cli-")
    assert sent == {
        "orderId": "o-1",
        "reason": "late",
        "amount": {"amount": 250, "currency": "EUR"},
    }
    assert (ended.code, ended.out) == (0, "Refund 1 of W-NZCPARBRQ5 is REQUESTED: 2.50 EUR.\n")


def test_pieces_are_refunded(waybill: Waybill) -> None:
    _, sent = refunded(waybill, "--line", "mug=1", "--line", "a=b=2")

    assert sent["lines"] == [{"sku": "mug", "quantity": 1}, {"sku": "a=b", "quantity": 2}]


def test_the_same_refund_has_the_same_key(waybill: Waybill) -> None:
    keys = {refunded(waybill, "--amount", "250")[1]["idempotencyKey"] for _ in "12"}
    other = refunded(waybill, "--amount", "251")[1]["idempotencyKey"]

    assert len(keys) == 1
    assert other not in keys


@pytest.mark.parametrize("options", [(), ("--amount", "1", "--line", "mug=1"), ("--line", "mug")])
def test_a_refund_without_one_clear_wish_sends_nothing(
    waybill: Waybill, options: tuple[str, ...]
) -> None:
    with scripted_api(data(FOUND)) as api:
        ended = waybill("orders", "refund", "o-1", "--reason", "late", "--yes", *options, at=api)

    assert ended.code == 2
    assert all("input" not in sent for sent in api.variables)


def test_a_discrepancy_is_accepted_with_a_reason(waybill: Waybill) -> None:
    accepted = {"actor": "operator:ada", "at": "2026-01-31T10:00:00Z", "reason": "known"}
    done = {"discrepancy": DIFFERENCE | {"accepted": accepted}, "userErrors": []}
    with scripted_api(data({"discrepancies": [DIFFERENCE]}), data(done)) as api:
        ended = waybill(
            *("discrepancies", "accept", "o-1", "payment", "--reason", "known", "--yes"), at=api
        )

    sent = api.variables[-1]["input"]
    assert sent.pop("idempotencyKey").startswith("cli-")
    assert sent == {"orderId": "o-1", "system": "PAYMENT", "reason": "known"}
    assert ended.code == 0
    assert "accepted by operator:ada" in ended.out


def test_the_open_discrepancies_are_listed(waybill: Waybill) -> None:
    node = DIFFERENCE | {"orderId": "o-1", "orderNumber": "W-NZCPARBRQ5", "accepted": None}
    info = {"hasNextPage": False, "endCursor": "c"}
    with scripted_api(data({"edges": [{"cursor": "c", "node": node}], "pageInfo": info})) as api:
        ended = waybill("discrepancies", "list", "--system", "payment", at=api)

    assert api.variables[-1]["filter"] == {"system": ["PAYMENT"], "accepted": False}
    assert "captured 500" in ended.out
