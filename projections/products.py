from __future__ import annotations

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import insert

from domain.catalogue.events import CatalogueEvent
from eventstore.envelope import StoredEvent
from projections.tables import product_view


def project(event: CatalogueEvent, stored: StoredEvent) -> Executable:
    product = {
        "name": event.name,
        "currency": event.price.currency,
        "price": event.price.amount,
        "position": stored.position,
    }
    return (
        insert(product_view)
        .values(sku=event.sku, **product)
        .on_conflict_do_update(index_elements=["sku"], set_=product)
    )
