"""Price a client's order by the shop's pricing, and report why it has no price."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from api.user_errors import UserError, input_error
from domain.errors import ErrorCode, Refused
from domain.order.lines import OrderLine
from domain.order.pricing import PricedOrder, Pricing, PricingRules, StandardPricing
from settings import Settings


def standard_pricing(settings: Settings) -> Pricing:
    return StandardPricing(
        PricingRules(
            shipping_price=settings.shipping_price,
            free_shipping_from=settings.free_shipping_from,
            tax_percent=settings.tax_percent,
            discount_codes=settings.discount_codes,
        )
    )


def priced(
    pricing: Pricing, lines: Sequence[OrderLine], currency: str, discount_code: str | None
) -> PricedOrder | Sequence[UserError]:
    """Return the lines and the price of the order, or the errors in them."""
    try:
        return pricing.price(lines, currency, discount_code)
    except Refused as refused:
        return [UserError.of(refused)]
    except ValidationError:
        message = "the total exceeds the limit of one order: split it"
        return [input_error(ErrorCode.INVALID_INPUT, message, "lines")]
