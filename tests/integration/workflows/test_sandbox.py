"""The sandbox refuses what workflows must not do."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

from roles.temporal_worker import temporal_worker
from tests.support.sagas import Sagas

QUEUE = "sandbox"


@workflow.defn(failure_exception_types=[RestrictedWorkflowAccessError])
class Reads:
    @workflow.run
    async def run(self, path: str) -> str:
        with open(path) as file:  # noqa: ASYNC230, PTH123 - what no workflow may do
            return file.read()


async def test_a_workflow_reads_no_file(sagas: Sagas, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("what is on the disk")
    async with temporal_worker(
        sagas.client, QUEUE, [], workflows=[Reads], passed_through=("tests",)
    ):
        with pytest.raises(WorkflowFailureError) as failed:
            await sagas.client.execute_workflow(
                Reads.run, str(tmp_path / "secret"), id="reads", task_queue=QUEUE
            )
    assert "Cannot access __builtins__.open from inside a workflow" in str(failed.value.cause)
