"""Drop each signal, and refuse each update, whose arguments its handler cannot take.

An operator may send either from the Temporal Web UI, and forget the input. The handler would raise
TypeError, which fails the workflow's task on each of its retries, and the saga would stop.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from temporalio import worker, workflow
from temporalio.exceptions import ApplicationError

from domain.errors import ErrorCode


class FittingArguments(worker.Interceptor):
    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's name
    ) -> type[worker.WorkflowInboundInterceptor]:
        del input
        return _Guard


class _Guard(worker.WorkflowInboundInterceptor):
    async def handle_signal(self, input: worker.HandleSignalInput) -> None:  # noqa: A002 - the SDK's name
        if _fit(input.signal, input.args):
            await super().handle_signal(input)
        else:
            workflow.logger.warning("dropped a signal %s with other arguments", input.signal)

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        if not _fit(input.update, input.args):
            raise ApplicationError(
                f"the update {input.update} takes other arguments",
                type=ErrorCode.INVALID_INPUT,
                non_retryable=True,
            )
        return await super().handle_update_handler(input)


def _fit(name: str, arguments: Sequence[object]) -> bool:
    """Return whether the handler, the method of this name, takes the arguments.

    The SDK has dropped an argument of a wrong type, if their number is right, but no None.
    """
    if None in arguments:
        return False
    try:
        inspect.signature(getattr(workflow.instance(), name)).bind(*arguments)
    except TypeError:
        return False
    return True
