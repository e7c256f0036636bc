"""Turn a client's input into a PlaceOrder command, or into errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

import strawberry

from api.auth import Viewer
from api.context import Context, Services
from api.idempotency import mark_not_run, mark_replayed, mark_sent
from api.lost import order_lost
from api.orders.charges import check_charge
from api.orders.checks import check_currencies, check_expectation, check_input
from api.orders.inputs import OrderLineInput, PlaceOrderInput
from api.orders.pricing import priced
from api.orders.recipient import address_in, contact_in
from api.orders.references import metadata_of
from api.orders.types import Order, PlaceOrderPayload
from api.scalars import Position
from api.user_errors import UserError, bad_key, input_error
from domain import idempotency
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_idempotency_key, is_identifier
from domain.ids import line_id_for, order_id_for
from domain.order.commands import PlaceOrder
from domain.order.lines import MAX_LINES, OrderLine
from domain.order.pricing import PricedOrder
from domain.order.promises import Promises
from orchestrator.translation import OutcomeUnknown, Unavailable
from queries.order_view import OrderView
from queries.products import ProductView
from workflows.types import SagaType


async def place_order(order: PlaceOrderInput, context: Context) -> PlaceOrderPayload:
    """Place the order, return the order that has this key, or return errors and change nothing.

    A repeat is answered whatever the prices are now, because they may have changed.
    """
    if not is_idempotency_key(order.idempotency_key):
        return PlaceOrderPayload(user_errors=[bad_key()])
    viewer, services = context.viewer, context.services
    earlier, products = await asyncio.gather(
        services.orders.get(order_id_for(viewer.sub, order.idempotency_key)),
        _products(order, services),
    )
    if earlier is not None:
        return _replay(earlier, fingerprint_of(order))
    command = _command(order, viewer, products, services)
    if not isinstance(command, PlaceOrder):
        return await _refuse(order, command, viewer, services)
    return await _start(command, viewer, services)


def fingerprint_of(order: PlaceOrderInput) -> str:
    """Return the fingerprint of the client's input, which distinguishes a repeat from a reuse."""
    return idempotency.fingerprint_of(strawberry.asdict(order))


async def _products(order: PlaceOrderInput, services: Services) -> Mapping[str, ProductView]:
    skus = {line.sku for line in order.lines[:MAX_LINES] if is_identifier(line.sku)}
    return await services.products.get_all(skus) if skus else {}


def _command(
    order: PlaceOrderInput, viewer: Viewer, products: Mapping[str, ProductView], services: Services
) -> PlaceOrder | Sequence[UserError]:
    errors = check_input(order, products) or check_currencies(order, products)
    if errors:
        return errors
    lines = _lines(order_id_for(viewer.sub, order.idempotency_key), order.lines, products)
    currency = products[order.lines[0].sku].price.currency
    result = priced(services.pricing, lines, currency, order.discount_code)
    if not isinstance(result, PricedOrder):
        return result
    promises = services.orchestrator.promises
    total = result.price.money
    try:
        return (
            check_expectation(order, total)
            or check_charge(order, total, services.charge_limits)
            or _place(order, viewer, result, promises)
        )
    except Refused as refused:
        return [UserError.of(refused)]


def _lines(
    order_id: str, lines: Sequence[OrderLineInput], products: Mapping[str, ProductView]
) -> Sequence[OrderLine]:
    """Return the lines with the products' names and prices of now, without discount and tax."""
    return [
        OrderLine(
            id=line_id_for(order_id, index),
            sku=line.sku,
            name=products[line.sku].name,
            quantity=line.quantity,
            unit_price=products[line.sku].price.amount,
        )
        for index, line in enumerate(lines)
    ]


def _place(
    order: PlaceOrderInput, viewer: Viewer, priced_order: PricedOrder, promises: Promises
) -> PlaceOrder:
    """Return the command. An order of nothing to pay keeps no payment method.

    Raises Refused when the price does not add up.
    """
    return PlaceOrder(
        aggregate_id=order_id_for(viewer.sub, order.idempotency_key),
        customer_id=viewer.sub,
        lines=priced_order.lines,
        price=priced_order.price,
        discount_code=order.discount_code,
        payment_method=order.payment_method if priced_order.price.total else None,
        shipping_address=address_in(order),
        contact=contact_in(order),
        fingerprint=fingerprint_of(order),
        promises=promises,
        backorder=order.backorder,
        reference=order.reference,
        metadata=metadata_of(order.metadata),
    )


async def _refuse(
    order: PlaceOrderInput, errors: Sequence[UserError], viewer: Viewer, services: Services
) -> PlaceOrderPayload:
    """Refuse the order, unless a saga is about to place it for an earlier request with its key.

    Prices may have changed since. The client would take this refusal for the answer to both.
    """
    order_id = order_id_for(viewer.sub, order.idempotency_key)
    try:
        earlier = await services.orchestrator.find_placed(order_id, fingerprint_of(order))
    except Refused as refused:
        return PlaceOrderPayload(user_errors=[UserError.of(refused)])
    if earlier is None:
        return PlaceOrderPayload(user_errors=list(errors))
    mark_replayed()
    return await _placed(order_id, services)


async def _start(command: PlaceOrder, viewer: Viewer, services: Services) -> PlaceOrderPayload:
    call = uuid4()
    mark_sent()
    try:
        accepted = await services.orchestrator.start_saga(
            SagaType.ORDER, command, actor=viewer.actor, call=call
        )
    except OutcomeUnknown:
        placed = await services.orders.get(command.aggregate_id)
        if placed is None:
            raise
        return _replay(placed, command.fingerprint)
    except (Refused, Unavailable) as error:
        mark_not_run()
        if isinstance(error, Unavailable):
            raise
        return PlaceOrderPayload(user_errors=[UserError.of(error)])
    if accepted.call != call:
        mark_replayed()
    return await _placed(accepted.order_id, services)


async def _placed(order_id: str, services: Services) -> PlaceOrderPayload:
    placed = await services.orders.get(order_id)
    if placed is None:
        return PlaceOrderPayload(user_errors=[UserError.of(order_lost(order_id))])
    return _payload(placed)


def _replay(earlier: OrderView, fingerprint: str) -> PlaceOrderPayload:
    if earlier.fingerprint != fingerprint:
        return PlaceOrderPayload(user_errors=[_reused_key()])
    mark_replayed()
    return _payload(earlier)


def _payload(order: OrderView) -> PlaceOrderPayload:
    """Return the order as it is now, with the position of its record, the same for each repeat."""
    return PlaceOrderPayload(order=Order.of(order), position=Position(order.placed_position))


def _reused_key() -> UserError:
    message = "this idempotency key was used for another order; use a new key for a new order"
    return input_error(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
