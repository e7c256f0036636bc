"""Answer a repeated idempotency key from the log, and say of each mutation whether it repeats one.

`once` looks the key up before it runs the request, and again when the request fails. So Temporal
may have forgotten the first request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias

import strawberry
from graphql import GraphQLError, GraphQLField, GraphQLSchema, default_field_resolver
from strawberry.extensions import SchemaExtension

from api.errors import outcome_unknown
from api.lost import check_is_recorded
from api.payload import Payload
from api.user_errors import BAD_KEY
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.identifiers import is_idempotency_key
from orchestrator.translation import NoSuchSaga, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from api.context import Context

_operation: ContextVar[ReportReplays] = ContextVar("operation")
_mutation: ContextVar[_Mutation] = ContextVar("mutation")

KEY_OF_STATE = (
    "Your key. A repetition with it changes nothing, also when the state has changed since. Without"
    " a key, each request asks for the state anew."
)
OptionalKey: TypeAlias = Annotated[str | None, strawberry.argument(description=KEY_OF_STATE)]


class WithKey(Protocol):
    idempotency_key: str


@dataclass(slots=True)
class _Mutation:
    """One field of an operation."""

    is_replayed: bool = False
    may_have_run: bool = False
    """The request was sent, and no answer says that it had no effect."""


class ReportReplays(SchemaExtension):
    """Say in `extensions.idempotency` whether any mutation of the operation repeats a request."""

    def __init__(self) -> None:
        super().__init__()
        self.replayed = False

    def on_operation(self) -> Iterator[None]:
        _operation.set(self)
        yield

    def get_results(self) -> dict[str, Any]:
        return {"idempotency": {"replayed": True}} if self.replayed else {}


def key_of(operation: str, request: WithKey, context: Context, **more: object) -> KeyUse:
    """Return the viewer's use of the key of this input, the same in every role of the viewer."""
    data = {**strawberry.asdict(request), **more}
    return KeyUse.of(context.viewer.sub, operation, request.idempotency_key, data)


def optional_key(
    operation: str, text: str | None, context: Context, **data: object
) -> KeyUse | None:
    """Return the viewer's use of a key that may be left out. Raises Refused.

    From now on an error of the API or of PostgreSQL says that the request may have had its effect:
    with its key, the client can repeat it.
    """
    if text is None:
        return None
    if not is_idempotency_key(text):
        raise Refused(ErrorCode.INVALID_INPUT, BAD_KEY, ("idempotencyKey",))
    mark_sent()
    return KeyUse.of(context.viewer.sub, operation, text, data)


async def change_once(
    key: KeyUse | None, context: Context, run: Callable[[], Awaitable[bool]]
) -> None:
    """Run a change that asks for a state, unless its key has an effect.

    `run` records the key with the change, and returns False when it has changed nothing. Raises
    Refused, also when the key was used for another input, and what `run` raises.
    """
    is_known = key is not None and await context.services.keys.find(key) is not None
    if is_known or not await run():
        mark_replayed()


async def once(key: KeyUse, context: Context, run: Callable[[], Awaitable[KeyedResult]]) -> int:
    """Run the request, unless its key has an effect; return the position of the effect.

    Raises Refused, also when the key was used for another input, and what `run` raises.
    """
    known = await context.services.keys.find(key)
    if known is None:
        known = await _run(key, context, run)
    if known.call != key.call:
        mark_replayed()
    await check_is_recorded(known.position, context.services)
    return known.position


async def _run(
    key: KeyUse, context: Context, run: Callable[[], Awaitable[KeyedResult]]
) -> KeyedResult:
    mutation = _mutation.get()
    mutation.may_have_run = True
    try:
        return await run()
    except (Refused, NoSuchSaga, Unavailable) as error:
        known = await context.services.keys.find(key)  # by a concurrent call, or by this one
        if known is not None:
            return known
        mutation.may_have_run = isinstance(error, OutcomeUnknown)
        raise


def mark_replayed() -> None:
    """Mark the current mutation as a repeat of an earlier request."""
    _mutation.get().is_replayed = True


def mark_sent() -> None:
    """Mark the current mutation as one that may have an effect from now on."""
    _mutation.get().may_have_run = True


def mark_not_run() -> None:
    """Mark the current mutation as one that had no effect."""
    _mutation.get().may_have_run = False


def report_replays(schema: GraphQLSchema) -> None:
    """Set `replayed` in the payload of each mutation, and say when its outcome is unknown."""
    if schema.mutation_type is not None:
        for field in schema.mutation_type.fields.values():
            _report(field)


def _report(field: GraphQLField) -> None:
    resolve = field.resolve or default_field_resolver

    async def reported(source: object, info: Any, **arguments: object) -> object:  # noqa: ANN401 - graphql-core's
        mutation = _Mutation()
        _mutation.set(mutation)
        try:
            payload = resolve(source, info, **arguments)
            if isawaitable(payload):
                payload = await payload
        except Exception as error:
            if mutation.may_have_run and not isinstance(error, GraphQLError):
                raise outcome_unknown(error) from error
            raise
        if mutation.is_replayed and isinstance(payload, Payload):
            payload.replayed = True
            _operation.get().replayed = True
        return payload

    field.resolve = reported
