"""One update for many subscribers: executed once, and serialised once, for each selection.

Subscribers share an answer when they have asked for the same fields of the same update and may see
the same of it. Each still has a stream, a position and a queue of its own.
"""

from __future__ import annotations

import json
from asyncio import Future, ensure_future, isfuture, shield
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import isawaitable
from typing import Any, Final, Protocol, runtime_checkable

from graphql import (
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    FieldNode,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.pyutils import AwaitableOrValue
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.subscriptions.protocols.graphql_transport_ws.types import NextMessage

from api.auth import Viewer
from kit.recent import Recent

MAX_RECENT: Final = 256
"""Answers that are kept for further subscribers: each is for one update and one selection."""


Result = ExecutionResult | ExperimentalIncrementalExecutionResults


@runtime_checkable
class Shared(Protocol):
    """What a subscription yields, if several subscribers may be given the same of it."""

    def shared_by(self, viewer: Viewer) -> Hashable:
        """Return a key that is the same for all who are shown the same of the same update."""


@dataclass(frozen=True)
class _Answer:
    """`made_from` is kept, since its parts' ids are in the key."""

    made_from: tuple[object, ...]
    result: Result | Future[Result]


_answers: Final[Recent[Hashable, _Answer]] = Recent(MAX_RECENT)
_texts: Final[Recent[int, tuple[object, str]]] = Recent(MAX_RECENT)


class SharingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes the selection of a shared update, unless that has been done already."""

    def execute_operation(self, serially: bool | None = None) -> AwaitableOrValue[Result]:
        update = self.root_value
        if not isinstance(update, Shared):
            return super().execute_operation(serially)
        shared_by = update.shared_by(self.context_value.viewer)
        key = (shared_by, id(self.operation), _used(self.operation, self.variable_values.coerced))
        answer = _answers.get_or_make(
            key, lambda: _Answer((update, self.operation), self._executed(serially))
        )
        return _shielded(answer.result) if isfuture(answer.result) else answer.result

    def _executed(self, serially: bool | None) -> Result | Future[Result]:
        result = super().execute_operation(serially)
        return ensure_future(result) if isawaitable(result) else result


async def _shielded(result: Future[Result]) -> Result:
    """A subscriber that leaves does not take the answer from the others."""
    return await shield(result)


def _used(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> str:
    """Return the variables that bear on the answer: not where a subscriber's stream begins."""
    return _json({name: variables.get(name) for name in _names_used(operation)})


@lru_cache(MAX_RECENT)
def _names_used(operation: OperationDefinitionNode) -> tuple[str, ...]:
    (root,) = operation.selection_set.selections  # validation has seen to it
    assert isinstance(root, FieldNode)  # noqa: S101 - likewise
    names = _VariableNames()
    for node in (*(root.directives or ()), root.selection_set):
        if node is not None:
            visit(node, names)
    return tuple(sorted(names.found))


class _VariableNames(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found.add(node.name.value)


def text_of(message: NextMessage) -> str:
    """Return the message as JSON. Equal answers are serialised once."""
    payload = message["payload"]
    data = payload.get("data")
    if data is None or "errors" in payload:
        return _json(message)
    _, text = _texts.get_or_make(id(data), lambda: (data, _json(payload)))
    return f'{{"id":{_json(message["id"])},"type":"next","payload":{text}}}'


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
