"""The laws of a change in memory; SQL's statements keep the same ones."""

from __future__ import annotations

import pytest

from projections.change import (
    Appended,
    IfEqual,
    Initially,
    Plus,
    Row,
    RowExists,
    delete,
    evolve,
    insert,
    update,
    upsert,
)
from projections.tables import backorder_view, inventory_view, order_view, payment_view

ROW: Row = {"order_id": "o-1", "sku": "cup", "quantity": 2, "position": 7}
NEW_STOCK = {"sku": "cup", "received": 0, "adjusted": 0, "reserved": 0, "shipped": 0}


def test_an_insert_makes_a_row_of_its_key_and_values() -> None:
    change = insert(backorder_view, ("o-1", "cup"), quantity=2, position=7)
    assert evolve(None, change) == ROW


def test_an_insert_of_a_row_that_exists_is_refused_and_the_row_stays() -> None:
    row = dict(ROW)
    with pytest.raises(RowExists, match=r"^the row to insert into backorder_view exists already$"):
        evolve(row, insert(backorder_view, ("o-1", "cup"), quantity=3, position=8))
    assert row == ROW


def test_a_new_row_has_the_defaults_and_no_computed_column() -> None:
    assert evolve(None, upsert(inventory_view, "cup")) == NEW_STOCK | {"position": None}


def test_an_upsert_of_a_row_that_exists_sets_only_its_own_columns() -> None:
    change = upsert(backorder_view, ("o-1", "cup"), quantity=3)
    assert evolve(dict(ROW), change) == ROW | {"quantity": 3}


def test_an_upsert_twice_is_the_upsert_once() -> None:
    change = upsert(backorder_view, ("o-1", "cup"), quantity=3, position=8)
    once = evolve(dict(ROW), change)
    assert once is not None
    assert evolve(dict(once), change) == once


def test_an_update_of_a_missing_row_changes_nothing() -> None:
    assert evolve(None, update(backorder_view, ("o-1", "cup"), quantity=3)) is None


def test_an_update_of_no_column_keeps_the_row() -> None:
    assert evolve(dict(ROW), update(backorder_view, ("o-1", "cup"))) == ROW


def test_a_delete_leaves_no_row() -> None:
    assert evolve(dict(ROW), delete(backorder_view, ("o-1", "cup"))) is None
    assert evolve(None, delete(backorder_view, ("o-1", "cup"))) is None


def test_a_row_that_is_inserted_after_its_deletion_has_no_old_value() -> None:
    deleted = evolve(dict(ROW), delete(backorder_view, ("o-1", "cup")))
    inserted = evolve(deleted, insert(backorder_view, ("o-1", "cup"), position=9))
    assert inserted == ROW | {"quantity": None, "position": 9}


def test_additions_begin_at_0_and_add_up() -> None:
    row = evolve(None, upsert(inventory_view, "cup", received=Plus(5)))
    row = evolve(row, upsert(inventory_view, "cup", received=Plus(-2), position=8))
    assert row == NEW_STOCK | {"received": 3, "position": 8}


def test_an_element_is_appended_to_the_array_as_it_is() -> None:
    row: Row = {"refunds": '[{"total": 1}]'}
    assert evolve(row, update(order_view, "o-1", refunds=Appended('{"total": 2}'))) == {
        "refunds": '[{"total": 1}, {"total": 2}]'
    }


def test_an_initial_value_is_that_of_a_new_row_alone() -> None:
    first = upsert(backorder_view, ("o-1", "cup"), quantity=Initially(1))
    row = evolve(None, first)
    assert row == {"order_id": "o-1", "sku": "cup", "quantity": 1, "position": None}
    again = upsert(backorder_view, ("o-1", "cup"), quantity=Initially(2), position=8)
    assert evolve(row, again) == row | {"position": 8}


@pytest.mark.parametrize(("captured", "status"), [(5, "REFUNDED"), (6, "CAPTURED")])
def test_a_value_depends_on_another_column(captured: int, status: str) -> None:
    row: Row = {"captured": captured, "status": "CAPTURED"}
    change = update(payment_view, "o-1", status=IfEqual("captured", 5, "REFUNDED"))
    assert evolve(row, change) == {"captured": captured, "status": status}


def test_a_comparison_sees_the_row_as_it_was_before_the_change() -> None:
    row: Row = {"captured": 5, "status": "CAPTURED"}
    change = update(payment_view, "o-1", captured=6, status=IfEqual("captured", 5, "REFUNDED"))
    assert evolve(row, change) == {"captured": 6, "status": "REFUNDED"}
