"""The changes of one transaction are made by few statements, which keep their effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from eventstore.envelope import StoredEvent
from projections.batches import Batch, Caused, batches, statement_of
from projections.change import Appended, Change, Initially, Plus, delete, insert, update, upsert
from projections.tables import backorder_view, inventory_view, order_view

EVENT = StoredEvent(1, "inventory-cup", 1, UUID(int=1), "E", 1, "{}", "{}", datetime.now(UTC))


def grouped(*changes: Change) -> Sequence[Sequence[Change]]:
    caused = [Caused("inventory", EVENT, change) for change in changes]
    return [[each.change for each in batch] for batch in batches(caused)]


def moved(sku: str, position: int, **pieces: int) -> Change:
    added = {column: Plus(number) for column, number in pieces.items()}
    return upsert(inventory_view, sku, position=position, **added)


def test_equal_changes_of_different_rows_are_one_statement() -> None:
    cup, mug = moved("cup", 1, reserved=1), moved("mug", 2, reserved=4)
    assert grouped(cup, mug) == [[cup, mug]]


def test_changes_of_one_row_in_the_same_way_are_one_change() -> None:
    assert grouped(
        moved("cup", 1, reserved=1), moved("mug", 2, reserved=4), moved("cup", 3, reserved=2)
    ) == [[moved("cup", 3, reserved=3), moved("mug", 2, reserved=4)]]


def test_a_row_keeps_what_was_set_initially_by_its_first_change() -> None:
    first = upsert(inventory_view, "cup", position=Initially(1))
    assert grouped(first, upsert(inventory_view, "cup", position=Initially(2))) == [[first]]


def test_changes_of_one_row_in_different_ways_keep_their_order() -> None:
    reserved, shipped = moved("cup", 1, reserved=1), moved("cup", 2, reserved=-1, shipped=1)
    again = moved("cup", 3, reserved=5)
    assert grouped(reserved, shipped, again) == [[reserved], [shipped], [again]]


def test_the_second_changes_of_all_rows_follow_the_first_ones() -> None:
    made = [insert(order_view, order, position=n) for n, order in enumerate("ab")]
    set_ = [update(order_view, order, status="RESERVED") for order in "ab"]
    assert grouped(made[0], set_[0], made[1], set_[1]) == [made, set_]


def test_no_row_gets_its_second_change_before_its_first_one() -> None:
    reserved, received = moved("cup", 1, reserved=1), moved("mug", 2, received=9)
    shipped = [moved("cup", 3, reserved=-1, shipped=1), moved("mug", 4, reserved=-2, shipped=2)]
    assert grouped(reserved, shipped[0], received, shipped[1]) == [[reserved], [received], shipped]


def test_a_row_that_is_made_deleted_and_made_again_takes_three_statements() -> None:
    made = insert(backorder_view, ("o", "cup"), quantity=1, position=1)
    ended = delete(backorder_view, ("o", "cup"))
    assert grouped(made, ended, made) == [[made], [ended], [made]]


def test_two_inserts_of_one_row_stay_two_so_that_the_second_fails() -> None:
    made = insert(backorder_view, ("o", "cup"), quantity=1, position=1)
    assert grouped(made, made) == [[made], [made]]


def test_a_change_that_needs_a_statement_of_its_own_is_alone() -> None:
    changes = [update(order_view, order, refunds=Appended("{}")) for order in "ab"]
    assert grouped(*changes) == [[changes[0]], [changes[1]]]


def test_the_statement_of_several_rows_has_an_array_for_each_column() -> None:
    batch: Batch = [
        Caused("inventory", EVENT, moved("cup", 1, reserved=1)),
        Caused("inventory", EVENT, moved("mug", 2, reserved=4)),
    ]
    assert statement_of(batch).arguments == (["cup", "mug"], [1, 2], [1, 4])
