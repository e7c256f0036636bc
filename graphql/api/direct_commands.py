"""Run a command that needs no saga, and answer with its position or with the refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from api.context import Context
from api.idempotency import once
from api.payload import Payload
from api.products.types import Product, ProductPayload
from api.scalars import Position
from api.user_errors import UserError, bad_key, input_error, invalid_inputs
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.identifiers import is_idempotency_key, is_identifier

C = TypeVar("C", bound=Command)
P = TypeVar("P", bound=Payload)
PP = TypeVar("PP", bound=ProductPayload)

Check = Callable[[], Awaitable[None]]


async def execute(
    command: Command, key: KeyUse, context: Context, payload: type[P], check: Check | None = None
) -> P:
    """Run the command once for each idempotency key of the viewer.

    `check` raises Refused. A repeat is answered without it.
    """

    async def run() -> KeyedResult:
        if check is not None:
            await check()
        return await context.services.orchestrator.execute(
            command, key=key, actor=context.viewer.actor
        )

    try:
        position = await once(key, context, run)
    except Refused as refused:
        return payload(user_errors=[UserError.of(refused)])
    return payload(position=Position(position))


async def execute_on_product(
    command: Command,
    key: KeyUse,
    context: Context,
    payload: type[PP],
    check: Check | None = None,
) -> PP:
    """Run the command, whose aggregate is a SKU, and answer with the product as it is then."""
    answer = await execute(command, key, context, payload, check)
    if not answer.user_errors:
        product = await context.services.products.get(command.aggregate_id)
        answer.product = None if product is None else Product.of(product)
    return answer


def command_on_product(
    kind: type[C],
    idempotency_key: str,
    sku: str,
    **fields: Any,  # noqa: ANN401 - the command's own
) -> C | list[UserError]:
    """Return the command, or an error for each invalid input."""
    errors = [] if is_idempotency_key(idempotency_key) else [bad_key()]
    if not is_identifier(sku):
        message = (
            "a SKU is 1 to 100 letters, digits, dots, underscores, colons and dashes, and begins"
            " with a letter or a digit"
        )
        errors.append(input_error(ErrorCode.INVALID_INPUT, message, "sku"))
    try:
        command = kind(aggregate_id="valid" if errors else sku, **fields)
    except ValidationError as error:
        return [*errors, *invalid_inputs(error)]
    return errors or command
