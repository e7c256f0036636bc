"""Decide what the commands of a step change, on streams that are loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from temporalio import activity

from activities.known_states import KnownState
from domain.aggregate import Aggregate
from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.idempotency import KeyUse
from domain.ids import event_id_for
from domain.registry import aggregate_of
from eventstore import snapshots
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.loaded import Loaded, LoadedStream, Start, Wanted
from observability import trace


@dataclass(frozen=True, slots=True)
class Step:
    """The workflow step that a change belongs to. Its workflow and key determine the event ids."""

    workflow_id: str
    key: str
    correlation_id: str
    actor: str = "system"
    request: KeyUse | None = None
    """The idempotency key that is recorded with the change."""
    traceparent: str | None = field(default_factory=trace.current, compare=False)
    """The span of the caller, who may be another one than the task that appends."""

    @classmethod
    def current(cls, key: str, correlation_id: str, actor: str = "system") -> Step:
        """Return a step of the workflow whose activity is running."""
        workflow_id = activity.info().workflow_id
        return cls(workflow_id or "none", key, correlation_id, actor)

    def events(self, events: Iterable[Event]) -> Sequence[NewEvent]:
        """Return the events with their ids, which are the same in every attempt."""
        metadata = self._metadata()
        return [
            NewEvent(event_id_for(self.workflow_id, self.key, index), event, metadata)
            for index, event in enumerate(events)
        ]

    @property
    def causation_id(self) -> str:
        return f"{self.workflow_id}/{self.key}"

    def _metadata(self) -> EventMetadata:
        return EventMetadata(
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            traceparent=self.traceparent,
            actor=self.actor,
            workflow_id=self.workflow_id,
            step=self.key,
        )


Aggregates = Mapping[str, Aggregate[Any]]
"""By stream."""
NO_FACTS: Final[Aggregates] = {}
Complete = Callable[[Command, Mapping[str, Any]], Command]
"""Return the command with the facts that it depends on; the states are by stream."""


class Run(NamedTuple):
    """The commands of one step.

    `facts` are the streams of other aggregates that a command depends on. They are locked and
    loaded with the others, and `complete` adds what they say to each command.
    """

    step: Step
    commands: Sequence[Command]
    facts: Aggregates = NO_FACTS
    complete: Complete = lambda command, _: command


class SnapshotUnusable(Exception):
    """The state of a snapshot does not validate: load the stream without it."""


Known = Mapping[str, KnownState | None]
"""By stream: the state that was known before the stream was loaded."""
NOTHING_KNOWN: Final[Known] = {}


@dataclass(slots=True)
class Stream:
    """One aggregate with its current state and the events decided so far."""

    aggregate: Aggregate[Any]
    state: Any
    version: int
    position: int
    stored: Sequence[StoredEvent]
    """The events that were read: all of them, or those since a known state."""
    decided: list[NewEvent] = field(default_factory=list)

    @classmethod
    def of(cls, aggregate: Aggregate[Any], found: LoadedStream, known: KnownState | None) -> Stream:
        """Fold the events above the known state, or above the snapshot, into that state.

        Raises SnapshotUnusable.
        """
        if known is not None and known.begins(found):
            state, version = known.state, known.version
        else:
            state, version = snapshots.restore(aggregate, found.snapshot)
            if found.snapshot is not None and not version:
                raise SnapshotUnusable
        stored = found.stored
        return cls(
            aggregate=aggregate,
            state=aggregate.fold((e.decode() for e in stored if e.version > version), state),
            version=stored[-1].version if stored else 0,
            position=stored[-1].position if stored else 0,
            stored=stored,
        )

    @property
    def new_version(self) -> int:
        return self.version + len(self.decided)

    def decide(self, command: Command) -> Sequence[Event]:
        events = self.aggregate.decide(command, self.state)
        self.state = self.aggregate.fold(events, self.state)
        return events


class Decided(NamedTuple):
    """An event that a step appends to a stream."""

    stream_id: str
    new: NewEvent


@dataclass(slots=True)
class Decision:
    """The streams of the steps of one transaction, and what their commands change in them."""

    streams: dict[str, Stream]

    def run(self, run: Run) -> Sequence[Decided]:
        """Run the commands, all or none, and return what they have decided. Raises Refused.

        A step counts its own events from 0.
        """
        states = {name: self.streams[name].state for name in map(stream_of, run.commands)}
        try:
            events = list(self._events(run))
        except Refused:
            for name, state in states.items():
                self.streams[name].state = state
            raise
        news = run.step.events(event for _, event in events)
        decided = [Decided(name, new) for (name, _), new in zip(events, news, strict=True)]
        for name, new in decided:
            self.streams[name].decided.append(new)
        return decided

    def _events(self, run: Run) -> Iterator[tuple[str, Event]]:
        for command in run.commands:
            name = stream_of(command)
            states = {fact: self.streams[fact].state for fact in run.facts}
            for event in self.streams[name].decide(run.complete(command, states)):
                yield name, event

    @property
    def position(self) -> int:
        return max(stream.position for stream in self.streams.values())

    def appends(self) -> Sequence[StreamAppend]:
        return [
            StreamAppend(name, stream.decided, stream.version)
            for name, stream in self.streams.items()
            if stream.decided
        ]


def stream_of(command: Command) -> str:
    return aggregate_of(command).stream(command.aggregate_id)


def aggregates_of(commands: Iterable[Command]) -> Aggregates:
    """Return the aggregate of each stream that the commands belong to, in their order."""
    return {stream_of(command): aggregate_of(command) for command in commands}


def shared_by_many(aggregates: Aggregates) -> Iterable[str]:
    """Return the streams that the steps of many orders write. Long streams have snapshots."""
    return (name for name, each in aggregates.items() if each.snapshot_every is not None)


def streams(
    aggregates: Aggregates, found: Loaded, known: Known = NOTHING_KNOWN
) -> dict[str, Stream]:
    return {
        name: Stream.of(aggregate, found[name], known.get(name))
        for name, aggregate in aggregates.items()
    }


def wanted(aggregates: Aggregates, known: Known) -> Wanted:
    """Return the part of each stream that is to be loaded."""
    return {name: _start(aggregate, known.get(name)) for name, aggregate in aggregates.items()}


def everything(aggregates: Aggregates) -> Wanted:
    return dict.fromkeys(aggregates, Start())


def before(own: Iterable[StoredEvent], steps: Iterable[Step], found: Loaded) -> Loaded:
    """Return the streams as they were before the events of these steps, of which some are given.

    The steps that shared their transaction may have events between them.
    """
    causes = {step.causation_id for step in steps}
    first = min(event.position for event in own)
    return {name: LoadedStream(_before(stream, causes, first)) for name, stream in found.items()}


def _before(stream: LoadedStream, causes: Collection[str], first: int) -> Sequence[StoredEvent]:
    caused = (e.position for e in stream.stored if e.metadata.causation_id in causes)
    end = next(caused, first)
    return [event for event in stream.stored if event.position < end]


def _start(aggregate: Aggregate[Any], known: KnownState | None) -> Start:
    schema = snapshots.schema_of(aggregate)
    return Start(schema) if known is None else Start(schema, known.version, known.event_id)
