"""Execute and serialise an update once for all subscribers with the same selection.

Subscribers share an answer if they select the same fields of the same update and have the same
access to it. Each subscriber still has a separate stream, position and queue. An answer with
personal data is made for each subscriber and not kept: a kept one would outlive an erasure.
"""

from __future__ import annotations

import json
from asyncio import Future, ensure_future, isfuture, shield
from collections.abc import Awaitable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import isawaitable
from typing import Any, Final, Protocol, runtime_checkable

from graphql import (
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.pyutils import AwaitableOrValue
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.subscriptions.protocols.graphql_transport_ws.types import NextMessage

from api.auth import Viewer
from api.price import SEALED
from kit.recent import Recent

MAX_RECENT: Final = 256
"""The number of answers kept for further subscribers, each for one update and one selection."""


PERSONAL_FIELDS: Final = frozenset(name for _, name in SEALED)

Result = ExecutionResult | ExperimentalIncrementalExecutionResults


@runtime_checkable
class Shared(Protocol):
    """An update that several subscribers can share."""

    def shared_by(self, viewer: Viewer) -> Hashable:
        """Return a key that is equal for all viewers with the same access to the same update."""


@dataclass(frozen=True)
class _Answer:
    """A kept answer. It holds `made_from`, because the cache key has the ids of its parts."""

    made_from: tuple[object, ...]
    result: Result | Future[Result]


_answers: Final[Recent[Hashable, _Answer]] = Recent(MAX_RECENT)
_texts: Final[Recent[int, tuple[object, str]]] = Recent(MAX_RECENT)


class SharingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes the selection of a shared update, or reuses an earlier execution."""

    def execute_operation(self, serially: bool | None = None) -> AwaitableOrValue[Result]:
        update = self.root_value
        if not isinstance(update, Shared) or self._selects_personal_data():
            return super().execute_operation(serially)
        shared_by = update.shared_by(self.context_value.viewer)
        key = (shared_by, id(self.operation), self._variables_used())
        answer = _answers.get_or_make(
            key, lambda: _Answer((update, self.operation), self._executed(serially))
        )
        return _shielded(answer.result) if isfuture(answer.result) else answer.result

    def _executed(self, serially: bool | None) -> Result | Future[Result]:
        result = super().execute_operation(serially)
        return ensure_future(_marked(result)) if isawaitable(result) else _mark(result)

    def _selects_personal_data(self) -> bool:
        """Return whether the operation or a fragment of its document names a personal field."""
        return any(_has_personal_field(part) for part in (self.operation, *self._fragments()))

    def _variables_used(self) -> str:
        """Return the variables that affect the answer, without the start of the stream."""
        names = _names_used(self.operation).union(*map(_names_in, self._fragments()))
        values = self.variable_values.coerced
        return json.dumps({name: values.get(name) for name in sorted(names)}, default=str)

    def _fragments(self) -> Sequence[FragmentDefinitionNode]:
        return [found.definition for found in self.fragments.values()]


class SharedData(dict[str, Any]):
    """The data of an answer that several subscribers may get, and whose text is therefore kept."""


async def _marked(result: Awaitable[Result]) -> Result:
    return _mark(await result)


def _mark(result: Result) -> Result:
    if isinstance(result, ExecutionResult) and result.data is not None:
        result.data = SharedData(result.data)
    return result


@lru_cache(MAX_RECENT)
def _has_personal_field(part: OperationDefinitionNode | FragmentDefinitionNode) -> bool:
    names = _FieldNames()
    visit(part, names)
    return not names.found.isdisjoint(PERSONAL_FIELDS)


async def _shielded(result: Future[Result]) -> Result:
    """Protect the answer of the other subscribers when one subscriber cancels."""
    return await shield(result)


@lru_cache(MAX_RECENT)
def _names_used(operation: OperationDefinitionNode) -> frozenset[str]:
    """Return the variables in the operation, without those of the subscription's own arguments."""
    (root,) = operation.selection_set.selections  # validation requires one root
    assert isinstance(root, FieldNode)  # noqa: S101 - likewise
    nodes = (*(root.directives or ()), root.selection_set)
    return frozenset().union(*(_names_in(node) for node in nodes if node is not None))


@lru_cache(MAX_RECENT)
def _names_in(part: Node) -> frozenset[str]:
    names = _VariableNames()
    visit(part, names)
    return frozenset(names.found)


class _FieldNames(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.found.add(node.name.value)


class _VariableNames(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found.add(node.name.value)


def text_of(message: NextMessage) -> str:
    """Return the message as JSON. Shared answers are serialised once."""
    payload = message["payload"]
    data = payload.get("data")
    if not isinstance(data, SharedData) or "errors" in payload:
        return _json(message)
    _, text = _texts.get_or_make(id(data), lambda: (data, _json(payload)))
    return f'{{"id":{_json(message["id"])},"type":"next","payload":{text}}}'


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
