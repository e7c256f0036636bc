"""Check an order before it is placed, and report every error with its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import strawberry
from pydantic import BaseModel, ValidationError

from api.orders.inputs import OrderLineInput, PlaceOrderInput
from api.orders.recipient import check_recipient
from api.orders.references import check_references
from api.user_errors import UserError, input_error, invalid_inputs
from domain.errors import ErrorCode
from domain.money import Money
from domain.order.commands import PaymentMethod
from domain.order.lines import MAX_LINES, MAX_QUANTITY, Address
from queries.products import ProductView


class _Details(BaseModel):
    payment_method: PaymentMethod | None
    shipping_address: Address
    expected_total: Money | None


def check_input(order: PlaceOrderInput, products: Mapping[str, ProductView]) -> Sequence[UserError]:
    """Return the errors that do not depend on prices."""
    return [
        *_check_lines(order.lines, products),
        *_check_details(order),
        *check_recipient(order),
        *check_references(order.reference, order.metadata),
    ]


def check_currencies(
    order: PlaceOrderInput, products: Mapping[str, ProductView]
) -> Sequence[UserError]:
    """Return the error of products in several currencies. The order must have passed
    check_input()."""
    currencies = {products[line.sku].price.currency for line in order.lines}
    if len(currencies) > 1:
        message = "these products have prices in different currencies: order them separately"
        return [input_error(ErrorCode.CURRENCY_MISMATCH, message, "lines")]
    return []


def check_expectation(order: PlaceOrderInput, total: Money) -> Sequence[UserError]:
    """Return the error of a total that the client did not expect."""
    expected = order.expected_total
    if expected is None:
        return []
    if expected.currency != total.currency:
        message = f"these products have prices in {total.currency}"
        path = ("expectedTotal", "currency")
        return [input_error(ErrorCode.CURRENCY_MISMATCH, message, *path)]
    if expected.amount != total.amount:
        message = f"the total is {total}"
        return [input_error(ErrorCode.PRICE_CHANGED, message, "expectedTotal", "amount")]
    return []


def _check_lines(
    lines: Sequence[OrderLineInput], products: Mapping[str, ProductView]
) -> Iterator[UserError]:
    if not lines:
        yield input_error(ErrorCode.EMPTY_ORDER, "an order needs at least one line", "lines")
    if len(lines) > MAX_LINES:
        message = f"an order has at most {MAX_LINES} lines: split it"
        yield input_error(ErrorCode.TOO_MANY_LINES, message, "lines")
        return
    seen: set[str] = set()
    for index, line in enumerate(lines):
        yield from _check_line(index, line, seen, products)
        seen.add(line.sku)


def _check_line(
    index: int, line: OrderLineInput, seen: set[str], products: Mapping[str, ProductView]
) -> Iterator[UserError]:
    if not 1 <= line.quantity <= MAX_QUANTITY:
        message = f"a quantity is from 1 to {MAX_QUANTITY}"
        yield input_error(ErrorCode.INVALID_QUANTITY, message, "lines", index, "quantity")
    if line.sku in seen:
        message = "this SKU is on an earlier line: add the quantities up"
        yield input_error(ErrorCode.DUPLICATE_LINE, message, "lines", index, "sku")
    elif line.sku not in products:
        message = "there is no product with this SKU"
        yield input_error(ErrorCode.UNKNOWN_SKU, message, "lines", index, "sku")
    elif products[line.sku].discontinued:
        message = "this product is discontinued: order another one"
        yield input_error(ErrorCode.PRODUCT_DISCONTINUED, message, "lines", index, "sku")


def _check_details(order: PlaceOrderInput) -> Sequence[UserError]:
    given = strawberry.asdict(order)
    try:
        _Details(**{name: given[name] for name in _Details.model_fields})
    except ValidationError as error:
        return invalid_inputs(error)
    return []
