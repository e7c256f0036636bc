"""Execute a query over the read replica, and again over the primary if that gives an error.

A query changes nothing, so it may run twice. The error may come from the replica itself: recovery
cancels a statement that reads what the primary has removed, the connection breaks, or the replica
does not have a position, an order or a column yet. If it has another cause, the primary repeats it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Final

import graphql
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, OperationType, get_operation_ast
from strawberry.utils.await_maybe import await_maybe

from api.context import Context, Replica
from api.errors import bad_input, is_unavailable
from api.scalars import Position

ATTEMPT_TIMEOUT: Final = timedelta(seconds=5)
"""The time for which a query may run over the replica. It leaves time for the primary's answer."""

logger = logging.getLogger(__name__)


def execute(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    context_value: Any,  # noqa: ANN401 - as graphql-core has it
    operation_name: str | None = None,
    **options: Any,  # noqa: ANN401 - passed on
) -> Awaitable[ExecutionResult] | ExecutionResult:
    """Execute the operation as graphql-core does: a mutation over the primary alone."""

    def run(context: Any) -> Any:  # noqa: ANN401 - as graphql-core has it
        return graphql.execute(
            schema, document, context_value=context, operation_name=operation_name, **options
        )

    replica = context_value.services.replica if isinstance(context_value, Context) else None
    if replica is None or not replica.watch.is_usable or not _is_query(document, operation_name):
        result: Awaitable[ExecutionResult] | ExecutionResult = run(context_value)
        return result
    return _over_replica(run, context_value, replica)


def _is_query(document: DocumentNode, operation_name: str | None) -> bool:
    operation = get_operation_ast(document, operation_name)
    return operation is not None and operation.operation is OperationType.QUERY


async def _over_replica(run: Any, context: Context, replica: Replica) -> ExecutionResult:  # noqa: ANN401 - as above
    try:
        async with asyncio.timeout(ATTEMPT_TIMEOUT.total_seconds()):
            result: ExecutionResult = await await_maybe(run(context.over(replica.services)))
    except TimeoutError:
        logger.warning("the replica has not answered a query in time: asking the primary")
    else:
        if not result.errors:
            return result
        _report(result, replica)
    repeated: ExecutionResult = await await_maybe(run(context))
    return repeated


def _report(result: ExecutionResult, replica: Replica) -> None:
    causes = [error.original_error for error in result.errors or ()]
    for lost in (cause for cause in causes if cause is not None and is_unavailable(cause)):
        replica.watch.report(lost)
    names = ", ".join(sorted({_name(cause) for cause in causes if cause is not None}))
    logger.info("repeating a query on the primary: %s", names or "it has an error")


def _name(cause: Exception) -> str:
    """Name the error without its message, which may show data."""
    sqlstate = getattr(getattr(cause, "orig", cause), "sqlstate", None)
    return f"{type(cause).__name__} {sqlstate or ''}".rstrip()


async def check_min_position(context: Context, position: Position | None) -> None:
    """Raise BAD_USER_INPUT unless the answer will show everything up to this position.

    Over the replica, wait for it first. The error then has the query repeated on the primary.
    """
    if position is not None and not await context.services.log.covers(position):
        raise bad_input(
            "minPosition: the log has not come this far: pass the position of an answer"
        )
