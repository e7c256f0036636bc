from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from domain.product import events as e
from eventstore.envelope import StoredEvent
from projections.change import Change, update, upsert
from projections.projection import Inline, events_of
from projections.tables import product_view


def apply(event: e.ProductEvent, stored: StoredEvent) -> Sequence[Change]:
    changed = partial(update, product_view, event.sku, position=stored.position)
    match event:
        case e.ProductListed(name=name, price=price):
            listed = {"name": name, "currency": price.currency, "price": price.amount}
            position = stored.position
            return [
                upsert(product_view, event.sku, discontinued=False, position=position, **listed)
            ]
        case e.ProductRenamed(name=name):
            return [changed(name=name)]
        case e.ProductPriceChanged(price=price):
            return [changed(currency=price.currency, price=price.amount)]
        case e.ProductDiscontinued():
            return [changed(discontinued=True)]


PRODUCTS: Final = Inline("products", 1, [product_view], events_of(e.ProductEvent), apply)
