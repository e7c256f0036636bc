"""Run one command on one aggregate, once for each idempotency key, as a workflow that operators can
find."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from temporalio import workflow

from activities.interface import OrderActivities
from activities.types.command import RunCommandInput
from workflows.changed_stock import attend_to_stock
from workflows.options import DATABASE


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of the command. `fingerprint` identifies the input that has run under this key,
    and `call` the call whose input it was."""

    position: int
    fingerprint: str
    call: UUID | None


@workflow.defn
class CommandWorkflow:
    @workflow.run
    async def run(self, command: RunCommandInput) -> CommandResult:
        done = await workflow.execute_local_activity_method(
            OrderActivities.run_command, command, **DATABASE
        )
        await attend_to_stock(done.changed_stock.skus)
        return CommandResult(done.position, command.key.fingerprint, done.call)
