from __future__ import annotations

from collections.abc import Sequence

from domain.product.events import ProductEvent
from eventstore.envelope import StoredEvent
from projections.change import Change

LISTED = """
    INSERT INTO readmodel.product_view (sku, name, currency, price, position)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (sku) DO UPDATE SET name = $2, currency = $3, price = $4, position = $5
"""


def project(event: ProductEvent, stored: StoredEvent) -> Sequence[Change]:
    price = event.price
    return [Change(LISTED, (event.sku, event.name, price.currency, price.amount, stored.position))]
