"""How workflows are run, in the worker and wherever a history is replayed."""

from __future__ import annotations

from typing import Any, Final

from temporalio.converter import DataConverter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.command import CommandWorkflow
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.reconciliation import ReconciliationWorkflow, TakingUpWorkflow
from workflows.returns import ReturnWorkflow

WORKFLOWS: Final[tuple[type[Any], ...]] = (
    OrderWorkflow,
    PaymentWorkflow,
    ReturnWorkflow,
    CommandWorkflow,
    ReconciliationWorkflow,
    TakingUpWorkflow,
)

PASSED_THROUGH: Final = (
    "activities",
    "domain",
    "observability",
    "pydantic",
    "pydantic_core",
    "workflows",
)
"""Pure modules of ours and pydantic: reloading them for each workflow run would cost a fifth of
the throughput and buy no determinism."""


def sandbox(*passed_through: str) -> SandboxedWorkflowRunner:
    """`passed_through`: further modules that are as good as pure."""
    return SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH, *passed_through)
    )


def replayer(
    data_converter: DataConverter, workflows: tuple[type[Any], ...] = WORKFLOWS
) -> Replayer:
    """Runs recorded histories through today's workflows; one that goes another way raises."""
    return Replayer(workflows=workflows, workflow_runner=sandbox(), data_converter=data_converter)
