"""What a provider should hold of an order's money, as the log and its operators have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from activities.reconciliation.holdings import ProviderHoldings, promised_holdings
from domain.money import Money
from domain.order.price import Price
from domain.order.state import OrderState, OrderStatus, Refund, Return
from domain.payment.commands import DisputeOutcome
from domain.payment.state import Dispute, FailedRefund, PaymentState, PaymentStatus

PRICE: Final = Price(currency="KWD", lines=5123, total=5123)
RETURNED: Final = OrderState(status=OrderStatus.RETURNED, returned=Return((), PRICE))
CANCELLED: Final = OrderState(status=OrderStatus.CANCELLED)
CAPTURED: Final = PaymentState(
    PaymentStatus.CAPTURED, attempt=1, amount=Money(amount=5120, currency="KWD"), captured=5120
)
NOTHING: Final = ProviderHoldings()


def refunded(
    order: OrderState, payment: PaymentState, *settled: str, held: ProviderHoldings = NOTHING
) -> int:
    return promised_holdings(order, payment, frozenset(settled), held, unit=10).refunded


def test_a_return_is_refunded_as_far_as_the_provider_can_move_its_price() -> None:
    assert refunded(RETURNED, CAPTURED) == 5120


def test_what_a_lost_dispute_gives_is_not_expected_and_what_it_gave_back_is() -> None:
    lost = replace(CAPTURED, disputes={"dp_1": Dispute(5120, DisputeOutcome.LOST)})
    won = replace(CAPTURED, disputes={"dp_1": Dispute(5120, DisputeOutcome.WON)})
    assert (refunded(RETURNED, lost), refunded(RETURNED, won)) == (0, 5120)
    assert (refunded(CANCELLED, lost), refunded(CANCELLED, won)) == (0, 5120)


@pytest.mark.parametrize("settled", [(), ("refund_again_1",)])
def test_a_failed_refund_of_a_return_is_for_an_operator_to_decide(settled: tuple[str, ...]) -> None:
    failed = replace(CAPTURED, failed_refunds={1: FailedRefund("refund", 5120)})
    assert refunded(RETURNED, failed, *settled) == 0


def test_a_failed_refund_of_an_undone_order_is_expected_until_it_is_given_up() -> None:
    failed = replace(CAPTURED, failed_refunds={1: FailedRefund("give_back", 5120)})
    assert refunded(CANCELLED, failed) == 5120
    assert refunded(CANCELLED, failed, "refund_again_1") == 0


@pytest.mark.parametrize(
    ("refund", "settled", "due"),
    [
        (Refund("k", 200, (), "r", is_open=False), (), 200),
        (Refund("k", 200, (), "r", is_open=False), ("refund_order_1",), 0),
        (Refund("k", 200, (), "r", is_open=False, is_given_up=True), (), 0),
        (Refund("k", 200, (), "r"), (), 0),
    ],
)
def test_a_requested_refund_is_expected_once_it_has_ended(
    refund: Refund, settled: tuple[str, ...], due: int
) -> None:
    order = OrderState(status=OrderStatus.COMPLETED, refunds={1: refund})
    assert refunded(order, CAPTURED, *settled) == due
    assert refunded(replace(order, status=OrderStatus.CANCELLING), CAPTURED, *settled) == 0


@pytest.mark.parametrize(("was_pending", "ours"), [(False, (1,)), (True, ())])
def test_an_operator_answers_for_a_hold_and_not_for_a_later_approval(
    ours: tuple[int, ...], *, was_pending: bool
) -> None:
    settled = replace(CAPTURED, status=PaymentStatus.SETTLED_BY_OPERATOR, was_pending=was_pending)
    held = ProviderHoldings(attempts_held=(1,))
    promised = promised_holdings(CANCELLED, settled, frozenset({"give_back"}), held, unit=10)
    assert (promised.attempts_held, promised.refunded) == (ours, 0)
