"""Store a stream's state at a version, so that loading can start from there.

A snapshot is an optimization: it can be deleted at any time. A snapshot is ignored when its state
has another shape or does not validate, and when its last event is not in the stream. A restored log
may have lost that event, or hold another one at its version.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from domain.aggregate import Aggregate

logger = logging.getLogger(__name__)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`schema` identifies the shape of the state; `state_json` is that state.

    `event_id` is the id of the event at `version`. The store sets it, from the log.
    """

    version: int
    schema: str
    state_json: str
    event_id: UUID | None = None


def is_due(aggregate: Aggregate[Any], before: int, after: int) -> bool:
    """Return whether an append from one version to the other passed a multiple of the policy's
    number."""
    every = aggregate.snapshot_every
    return every is not None and before // every != after // every


def take(aggregate: Aggregate[S], state: S, version: int) -> Snapshot:
    shape = _shape(aggregate)
    return Snapshot(version, shape.digest, shape.adapter.dump_json(state).decode())


def restore(aggregate: Aggregate[S], snapshot: Snapshot | None) -> tuple[S, int]:
    """Return the state and its version; the initial state at version 0 if no snapshot is usable."""
    shape = _shape(aggregate)
    if snapshot is None or snapshot.schema != shape.digest:
        return aggregate.initial, 0
    try:
        state: S = shape.adapter.validate_json(snapshot.state_json)
    except ValidationError:
        logger.warning("a snapshot of %s does not validate: it is not used", aggregate.category)
        return aggregate.initial, 0
    return state, snapshot.version


def schema_of(aggregate: Aggregate[Any]) -> str | None:
    """Return the shape that a usable snapshot has; None for an aggregate without snapshots."""
    return None if aggregate.snapshot_every is None else _shape(aggregate).digest


@dataclass(frozen=True, slots=True)
class _Shape:
    """The JSON form of an aggregate's state, and the digest that identifies that form."""

    adapter: TypeAdapter[Any]
    digest: str


_SHAPES: dict[str, _Shape] = {}


def _shape(aggregate: Aggregate[Any]) -> _Shape:
    """Return the shape, made once for each category: an adapter takes milliseconds to build."""
    if aggregate.category not in _SHAPES:
        adapter: TypeAdapter[Any] = TypeAdapter(type(aggregate.initial))
        shape = json.dumps([adapter.json_schema(), aggregate.evolution], sort_keys=True)
        digest = hashlib.sha256(shape.encode()).hexdigest()[:16]
        _SHAPES[aggregate.category] = _Shape(adapter, digest)
    return _SHAPES[aggregate.category]
