"""The check finds every way in which stock or money could get lost, doubled or stuck."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from demo.conservation import Effect, Evidence, discrepancies
from demo.ledger import Ledger, Stock
from domain.event import Event
from domain.inventory import events as i
from domain.inventory.commands import AdjustmentReason
from domain.money import Money
from domain.order import events as o
from domain.order.commands import CancellationReason
from domain.order.lines import Address, ReturnedLine
from domain.order.number import order_number
from domain.order.price import Price
from domain.payment import events as p
from tests.support.order_parts import PLACED_AT, PROMISES, a_line

PRICE: Final = 250
PAID: Final = {"authorized": Effect(1, 500), "captured": Effect(1, 500)}
VOIDED: Final = {"authorized": Effect(1, 500), "voided": Effect(1, 500)}
SENT: Final = {"created": Effect(1, 2), "dispatched": Effect(1, 2), "delivered": Effect(1, 2)}
RECALLED: Final = {"created": Effect(1, 2), "cancelled": Effect(1, 2)}

RECEIVED = i.StockReceived(sku="TEA", quantity=10)
RESERVED = i.InventoryReserved(sku="TEA", order_id="o-1", quantity=2)
COMMITTED = i.InventoryCommitted(sku="TEA", order_id="o-1", quantity=2)
RELEASED = i.InventoryReleased(sku="TEA", order_id="o-1", quantity=2)
CAPTURED = p.PaymentCaptured(
    order_id="o-1", reference="pi_1", amount=Money(amount=500, currency="EUR")
)
CREATED = o.OrderCreated(
    order_id="o-1",
    customer_id="ada",
    lines=(a_line("TEA", quantity=2, unit_price=PRICE),),
    price=Price(currency="EUR", lines=500, total=500),
    payment_method="pm_card_visa",
    shipping_address=Address(
        name="Ada", street="1 Main Street", city="Bern", postal_code="3011", country="CH"
    ),
    fingerprint="f",
    promises=PROMISES,
    number=order_number("o-1", 0),
)
SHIPPED = o.OrderShipped(order_id="o-1")
CANCELLED = o.OrderCancelled(order_id="o-1", reason=CancellationReason.CUSTOMER_REQUEST)

DELIVERED = o.OrderDelivered(order_id="o-1")
ONE: Final = (ReturnedLine(sku="TEA", quantity=1),)
ONE_BACK = i.StockReturned(sku="TEA", order_id="o-1", quantity=1)
HALF: Final = Money(amount=250, currency="EUR")
HALF_PRICE: Final = Price(currency="EUR", lines=250, total=250)
ONE_RETURNED = o.OrderReturned(
    order_id="o-1", lines=ONE, refund=HALF_PRICE, refunded=HALF_PRICE.money, is_whole=False
)
HALF_REFUNDED = p.PaymentRefunded(
    order_id="o-1", reference="pi_1", amount=HALF, refunded_in_all=HALF, purpose="refund"
)
ALL_REFUNDED = p.PaymentRefunded(
    order_id="o-1",
    reference="pi_1",
    amount=CREATED.total,
    refunded_in_all=CREATED.total,
    purpose="refund",
)
LOST = o.OrderCancelled(order_id="o-1", reason=CancellationReason.PARCEL_LOST)

SOLD: Final = (RECEIVED, CREATED, RESERVED, COMMITTED, SHIPPED, CAPTURED)
COMPENSATED: Final = (RECEIVED, CREATED, RESERVED, RELEASED, CANCELLED)


def sold(*events: Event) -> Evidence:
    """Return one shipped and paid order of 2 TEA at 500 cents, or one with these events."""
    return Evidence(
        ledger=Ledger().add_all(events or SOLD),
        stock_view={"TEA": Stock(received=10, on_hand=8, reserved=0, shipped=2)},
        payments={"o-1": PAID},
        shipments={"o-1": SENT},
        orders=["o-1"],
    )


FREE = CREATED.model_copy(
    update={
        "lines": (a_line("TEA", quantity=2, unit_price=0),),
        "price": Price(currency="EUR", lines=0, total=0),
        "payment_method": None,
    }
)


def cancelled(*events: Event) -> Evidence:
    """Return the same order, cancelled after its authorization and its shipment's creation."""
    return Evidence(
        ledger=Ledger().add_all(events or COMPENSATED),
        stock_view={"TEA": Stock(received=10, on_hand=10, reserved=0, shipped=0)},
        payments={"o-1": VOIDED},
        shipments={"o-1": RECALLED},
        orders=["o-1"],
    )


def returned(*events: Event) -> Evidence:
    """Return the same order, with one TEA returned and refunded."""
    evidence = sold(*(events or (*SOLD, DELIVERED, HALF_REFUNDED, ONE_BACK, ONE_RETURNED)))
    return replace(
        evidence,
        stock_view={"TEA": Stock(received=10, on_hand=9, reserved=0, shipped=1)},
        payments={"o-1": {**PAID, "refunded": Effect(1, 250)}},
        shipments={"o-1": {**SENT, "return_requested": Effect(1, 1), "returned": Effect(1, 1)}},
    )


def lost(*events: Event) -> Evidence:
    """Return the same order, with its parcel lost and its money refunded."""
    return replace(
        sold(*(events or (*SOLD, ALL_REFUNDED, LOST))),
        payments={"o-1": {**PAID, "refunded": Effect(1, 500)}},
        shipments={
            "o-1": {"created": Effect(1, 2), "dispatched": Effect(1, 2), "lost": Effect(1, 2)}
        },
    )


@pytest.mark.parametrize(
    "evidence", [sold(), cancelled(), returned(), lost(), Evidence(Ledger(), {})]
)
def test_consistent_evidence_has_no_discrepancy(evidence: Evidence) -> None:
    assert discrepancies(evidence) == []


def test_adjusted_stock_adds_up_and_a_missing_adjustment_is_found() -> None:
    adjusted = i.StockAdjusted(sku="TEA", difference=-3, reason=AdjustmentReason.DAMAGED)
    stock = Stock(received=10, adjusted=-3, on_hand=5, shipped=2)
    evidence = replace(sold(*SOLD, adjusted), stock_view={"TEA": stock})
    assert discrepancies(evidence) == []

    (found,) = discrepancies(sold(*SOLD, adjusted))
    assert found.startswith("SKU TEA: log has received 10 + adjusted -3 = 5 on hand")


def test_a_unit_missing_in_the_read_model_is_found() -> None:
    evidence = replace(sold(), stock_view={"TEA": Stock(received=10, on_hand=7, shipped=2)})
    of_log = "received 10 + adjusted 0 = 8 on hand (0 reserved) + 2 shipped"
    of_view = "received 10 + adjusted 0 = 7 on hand (0 reserved) + 2 shipped"
    assert discrepancies(evidence) == [
        f"SKU TEA: inventory_view: {of_view}",
        f"SKU TEA: log has {of_log}; inventory_view has {of_view}",
    ]


def test_a_sku_that_the_read_model_lacks_is_found() -> None:
    assert len(discrepancies(replace(sold(), stock_view={}))) == 1


def test_a_unit_that_left_the_house_for_no_order_is_found() -> None:
    evidence = sold(RECEIVED, CREATED, RESERVED, COMMITTED, CANCELLED)
    assert "SKU TEA: 2 shipped, but the orders sent hold 0" in discrepancies(evidence)


def test_stock_committed_twice_is_found() -> None:
    found = discrepancies(sold(*SOLD, COMMITTED))
    assert "SKU TEA: log: received 10 + adjusted 0 = 6 on hand (-2 reserved) + 4 shipped" in found
    assert "SKU TEA: 4 shipped, but the orders sent hold 2" in found


def test_a_hold_left_behind_by_a_cancelled_order_is_found() -> None:
    evidence = replace(
        cancelled(RECEIVED, CREATED, RESERVED, CANCELLED),
        stock_view={"TEA": Stock(received=10, on_hand=10, reserved=2, shipped=0)},
    )
    assert discrepancies(evidence) == ["order o-1 is CANCELLED and still holds 2 of TEA"]


def test_an_open_order_may_hold_money() -> None:
    evidence = Evidence(
        ledger=Ledger().add_all([RECEIVED, CREATED, RESERVED, o.OrderReserved(order_id="o-1")]),
        stock_view={"TEA": Stock(received=10, on_hand=10, reserved=2, shipped=0)},
    )
    assert discrepancies(evidence) == []


def test_a_capture_counted_twice_in_the_log_is_found() -> None:
    assert discrepancies(sold(*SOLD, CAPTURED)) == [
        "order o-1 is SHIPPED: 500 due, 1000 - 0 captured by our log",
        "order o-1 is SHIPPED: captured 2 times by our log",
    ]


def test_a_capture_counted_twice_by_the_provider_is_found() -> None:
    twice = {"authorized": Effect(2, 1000), "captured": Effect(2, 1000)}
    assert discrepancies(replace(sold(), payments={"o-1": twice})) == [
        "order o-1 is SHIPPED: 500 due, 1000 - 0 captured by the provider's records",
        "order o-1 is SHIPPED: captured 2 times by the provider",
    ]


def test_a_second_capture_is_found_although_it_was_refunded() -> None:
    mended = {
        "authorized": Effect(2, 1000),
        "captured": Effect(2, 1000),
        "refunded": Effect(1, 500),
    }
    assert discrepancies(replace(sold(), payments={"o-1": mended})) == [
        "order o-1 is SHIPPED: captured 2 times by the provider"
    ]


def test_a_shipped_order_without_payment_is_found() -> None:
    found = discrepancies(replace(sold(*SOLD[:-1]), payments={}))
    assert found == [
        "order o-1 is SHIPPED: 500 due, 0 - 0 captured by our log",
        "order o-1 is SHIPPED: 500 due, 0 - 0 captured by the provider's records",
    ]


def test_an_authorization_that_was_never_voided_is_found() -> None:
    held = {"authorized": Effect(1, 500)}
    assert discrepancies(replace(cancelled(), payments={"o-1": held})) == [
        "order o-1 is CANCELLED: 500 authorised and neither captured nor voided"
    ]


def test_a_parcel_of_a_cancelled_order_is_found() -> None:
    assert discrepancies(replace(cancelled(), shipments={"o-1": SENT})) == [
        "order o-1 is CANCELLED: 0 units to be sent, 2 sent by the carrier"
    ]


def test_a_shipment_made_twice_is_found() -> None:
    twice = {**SENT, "created": Effect(2, 4)}
    assert discrepancies(replace(sold(), shipments={"o-1": twice})) == [
        "order o-1 is SHIPPED: created 2 times by the carrier"
    ]


def test_an_order_that_the_log_lacks_is_found() -> None:
    found = discrepancies(Evidence(Ledger(), {}, {"o-2": PAID}, {}, ["o-2"]))
    assert found == ["order o-2 is None: 0 due, 500 - 0 captured by the provider's records"]


def test_goods_that_came_back_to_no_shelf_are_found() -> None:
    evidence = replace(
        returned(*SOLD, DELIVERED, HALF_REFUNDED, ONE_RETURNED),
        stock_view={"TEA": Stock(received=10, on_hand=8, reserved=0, shipped=2)},
    )
    assert discrepancies(evidence) == ["SKU TEA: 2 shipped, but the orders sent hold 1"]


def test_goods_returned_in_the_log_but_not_at_the_carrier_are_found() -> None:
    assert discrepancies(replace(returned(), shipments={"o-1": SENT})) == [
        "order o-1 is DELIVERED: 1 units came back, 0 brought back by the carrier"
    ]


def test_goods_that_came_back_and_were_not_refunded_are_found() -> None:
    events = (*SOLD, DELIVERED, ONE_BACK, ONE_RETURNED)
    assert discrepancies(replace(returned(*events), payments={"o-1": PAID})) == [
        "order o-1 is DELIVERED: 250 due, 500 - 0 captured by our log",
        "order o-1 is DELIVERED: 250 due, 500 - 0 captured by the provider's records",
    ]


def test_a_lost_parcel_that_was_not_refunded_is_found() -> None:
    assert discrepancies(replace(lost(*SOLD, LOST), payments={"o-1": PAID})) == [
        "order o-1 is CANCELLED: 0 due, 500 - 0 captured by our log",
        "order o-1 is CANCELLED: 0 due, 500 - 0 captured by the provider's records",
    ]


def test_waiting_for_stock_moves_no_stock() -> None:
    queued = i.BackorderQueued(sku="TEA", order_id="o-1", quantity=2, since=PLACED_AT)
    ended = i.BackorderEnded(sku="TEA", order_id="o-1", quantity=2)
    assert discrepancies(sold(queued, *SOLD[:2], ended, *SOLD[2:])) == []


def test_an_order_without_payment_adds_up() -> None:
    sent = replace(sold(RECEIVED, FREE, RESERVED, COMMITTED, SHIPPED), payments={})
    ended = replace(cancelled(RECEIVED, FREE, RESERVED, RELEASED, CANCELLED), payments={})
    assert discrepancies(sent) == discrepancies(ended) == []


def test_money_that_was_held_for_an_order_without_payment_is_found() -> None:
    held = replace(
        sold(RECEIVED, FREE, RESERVED, COMMITTED, SHIPPED),
        payments={"o-1": {"authorized": Effect(1, 5)}},
    )
    assert discrepancies(held) == [
        "order o-1 is SHIPPED: 5 authorised and neither captured nor voided"
    ]
