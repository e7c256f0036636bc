"""Define the upper bound: a workflow that does nothing."""

from __future__ import annotations

from temporalio import workflow


@workflow.defn
class NoopWorkflow:
    @workflow.run
    async def run(self) -> None:
        return
