"""The helper that states the tests of projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from domain.inventory.events import BackorderQueued, InventoryReserved, StockReceived
from eventstore.envelope import StoredEvent
from projections.change import Change, Given, Plus, Row, Step, upsert
from projections.inventory import INVENTORY
from projections.projection import Following
from projections.tables import inventory_view
from tests.support.order_parts import PLACED_AT
from tests.support.projections import given

RECEIVED: Final = StockReceived(sku="cup", quantity=5)
RESERVED: Final = InventoryReserved(sku="cup", order_id="o-1", quantity=2)


def apply(event: StockReceived, _: StoredEvent) -> Sequence[Step]:
    """Count what is received, and in `adjusted` what is received on top of earlier goods."""

    def on_top(row: Row | None) -> Sequence[Change]:
        more = 0 if row is None else event.quantity
        return [
            upsert(inventory_view, event.sku, received=Plus(event.quantity), adjusted=Plus(more))
        ]

    return [Given(inventory_view, (event.sku,), on_top)]


STOCK: Final = Following("stock", 1, [inventory_view], frozenset({StockReceived}), apply)


def test_a_following_projection_counts_an_event_once_that_comes_twice() -> None:
    rows = {inventory_view: [{"sku": "cup", "received": 10, "adjusted": 5}]}
    given(STOCK, [RECEIVED, RECEIVED]).then(rows)
    given(STOCK, [RECEIVED, RECEIVED]).twice_each().then(rows)


def test_an_event_that_the_projection_does_not_take_changes_no_row() -> None:
    given(STOCK, [RESERVED]).then({})


def test_no_event_reaches_an_inline_projection_twice() -> None:
    with pytest.raises(TypeError, match=r"^inventory is inline: no event reaches it twice$"):
        given(INVENTORY, [RECEIVED]).twice_each()


def test_a_surplus_row_fails_the_test() -> None:
    queued = BackorderQueued(sku="cup", order_id="o-1", quantity=2, since=PLACED_AT)
    with pytest.raises(AssertionError, match=r"^backorder_view: \[\{\}\], expected \[\]"):
        given(INVENTORY, [queued]).then({})


def test_another_value_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"^inventory_view: \[\{'received': 5\}\], expected "):
        given(INVENTORY, [RECEIVED]).then({inventory_view: [{"received": 6}]})
