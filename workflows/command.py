"""Run one command on one aggregate, once for each idempotency key, as a workflow that operators can
find. A refusal is its result: a workflow that failed would be a fault for operators to look at."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import workflow

from activities.interface import OrderActivities
from activities.types.command import Refusal, RunCommandInput
from activities.types.order import RecordedResult
from workflows.changed_stock import attend_to_stock
from workflows.options import DATABASE


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The command is either recorded or refused. `fingerprint` identifies the input that has run
    under this key."""

    fingerprint: str
    recorded: RecordedResult | None = None
    refusal: Refusal | None = None


@workflow.defn
class CommandWorkflow:
    @workflow.run
    async def run(self, command: RunCommandInput) -> CommandResult:
        done = await workflow.execute_local_activity_method(
            OrderActivities.run_command, command, **DATABASE
        )
        await attend_to_stock(done.changed_stock.skus)
        return CommandResult(command.key.fingerprint, done.recorded, done.refusal)
