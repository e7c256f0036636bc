"""Load, decide, append: the only way in which state changes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from temporalio import activity

from activities.figures import count_ends, counted
from domain.aggregate import Aggregate
from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.idempotency import EARLIER_CALL, KeyedResult, KeyUse
from domain.ids import event_id_for
from domain.registry import aggregate_of
from eventstore import snapshots
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import EventIdReused, KeyTaken, VersionConflict
from eventstore.protocol import EventStore
from observability import trace

S = TypeVar("S")

MAX_TRIES: Final = 30
"""The attempts against concurrent writers; they end well before the time-out of a local
activity."""
MAX_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """The workflow step that a change belongs to. Its workflow and key determine the event ids."""

    workflow_id: str
    key: str
    correlation_id: str
    actor: str = "system"
    request: KeyUse | None = None
    """The idempotency key that is recorded with the change."""

    @classmethod
    def current(cls, key: str, correlation_id: str, actor: str = "system") -> Step:
        """Return a step of the workflow whose activity is running."""
        workflow_id = activity.info().workflow_id
        return cls(workflow_id or "none", key, correlation_id, actor)

    def metadata(self) -> EventMetadata:
        return EventMetadata(
            correlation_id=self.correlation_id,
            causation_id=f"{self.workflow_id}/{self.key}",
            traceparent=trace.current(),
            actor=self.actor,
            workflow_id=self.workflow_id,
            step=self.key,
        )


@dataclass(slots=True)
class _Stream:
    """One aggregate with its current state and the events decided so far."""

    aggregate: Aggregate[Any]
    stream_id: str
    state: Any
    version: int
    position: int
    stored: Sequence[StoredEvent]
    """The events that were read: all of them, or those since a snapshot."""
    decided: list[Event] = field(default_factory=list)

    def decide(self, command: Command) -> None:
        events = self.aggregate.decide(command, self.state)
        self.state = self.aggregate.fold(events, self.state)
        self.decided.extend(events)


class CommandHandler:
    """Run commands against their aggregates, all in one transaction or none."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def load(self, aggregate: Aggregate[S], aggregate_id: str) -> S:
        stream: S = (await self._load(aggregate, aggregate_id)).state
        return stream

    async def events(self, aggregate: Aggregate[Any], aggregate_id: str) -> list[StoredEvent]:
        """Return the whole stream, for facts that the state does not keep."""
        return await self._store.load_events(aggregate.stream(aggregate_id))

    async def find_key(self, key: KeyUse) -> KeyedResult | None:
        """Return the first result under this key. Raises Refused when its input was another one."""
        return await self._store.find_key(key)

    async def handle(self, step: Step, *commands: Command) -> int:
        """Run the commands in order; return the position after which their effect is readable.

        A second run of the same step changes nothing. Raises Refused when an aggregate forbids a
        command, and VersionConflict when other writers won MAX_TRIES times. Raises EventIdReused
        when the step has already run with other commands.
        """
        with counted(commands):
            return await self._run(step, commands)

    async def _run(self, step: Step, commands: Sequence[Command]) -> int:
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return await self._try(step, commands)
            except VersionConflict:
                if attempt == MAX_TRIES:
                    raise
            await asyncio.sleep(random.uniform(0, MAX_PAUSE_SECONDS))  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    async def _try(self, step: Step, commands: Sequence[Command]) -> int:
        streams = await self._decide(commands)
        appends = _appends(step, streams)
        if not appends:
            position = max(stream.position for stream in streams)
            if step.request is not None:
                await self._store.record_key(step.request, position)
            return position
        try:
            result = await self._store.append(appends, step.request)
        except EventIdReused as reused:
            return await self._first_run(step, commands, reused)
        if result.duplicate:  # it has decided events anew that were not appended
            return await self._repeated(step, result.last_position)
        for stream in streams:
            count_ends(stream.stored, stream.decided)
            await self._snapshot_if_due(stream)
        return result.last_position

    async def _repeated(self, step: Step, position: int) -> int:
        """Return the position of the step's first run.

        With a key, an earlier call made that run, and the row of its key is deleted since. Record
        the key as used by that call. Raises KeyTaken.
        """
        if step.request is not None:
            await self._store.record_key(replace(step.request, call=EARLIER_CALL), position)
            raise KeyTaken
        return position

    async def _first_run(
        self, step: Step, commands: Sequence[Command], reused: EventIdReused
    ) -> int:
        """Return the position of the step's first run, if it ran the same commands.

        The first run has changed the state since, and so what the commands decide. On the state
        that the first run saw, the same commands decide the events that the log holds.
        """
        if not reused.stored:
            raise reused
        before = min(event.position for event in reused.stored)
        try:
            appends = _appends(step, await self._decide(commands, before))
        except Refused:
            raise reused from None
        if not appends:
            raise reused
        return await self._repeated(step, (await self._store.append(appends)).last_position)

    async def _decide(
        self, commands: Sequence[Command], before: int | None = None
    ) -> Sequence[_Stream]:
        """Run the commands on the current streams, or on the streams before a position."""
        streams: dict[str, _Stream] = {}
        for command in commands:
            aggregate = aggregate_of(command)
            name = aggregate.stream(command.aggregate_id)
            if name not in streams:
                streams[name] = await self._load(aggregate, command.aggregate_id, before)
            streams[name].decide(command)
        return list(streams.values())

    async def _load(
        self, aggregate: Aggregate[Any], aggregate_id: str, before: int | None = None
    ) -> _Stream:
        stream_id = aggregate.stream(aggregate_id)
        if before is not None:
            stored = await self._store.load_events(stream_id)
            return _stream(aggregate, stream_id, [e for e in stored if e.position < before])
        snapshot = await self._store.load_snapshot(stream_id) if aggregate.snapshot_every else None
        state, version = snapshots.restore(aggregate, snapshot)
        # Include the event at the version itself: the answer to the caller may need its position.
        stored = await self._store.load_events(stream_id, max(version - 1, 0))
        if version and not snapshots.is_of(snapshot, stored):
            state, version = aggregate.initial, 0
            stored = await self._store.load_events(stream_id)
        return _stream(aggregate, stream_id, stored, state, version)

    async def _snapshot_if_due(self, stream: _Stream) -> None:
        version = stream.version + len(stream.decided)
        if snapshots.is_due(stream.aggregate, stream.version, version):
            snapshot = snapshots.take(stream.aggregate, stream.state, version)
            await self._store.create_snapshot(stream.stream_id, snapshot)


def _stream(
    aggregate: Aggregate[Any],
    stream_id: str,
    stored: Sequence[StoredEvent],
    state: object = None,
    version: int = 0,
) -> _Stream:
    """Return the stream with the events above `version` folded into the state."""
    return _Stream(
        aggregate=aggregate,
        stream_id=stream_id,
        state=aggregate.fold((e.decode() for e in stored if e.version > version), state),
        version=stored[-1].version if stored else 0,
        position=stored[-1].position if stored else 0,
        stored=stored,
    )


def _appends(step: Step, streams: Iterable[_Stream]) -> list[StreamAppend]:
    metadata = step.metadata()
    appends = []
    index = 0
    for stream in streams:
        if not stream.decided:
            continue
        events = []
        for event in stream.decided:
            event_id = event_id_for(step.workflow_id, step.key, index)
            events.append(NewEvent(event_id, event, metadata))
            index += 1
        appends.append(StreamAppend(stream.stream_id, events, stream.version))
    return appends
