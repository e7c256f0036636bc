from __future__ import annotations

from activities.types import AtOdds, TakenUp
from domain.saga.commands import Book
from workflows.reconciliation import Reconciled
from workflows.recover import report


def test_there_is_a_line_for_each_order_and_a_summary() -> None:
    odds = AtOdds("o-3", Book.PAYMENT, "attempt 1 held", "nothing")
    reconciled = Reconciled(TakenUp(2, ("o-1", "o-2")), 7, (odds,))
    assert list(report(reconciled)) == [
        "order o-1: its saga had no workflow and was taken up",
        "order o-2: its saga had no workflow and was taken up",
        "order o-3: payment at odds: the log says attempt 1 held, the provider nothing",
        "2 sagas taken up; books of 7 orders compared, 1 at odds.",
    ]


def test_many_are_counted_and_some_named() -> None:
    assert list(report(Reconciled(TakenUp(250, ("o-1",)), 1))) == [
        "order o-1: its saga had no workflow and was taken up",
        "... and 249 more",
        "250 sagas taken up; books of 1 order compared, 0 at odds.",
    ]


def test_books_that_could_not_be_compared_are_not_said_to_agree() -> None:
    assert list(report(Reconciled(TakenUp(0), None))) == [
        "0 sagas taken up; no books compared: a provider does not answer."
    ]
