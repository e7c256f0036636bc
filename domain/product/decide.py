from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.product import commands as c
from domain.product import events as e
from domain.product.state import ProductState, evolve

_PRICE_CURRENCY = ("input", "price", "currency")
_SKU = ("input", "sku")


def decide(command: c.ProductCommand, state: ProductState) -> Sequence[e.ProductEvent]:
    match command:
        case c.ListProduct():
            return _list(command, state)
        case c.ChangePrice():
            return _change_price(command, state)
        case c.DiscontinueProduct():
            return _discontinue(command, state)
        case _:
            raise TypeError(f"product does not support {command.command_type}")


def _list(command: c.ListProduct, state: ProductState) -> Sequence[e.ProductEvent]:
    sku = command.aggregate_id
    if state.price is None or state.is_discontinued:
        return [e.ProductListed(sku=sku, name=command.name, price=command.price)]
    events: list[e.ProductEvent] = []
    if command.name != state.name:
        events.append(e.ProductRenamed(sku=sku, name=command.name))
    return [*events, *_reprice(sku, command.price, state.price)]


def _change_price(command: c.ChangePrice, state: ProductState) -> Sequence[e.ProductEvent]:
    price = _listed_price(command, state)
    if state.is_discontinued:
        raise Refused(
            ErrorCode.PRODUCT_DISCONTINUED,
            f"{command.aggregate_id} is discontinued: list it again with the new price",
            _SKU,
        )
    return _reprice(command.aggregate_id, command.price, price)


def _discontinue(command: c.DiscontinueProduct, state: ProductState) -> Sequence[e.ProductEvent]:
    _listed_price(command, state)
    return [] if state.is_discontinued else [e.ProductDiscontinued(sku=command.aggregate_id)]


def _reprice(sku: str, price: Money, before: Money) -> Sequence[e.ProductEvent]:
    """Refuse another currency, which is nearly always a mistake of the caller.

    A shop that means it discontinues the product and lists it again.
    """
    if price.currency != before.currency:
        raise Refused(
            ErrorCode.CURRENCY_MISMATCH,
            f"the price of {sku} is in {before.currency}: to sell it in another currency, "
            "discontinue it and list it again",
            _PRICE_CURRENCY,
        )
    return [] if price == before else [e.ProductPriceChanged(sku=sku, price=price)]


def _listed_price(command: c.ProductCommand, state: ProductState) -> Money:
    """Return the price. Raises Refused for a product that was never listed."""
    if state.price is None:
        raise Refused(
            ErrorCode.UNKNOWN_SKU, f"there is no product {command.aggregate_id}: list it", _SKU
        )
    return state.price


PRODUCT: Aggregate[ProductState] = Aggregate("product", ProductState(), decide, evolve)
