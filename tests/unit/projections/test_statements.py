"""A change has a statement that does what the fold in memory does, or it is refused by name."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventstore.envelope import StoredEvent
from projections.batches import Caused, statement_of
from projections.change import Appended, Change, IfEqual, Initially, Plus, insert, update, upsert
from projections.statements import UnsupportedChange, statement
from projections.tables import inventory_view, order_view, payment_view
from tests.support.projections import recorded_at

EVENT = StoredEvent(1, "order-o", 1, UUID(int=1), "E", 1, "{}", "{}", recorded_at(1))
CHOSEN = IfEqual("status", "CAPTURED", "REFUNDED")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            insert(order_view, "o", refunds=Appended("{}")),
            "no INSERT of order_view takes Appended for its column refunds",
        ),
        (
            upsert(order_view, "o", refunds=Appended("{}")),
            "no UPSERT of order_view takes Appended for its column refunds",
        ),
        (
            upsert(payment_view, "o", status=CHOSEN),
            "no UPSERT of payment_view takes IfEqual for its column status",
        ),
        (
            upsert(inventory_view, "cup", position=Plus(1)),
            "no UPSERT of inventory_view takes Plus for its column position",
        ),
        (
            update(order_view, "o", status=Initially("PLACED")),
            "no UPDATE of order_view takes Initially for its column status",
        ),
        (update(order_view, "o"), "no UPDATE of order_view changes no column"),
    ],
)
def test_a_change_without_a_right_statement_is_refused(change: Change, message: str) -> None:
    with pytest.raises(UnsupportedChange) as refusal:
        statement(change)

    assert str(refusal.value) == message


def test_a_change_of_several_rows_is_refused_in_the_same_way() -> None:
    changes = [update(order_view, order, status=Initially("PLACED")) for order in "ab"]

    with pytest.raises(UnsupportedChange):
        statement_of([Caused("orders", EVENT, change) for change in changes])


def test_an_element_that_is_an_array_is_appended_as_one_element() -> None:
    sql, arguments = statement(update(order_view, "o", refunds=Appended("[1, 2]")))

    assert sql == (
        "UPDATE readmodel.order_view AS r"
        " SET refunds = r.refunds || jsonb_build_array($2::jsonb) WHERE order_id = $1"
    )
    assert arguments == ("o", "[1, 2]")
