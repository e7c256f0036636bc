"""How workflows are run, in the worker and wherever a history is replayed."""

from __future__ import annotations

from typing import Any, Final

from temporalio.converter import DataConverter
from temporalio.worker import Replayer

from workflows.command import CommandWorkflow
from workflows.order import OrderWorkflow
from workflows.own_order import OwnOrder
from workflows.payment import PaymentWorkflow
from workflows.reconciliation import ReconciliationWorkflow, TakingUpWorkflow
from workflows.returns import ReturnWorkflow
from workflows.sandbox import sandbox

WORKFLOWS: Final[tuple[type[Any], ...]] = (
    OrderWorkflow,
    PaymentWorkflow,
    ReturnWorkflow,
    CommandWorkflow,
    ReconciliationWorkflow,
    TakingUpWorkflow,
)


def replayer(
    data_converter: DataConverter, workflows: tuple[type[Any], ...] = WORKFLOWS
) -> Replayer:
    """Runs recorded histories through today's workflows; one that goes another way raises."""
    return Replayer(
        workflows=workflows,
        workflow_runner=sandbox(),
        data_converter=data_converter,
        interceptors=[OwnOrder()],
    )
