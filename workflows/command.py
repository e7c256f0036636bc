"""One command on one aggregate, run once for each idempotency key and kept where it can be seen."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import workflow

from activities.interface import OrderActivities
from activities.types import RunCommand
from workflows.options import DATABASE
from workflows.waking import wake


@dataclass(frozen=True, slots=True)
class CommandDone:
    """The fingerprint tells whose input it was that has been run under this key."""

    position: int
    fingerprint: str


@workflow.defn
class CommandWorkflow:
    @workflow.run
    async def run(self, command: RunCommand) -> CommandDone:
        done = await workflow.execute_local_activity_method(
            OrderActivities.run_command, command, **DATABASE
        )
        await wake(done.wakes)
        return CommandDone(done.position, command.fingerprint)
