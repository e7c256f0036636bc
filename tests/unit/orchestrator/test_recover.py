from __future__ import annotations

from activities.types.reconciliation import Discrepancy, FailedOrders, RecoveryResult
from domain.saga.commands import ReconciledSystem
from orchestrator.recover import comparison_lines, recovery_lines
from workflows.reconciliation import ReconciliationResult


def test_there_is_a_line_for_each_order_and_a_summary() -> None:
    needless = Discrepancy("o-3", ReconciledSystem.WORKFLOW, "COMPLETED", "running")
    left = FailedOrders(1, {"o-4": "an unexpected error; see the worker's log"})
    assert list(recovery_lines(RecoveryResult(2, ("o-1", "o-2"), left, (needless,)))) == [
        "order o-1: its saga had no workflow and was recovered",
        "order o-2: its saga had no workflow and was recovered",
        "order o-4: not recovered: an unexpected error; see the worker's log",
        "order o-3: workflow discrepancy: the log says COMPLETED, the other side running",
        "2 sagas recovered.",
    ]


def test_many_failed_orders_are_counted_and_some_named() -> None:
    assert list(recovery_lines(RecoveryResult(250, ("o-1",), FailedOrders(9, {"o-2": "why"})))) == [
        "order o-1: its saga had no workflow and was recovered",
        "... and 249 more",
        "order o-2: not recovered: why",
        "... and 8 more not recovered",
        "250 sagas recovered.",
    ]


def test_the_comparison_prints_each_discrepancy() -> None:
    discrepancy = Discrepancy("o-3", ReconciledSystem.PAYMENT, "attempt 1 held", "nothing")
    assert list(
        comparison_lines(ReconciliationResult(1, (discrepancy,), FailedOrders(1, {"o-4": "why"})))
    ) == [
        "order o-4: not compared: why",
        "order o-3: payment discrepancy: the log says attempt 1 held, the other side nothing",
        "1 order compared, 1 with discrepancies.",
    ]


def test_an_order_that_could_not_be_compared_does_not_count_as_equal() -> None:
    assert list(comparison_lines(ReconciliationResult(0, why_not="carrier find: timeout"))) == [
        "No orders compared: carrier find: timeout"
    ]
