"""Restrict each saga's workflow to its own order.

An input, an update or a signal that names another order is refused, from any sender. It would
change the money or stock of that order outside the workflow that guards it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from temporalio import worker, workflow
from temporalio.exceptions import ApplicationError

from domain.command import Command
from domain.errors import ErrorCode
from domain.ids import (
    aftercare_workflow_id,
    order_workflow_id,
    payment_workflow_id,
    refund_of_workflow,
    refund_workflow_id,
    return_workflow_id,
)


def _own_refund(order_id: str) -> str:
    """Return the id of this refund's workflow if it were one of that order."""
    number = refund_of_workflow(workflow.info().workflow_id)
    return refund_workflow_id(order_id, number or 0)


_SAGAS: Final[Mapping[str, Callable[[str], str]]] = {
    "OrderWorkflow": order_workflow_id,
    "PaymentWorkflow": payment_workflow_id,
    "ReturnWorkflow": return_workflow_id,
    "AftercareWorkflow": aftercare_workflow_id,
    "RefundWorkflow": _own_refund,
}
"""The id that the workflow of each saga must have: the ids of its events are derived from it."""


class OwnOrder(worker.Interceptor):
    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's name
    ) -> type[worker.WorkflowInboundInterceptor]:
        del input
        return _Guard


class _Guard(worker.WorkflowInboundInterceptor):
    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        _require_own(input.args)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: worker.HandleSignalInput) -> None:  # noqa: A002 - the SDK's name
        if _is_own(input.args):
            await super().handle_signal(input)
        else:
            workflow.logger.warning("dropped a signal %s that names another order", input.signal)

    def handle_update_validator(self, input: worker.HandleUpdateInput) -> None:  # noqa: A002 - the SDK's name
        _require_own(input.args)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        _require_own(input.args)  # for an update that has no validator
        return await super().handle_update_handler(input)


def _require_own(arguments: Sequence[object]) -> None:
    if not _is_own(arguments):
        workflow_id = workflow.info().workflow_id
        raise ApplicationError(
            f"workflow {workflow_id} handles its own order alone; this names another",
            type=ErrorCode.INVALID_INPUT,
            non_retryable=True,
        )


def _is_own(arguments: Sequence[object]) -> bool:
    info = workflow.info()
    id_for = _SAGAS.get(info.workflow_type)
    return id_for is None or {*map(id_for, orders_in(arguments))} <= {info.workflow_id}


def orders_in(value: object) -> Iterator[str]:
    """Yield the id of each order that an argument names, however deep it lies."""
    if isinstance(value, Command):
        yield value.aggregate_id
    elif is_dataclass(value):
        for field in fields(value):
            inner = getattr(value, field.name)
            if field.name == "order_id":
                yield inner
            else:
                yield from orders_in(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from orders_in(item)
