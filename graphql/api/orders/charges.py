"""Check that the total of an order can be paid, or that there is nothing to pay."""

from __future__ import annotations

from collections.abc import Sequence

from api.orders.inputs import PlaceOrderInput
from api.user_errors import UserError, input_error
from domain.errors import ErrorCode, Refused
from domain.money import Money
from providers.payments import ChargeLimits
from providers.stripe_limits import StripeLimits
from settings import Settings


def charge_limits(settings: Settings) -> ChargeLimits:
    return StripeLimits(
        settings.payment_minimums,
        settings.payment_maximums,
        settings.payment_settlement_currencies,
    )


def check_charge(order: PlaceOrderInput, total: Money, limits: ChargeLimits) -> Sequence[UserError]:
    """Return the errors of a total. The order must have passed check_expectation().

    A total of 0 is accepted only from a client that expects it, because a fault in the prices must
    not give goods away. The provider is never asked for it, so its limits do not apply.
    """
    if total.amount == 0:
        return [] if order.expected_total is not None else [_unconfirmed()]
    if order.payment_method is None:
        return [_no_method(total)]
    try:
        limits.check(total)
    except Refused as refused:
        return [UserError.of(refused)]
    return []


def _unconfirmed() -> UserError:
    message = "the total is 0: place the order with an expectedTotal of 0 if it is free"
    return input_error(ErrorCode.ZERO_TOTAL, message, "expectedTotal")


def _no_method(total: Money) -> UserError:
    message = f"the total is {total}: name a payment method, a token of the payment provider"
    return input_error(ErrorCode.PAYMENT_METHOD_REQUIRED, message, "paymentMethod")
