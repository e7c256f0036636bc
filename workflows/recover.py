"""Reconcile now, instead of waiting for the schedule, and tell what came of it.

    python -m workflows.recover [--order ID]

Sagas without a workflow are taken up, and the log is compared with the providers' books. An order
that the log has lost, by a failover or a restore, is placed again by the command that its workflow
was started with. It may be run at any time, and again.
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

from activities.types import AtOdds, LeftOut, Reconcile, TakenUp
from domain.saga.commands import TakeUpCause
from kit.command import run_command
from settings import Settings, SettingsError, load_settings
from workflows.reconciliation import Reconciled, ReconciliationWorkflow, TakingUpWorkflow
from workflows.temporal_client import TemporalAway, connect

R = TypeVar("R")

WORKFLOW_ID: Final = "waybill-recovery"
SECONDS_TO_WAIT: Final = 120.0


class NotRecovered(Exception):
    """Not all that was asked for was done; the message says what to do."""


async def recover(
    client: Client, task_queue: str, order_id: str | None, *, patience: float = SECONDS_TO_WAIT
) -> AsyncIterator[str]:
    """What came of it, a line for each order and a summary, as soon as it is known.

    What was taken up is told even if the books cannot be compared. Raises NotRecovered.
    """

    async def start(
        run: Callable[[Any, Reconcile], Awaitable[R]], what: str
    ) -> WorkflowHandle[Any, R]:
        return await client.start_workflow(
            run,
            Reconcile(order_id, TakeUpCause.BY_HAND),
            id="-".join(filter(None, (WORKFLOW_ID, what, order_id))),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    taking_up = await start(TakingUpWorkflow.run, "sagas")
    comparing = await start(ReconciliationWorkflow.run, "books")
    taken_up = await _result(taking_up, patience)
    if taken_up.is_unknown:
        raise NotRecovered(f"there is no order {order_id}")
    for line in of_sagas(taken_up):
        yield line
    reconciled = await _result(comparing, patience)
    for line in of_books(reconciled):
        yield line
    if taken_up.left_out.count or reconciled.left_out.count or reconciled.why_not is not None:
        raise NotRecovered("not everything could be done: see above, and try again")


async def _result(handle: WorkflowHandle[Any, R], patience: float) -> R:
    try:
        async with asyncio.timeout(patience):
            return await handle.result()
    except TimeoutError:
        raise NotRecovered(
            f"{handle.id} has not ended yet: see it in the Temporal Web UI, and whether a worker"
            " runs"
        ) from None
    except WorkflowFailureError as failure:
        raise NotRecovered(f"{handle.id} failed: {failure.cause}; try again") from failure


def of_sagas(taken_up: TakenUp) -> Iterator[str]:
    for order_id in taken_up.order_ids:
        yield f"order {order_id}: its saga had no workflow and was taken up"
    for order_id in taken_up.placed_again:
        yield f"order {order_id}: it was lost from the log and was placed again"
    if taken_up.count > len(taken_up.order_ids):
        yield f"... and {taken_up.count - len(taken_up.order_ids)} more"
    yield from _of_left_out(taken_up.left_out, "not taken up")
    yield from _of_differences(taken_up.at_odds)
    yield f"{_counted(taken_up.count, 'saga')} taken up."


def of_books(reconciled: Reconciled) -> Iterator[str]:
    yield from _of_left_out(reconciled.left_out, "not compared")
    yield from _of_differences(reconciled.at_odds)
    if reconciled.why_not is not None:
        yield f"No books compared: {reconciled.why_not}"
        return
    compared = _counted(reconciled.compared, "order")
    yield f"Books of {compared} compared, {len(reconciled.at_odds)} at odds."


def _of_left_out(left_out: LeftOut, what: str) -> Iterator[str]:
    for order_id, why in left_out.why.items():
        yield f"order {order_id}: {what}: {why}"
    if left_out.count > len(left_out.why):
        yield f"... and {left_out.count - len(left_out.why)} more {what}"


def _of_differences(differences: Iterable[AtOdds]) -> Iterator[str]:
    for odds in differences:
        yield (
            f"order {odds.order_id}: {odds.book.lower()} at odds:"
            f" the log says {odds.ours}, the other side {odds.theirs}"
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


async def _run(settings: Settings, order_id: str | None) -> None:
    client = await connect(settings)
    async for line in recover(client, settings.task_queue, order_id):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workflows.recover", description=__doc__)
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
