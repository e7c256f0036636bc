from __future__ import annotations

from collections.abc import Sequence

from domain.product import events as e
from eventstore.envelope import StoredEvent
from projections.change import Change

LISTED = """
    INSERT INTO readmodel.product_view (sku, name, currency, price, discontinued, position)
    VALUES ($1, $2, $3, $4, false, $5)
    ON CONFLICT (sku) DO UPDATE
    SET name = $2, currency = $3, price = $4, discontinued = false, position = $5
"""
RENAMED = "UPDATE readmodel.product_view SET name = $2, position = $3 WHERE sku = $1"
PRICE_CHANGED = """
    UPDATE readmodel.product_view SET currency = $2, price = $3, position = $4 WHERE sku = $1
"""
DISCONTINUED = """
    UPDATE readmodel.product_view SET discontinued = true, position = $2 WHERE sku = $1
"""


def project(event: e.ProductEvent, stored: StoredEvent) -> Sequence[Change]:
    sku, position = event.sku, stored.position
    match event:
        case e.ProductListed(name=name, price=price):
            listed = (sku, name, price.currency, price.amount, position)
            return [Change(LISTED, listed)]
        case e.ProductRenamed(name=name):
            return [Change(RENAMED, (sku, name, position))]
        case e.ProductPriceChanged(price=price):
            return [Change(PRICE_CHANGED, (sku, price.currency, price.amount, position))]
        case e.ProductDiscontinued():
            return [Change(DISCONTINUED, (sku, position))]
