"""Load, decide, append: the only way in which state changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from temporalio import activity

from activities.figures import count_ends, counted
from domain.aggregate import Aggregate
from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.ids import event_id_for
from domain.registry import aggregate_of
from eventstore import snapshots
from eventstore.envelope import AppendResult, EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import EventIdReused
from eventstore.loaded import Loaded, LoadedStream
from eventstore.protocol import EventStore
from observability import trace

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Step:
    """The workflow step that a change belongs to. Its workflow and key determine the event ids."""

    workflow_id: str
    key: str
    correlation_id: str
    actor: str = "system"

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


class Run(NamedTuple):
    """The commands of one step."""

    step: Step
    commands: Sequence[Command]


class Handled(NamedTuple):
    position: int
    """The position after which the effect is readable."""
    is_first: bool
    """These commands were run now; False for a repeat, and where there was nothing to do."""
    refusal: Refused | None = None
    """The reason why the following step was left out."""


class _SnapshotUnusable(Exception):
    """The state of a snapshot does not validate: decide on the events alone."""


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
    decided: list[tuple[Step, Event]] = field(default_factory=list)

    def decide(self, step: Step, command: Command) -> None:
        events = self.aggregate.decide(command, self.state)
        self.state = self.aggregate.fold(events, self.state)
        self.decided.extend((step, event) for event in events)


@dataclass(slots=True)
class _Decision:
    """The streams of a step, and the events that its commands lead to."""

    streams: dict[str, _Stream]
    refusal: Refused | None = None

    def run(self, run: Run) -> None:
        for command in run.commands:
            self.streams[_name(command)].decide(run.step, command)

    def run_if_accepted(self, run: Run) -> None:
        """Run the commands, all or none, unless those before them have had no effect."""
        if not any(stream.decided for stream in self.streams.values()):
            return
        before = {
            name: replace(stream, decided=[*stream.decided])
            for name, stream in self.streams.items()
        }
        try:
            with counted(run.commands):
                self.run(run)
        except Refused as refused:
            self.streams, self.refusal = before, refused

    @property
    def position(self) -> int:
        return max(stream.position for stream in self.streams.values())

    def appends(self) -> Sequence[StreamAppend]:
        """Return the events with their ids. A step counts its own events from 0."""
        counts: Counter[str] = Counter()
        metadata: dict[Step, EventMetadata] = {}
        appends = []
        for stream in self.streams.values():
            events = []
            for step, event in stream.decided:
                event_id = event_id_for(step.workflow_id, step.key, counts[step.key])
                counts[step.key] += 1
                if step not in metadata:
                    metadata[step] = step.metadata()
                events.append(NewEvent(event_id, event, metadata[step]))
            if events:
                appends.append(StreamAppend(stream.stream_id, events, stream.version))
        return appends


class CommandHandler:
    """Run commands against their aggregates, all in one transaction or none.

    The transaction locks the streams before it loads them: docs/decisions/0040-locked-streams.md.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def load(self, aggregate: Aggregate[S], aggregate_id: str) -> S:
        [state] = await self.load_all(aggregate, [aggregate_id])
        return state

    async def load_all(self, aggregate: Aggregate[S], ids: Iterable[str]) -> list[S]:
        """Return the state of each, in the given order. One statement loads them all."""
        wanted = {aggregate.stream(each): snapshots.schema_of(aggregate) for each in ids}
        found = await self._store.load_streams(wanted)
        try:
            return [_stream(aggregate, name, found[name]).state for name in wanted]
        except _SnapshotUnusable:
            found = await self._store.load_streams(dict.fromkeys(wanted))
            return [_stream(aggregate, name, found[name]).state for name in wanted]

    async def events(self, aggregate: Aggregate[Any], aggregate_id: str) -> list[StoredEvent]:
        """Return the whole stream, for facts that the state does not keep."""
        return await self._store.load_events(aggregate.stream(aggregate_id))

    async def handle(self, step: Step, *commands: Command) -> int:
        """Run the commands in order; return the position after which their effect is readable.

        A second run of the same step changes nothing. Raises Refused when an aggregate forbids a
        command, and EventIdReused when the step has already run with other commands.
        """
        return (await self.handle_with(Run(step, commands))).position

    async def handle_with(self, run: Run, following: Run | None = None) -> Handled:
        """Run the commands, and those of a following step in the same transaction.

        The following commands run only when the first ones had an effect, and all of them or none:
        a refusal of theirs leaves the first ones as they are.
        """
        with counted(run.commands):
            try:
                return await self._decide_and_append(run, following, with_snapshots=True)
            except _SnapshotUnusable:
                return await self._decide_and_append(run, following, with_snapshots=False)

    async def _decide_and_append(
        self, run: Run, following: Run | None, *, with_snapshots: bool
    ) -> Handled:
        aggregates = _aggregates(run, following)
        decision = _Decision({})

        def decide(found: Loaded) -> Sequence[StreamAppend]:
            decision.streams = _streams(aggregates, found)
            decision.run(run)
            if following is not None:
                decision.run_if_accepted(following)
            return decision.appends()

        wanted = {
            name: snapshots.schema_of(aggregate) if with_snapshots else None
            for name, aggregate in aggregates.items()
        }
        try:
            result = await self._store.append_decided(wanted, decide)
        except EventIdReused as reused:
            return Handled(await self._first_run(run, aggregates, reused), is_first=False)
        return await self._handled(decision, result)

    async def _handled(self, decision: _Decision, result: AppendResult | None) -> Handled:
        if result is None:
            return Handled(decision.position, is_first=False)
        if result.duplicate:  # what was decided anew was not appended
            return Handled(result.last_position, is_first=False)
        streams = decision.streams.values()
        for stream in streams:
            count_ends(stream.stored, [event for _, event in stream.decided])
        await self._take_snapshots(streams)
        return Handled(result.last_position, is_first=True, refusal=decision.refusal)

    async def _first_run(
        self, run: Run, aggregates: Mapping[str, Aggregate[Any]], reused: EventIdReused
    ) -> int:
        """Return the position of the step's first run, if it ran the same commands.

        The first run has changed the state since, and so what the commands decide. On the state
        that the first run saw, the same commands decide the events that the log holds.
        """
        if not reused.stored:
            raise reused
        before = min(event.position for event in reused.stored)
        found = await self._store.load_streams(dict.fromkeys(aggregates))
        decision = _Decision(_streams(aggregates, _before(before, found)))
        try:
            decision.run(run)
        except Refused:
            raise reused from None
        appends = decision.appends()
        if not appends:
            raise reused
        return (await self._store.append(appends)).last_position

    async def _take_snapshots(self, streams: Iterable[_Stream]) -> None:
        taken = {}
        for stream in streams:
            version = stream.version + len(stream.decided)
            if snapshots.is_due(stream.aggregate, stream.version, version):
                taken[stream.stream_id] = snapshots.take(stream.aggregate, stream.state, version)
        if taken:
            await self._store.create_snapshots(taken)


def _name(command: Command) -> str:
    return aggregate_of(command).stream(command.aggregate_id)


def _aggregates(run: Run, following: Run | None) -> Mapping[str, Aggregate[Any]]:
    """Return the aggregate of each stream that the commands belong to, in their order."""
    commands = [*run.commands, *(following.commands if following else ())]
    return {_name(command): aggregate_of(command) for command in commands}


def _streams(aggregates: Mapping[str, Aggregate[Any]], found: Loaded) -> dict[str, _Stream]:
    return {name: _stream(aggregates[name], name, found[name]) for name in aggregates}


def _stream(aggregate: Aggregate[Any], stream_id: str, found: LoadedStream) -> _Stream:
    """Return the stream with the events above its snapshot folded into the state."""
    state, version = snapshots.restore(aggregate, found.snapshot)
    if found.snapshot is not None and not version:
        raise _SnapshotUnusable
    stored = found.stored
    return _Stream(
        aggregate=aggregate,
        stream_id=stream_id,
        state=aggregate.fold((e.decode() for e in stored if e.version > version), state),
        version=stored[-1].version if stored else 0,
        position=stored[-1].position if stored else 0,
        stored=stored,
    )


def _before(position: int, found: Loaded) -> Loaded:
    return {
        name: LoadedStream([e for e in stream.stored if e.position < position])
        for name, stream in found.items()
    }
