"""Configure how workflows run, in the worker and in replays of a history."""

from __future__ import annotations

from typing import Any, Final

from temporalio.converter import DataConverter
from temporalio.worker import Replayer

from temporal.fitting_arguments import FittingArguments
from temporal.own_order import OwnOrder
from temporal.sandbox import sandbox
from workflows.aftercare import AftercareWorkflow
from workflows.command import CommandWorkflow
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.reconciliation import ReconciliationWorkflow, RecoveryWorkflow
from workflows.refund import RefundWorkflow
from workflows.returns import ReturnWorkflow
from workflows.stock import StockWorkflow

WORKFLOWS: Final[tuple[type[Any], ...]] = (
    OrderWorkflow,
    PaymentWorkflow,
    ReturnWorkflow,
    AftercareWorkflow,
    RefundWorkflow,
    CommandWorkflow,
    StockWorkflow,
    ReconciliationWorkflow,
    RecoveryWorkflow,
)


def replayer(
    data_converter: DataConverter, workflows: tuple[type[Any], ...] = WORKFLOWS
) -> Replayer:
    """Return a replayer that runs recorded histories through today's workflows; a divergence
    raises."""
    return Replayer(
        workflows=workflows,
        workflow_runner=sandbox(),
        data_converter=data_converter,
        interceptors=[FittingArguments(), OwnOrder()],
    )
