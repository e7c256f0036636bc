"""Reconcile now, instead of waiting for the schedule, and tell what came of it.

    python -m workflows.recover [--order ID]

Sagas without a workflow are taken up, and the log is compared with the providers' books. It may be
run at any time, and again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from typing import Final

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.types import Reconcile
from domain.saga.commands import TakeUpCause
from settings import Settings, SettingsError, load_settings
from workflows.reconciliation import Reconciled, ReconciliationWorkflow
from workflows.temporal_client import connect

WORKFLOW_ID: Final = "waybill-recovery"
SECONDS_TO_WAIT: Final = 120.0


class NotRecovered(Exception):
    """The run did not end; the message says what to do."""


async def recover(client: Client, task_queue: str, order_id: str | None) -> Reconciled:
    """Raises NotRecovered."""
    handle = await client.start_workflow(
        ReconciliationWorkflow.run,
        Reconcile(order_id, TakeUpCause.BY_HAND),
        id=f"{WORKFLOW_ID}-{order_id}" if order_id else WORKFLOW_ID,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    try:
        async with asyncio.timeout(SECONDS_TO_WAIT):
            return await handle.result()
    except TimeoutError:
        raise NotRecovered(
            f"{handle.id} has not ended yet: see it in the Temporal Web UI, and whether a worker"
            " runs"
        ) from None
    except WorkflowFailureError as failure:
        raise NotRecovered(f"{handle.id} failed: {failure.cause}; try again") from failure


def report(reconciled: Reconciled) -> Iterator[str]:
    """A line for each order, and a summary."""
    taken_up = reconciled.taken_up
    for order_id in taken_up.order_ids:
        yield f"order {order_id}: its saga had no workflow and was taken up"
    if taken_up.count > len(taken_up.order_ids):
        yield f"... and {taken_up.count - len(taken_up.order_ids)} more"
    for odds in reconciled.at_odds:
        yield (
            f"order {odds.order_id}: {odds.book.lower()} at odds:"
            f" the log says {odds.ours}, the provider {odds.theirs}"
        )
    if reconciled.compared is None:
        books = "no books compared: a provider does not answer"
    else:
        compared = _counted(reconciled.compared, "order")
        books = f"books of {compared} compared, {len(reconciled.at_odds)} at odds"
    yield f"{_counted(taken_up.count, 'saga')} taken up; {books}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


async def _run(settings: Settings, order_id: str | None) -> Reconciled:
    return await recover(await connect(settings), settings.task_queue, order_id)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workflows.recover", description=__doc__)
    parser.add_argument("--order", metavar="ID", help="look at this order alone")
    arguments = parser.parse_args()
    try:
        reconciled = asyncio.run(_run(load_settings(), arguments.order))
    except (SettingsError, NotRecovered) as error:
        sys.exit(f"recover: {error}")
    except (RPCError, RuntimeError):
        sys.exit("recover: Temporal does not answer: start the service first, with `make run`")
    sys.stdout.writelines(f"{line}\n" for line in report(reconciled))


if __name__ == "__main__":
    main()
