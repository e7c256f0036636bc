"""Reconcile now, instead of waiting for the schedule, and report the result.

    python -m orchestrator.recover [--order ID]

Sagas without a workflow are recovered, and the log is compared with the providers' records. An
order that the log has lost, by a failover or a restore, is placed again by the command that its
workflow was started with. The command may run at any time, and repeatedly.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.types.reconciliation import (
    Discrepancy,
    FailedOrders,
    ReconcileInput,
    RecoveryResult,
)
from domain.saga.commands import RecoveryCause
from kit.command import run_command
from settings import Settings, SettingsError, load_settings
from temporal.client import TemporalAway, connect
from workflows.reconciliation import ReconciliationResult, ReconciliationWorkflow, RecoveryWorkflow

R = TypeVar("R")

WORKFLOW_ID: Final = "waybill-recover"
SECONDS_TO_WAIT: Final = 120.0


class NotRecovered(Exception):
    """A part of the request failed; the message says what to do."""


async def recover(
    client: Client, task_queue: str, order_id: str | None, *, wait_seconds: float = SECONDS_TO_WAIT
) -> AsyncIterator[str]:
    """Yield a line for each order and a summary, each without delay.

    The recoveries are reported even if the comparison fails. Raises NotRecovered.
    """

    async def start(
        run: Callable[[Any, ReconcileInput], Awaitable[R]], what: str
    ) -> WorkflowHandle[Any, R]:
        return await client.start_workflow(
            run,
            ReconcileInput(order_id, RecoveryCause.BY_HAND),
            id="-".join(filter(None, (WORKFLOW_ID, what, order_id))),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    recovery = await start(RecoveryWorkflow.run, "sagas")
    comparing = await start(ReconciliationWorkflow.run, "comparison")
    recoveries = await _result(recovery, wait_seconds)
    if recoveries.is_unknown:
        raise NotRecovered(f"there is no order {order_id}")
    for line in recovery_lines(recoveries):
        yield line
    reconciled = await _result(comparing, wait_seconds)
    for line in comparison_lines(reconciled):
        yield line
    if (
        recoveries.failed_orders.count
        or reconciled.failed_orders.count
        or reconciled.why_not is not None
    ):
        raise NotRecovered("some orders failed: see above, and try again")


async def _result(handle: WorkflowHandle[Any, R], wait_seconds: float) -> R:
    try:
        async with asyncio.timeout(wait_seconds):
            return await handle.result()
    except TimeoutError:
        raise NotRecovered(
            f"{handle.id} has not ended yet: look at it in the Temporal Web UI, and check that a"
            " worker runs"
        ) from None
    except WorkflowFailureError as failure:
        raise NotRecovered(f"{handle.id} failed: {failure.cause}; try again") from failure


def recovery_lines(recoveries: RecoveryResult) -> Iterator[str]:
    for order_id in recoveries.order_ids:
        yield f"order {order_id}: its saga had no workflow and was recovered"
    for order_id in recoveries.placed_again:
        yield f"order {order_id}: it was lost from the log and was placed again"
    if recoveries.count > len(recoveries.order_ids):
        yield f"... and {recoveries.count - len(recoveries.order_ids)} more"
    yield from _failure_lines(recoveries.failed_orders, "not recovered")
    yield from _discrepancy_lines(recoveries.discrepancies)
    yield f"{_counted(recoveries.count, 'saga')} recovered."


def comparison_lines(reconciled: ReconciliationResult) -> Iterator[str]:
    yield from _failure_lines(reconciled.failed_orders, "not compared")
    yield from _discrepancy_lines(reconciled.discrepancies)
    if reconciled.why_not is not None:
        yield f"No orders compared: {reconciled.why_not}"
        return
    compared = _counted(reconciled.compared, "order")
    yield f"{compared} compared, {len(reconciled.discrepancies)} with discrepancies."


def _failure_lines(failed_orders: FailedOrders, what: str) -> Iterator[str]:
    for order_id, why in failed_orders.why.items():
        yield f"order {order_id}: {what}: {why}"
    if failed_orders.count > len(failed_orders.why):
        yield f"... and {failed_orders.count - len(failed_orders.why)} more {what}"


def _discrepancy_lines(discrepancies: Iterable[Discrepancy]) -> Iterator[str]:
    for discrepancy in discrepancies:
        yield (
            f"order {discrepancy.order_id}: {discrepancy.system.lower()} discrepancy:"
            f" the log says {discrepancy.ours}, the other side {discrepancy.theirs}"
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


async def _run(settings: Settings, order_id: str | None) -> None:
    client = await connect(settings)
    async for line in recover(client, settings.task_queue, order_id):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m orchestrator.recover", description=__doc__)
    parser.add_argument("--order", metavar="ID", help="look at this order alone")
    arguments = parser.parse_args()
    try:
        asyncio.run(_run(load_settings(), arguments.order))
    except (SettingsError, NotRecovered) as error:
        sys.exit(f"recover: {error}")
    except (RPCError, TemporalAway):
        sys.exit("recover: Temporal does not answer: start the service first, with `make run`")


if __name__ == "__main__":
    run_command(main)
