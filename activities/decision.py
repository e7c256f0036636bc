"""Decide what the commands of a step change, on streams that are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from uuid import UUID

from temporalio import activity

from activities.figures import counted
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
    decided: list[tuple[Step, Event]] = field(default_factory=list)

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

    def decide(self, step: Step, command: Command) -> None:
        events = self.aggregate.decide(command, self.state)
        self.state = self.aggregate.fold(events, self.state)
        self.decided.extend((step, event) for event in events)


@dataclass(slots=True)
class Decision:
    """The streams of a step, and what its commands change in them."""

    streams: dict[str, Stream]
    last_ids: dict[str, UUID] = field(default_factory=dict)
    """By stream: the id of the last event in `appends`."""

    def run(self, run: Run) -> None:
        for command in run.commands:
            states = {name: self.streams[name].state for name in run.facts}
            self.streams[stream_of(command)].decide(run.step, run.complete(command, states))

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
        except Refused:
            self.streams = before

    @property
    def position(self) -> int:
        return max(stream.position for stream in self.streams.values())

    def appends(self) -> Sequence[StreamAppend]:
        """Return the events with their ids. A step counts its own events from 0."""
        counts: Counter[Step] = Counter()
        metadata: dict[Step, EventMetadata] = {}
        appends = []
        for name, stream in self.streams.items():
            events = []
            for step, event in stream.decided:
                event_id = event_id_for(step.workflow_id, step.key, counts[step])
                counts[step] += 1
                if step not in metadata:
                    metadata[step] = step.metadata()
                events.append(NewEvent(event_id, event, metadata[step]))
            if events:
                self.last_ids[name] = events[-1].event_id
                appends.append(StreamAppend(name, events, stream.version))
        return appends


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


def before(position: int, found: Loaded) -> Loaded:
    """Return the streams as they were before this position."""
    return {
        name: LoadedStream([e for e in stream.stored if e.position < position])
        for name, stream in found.items()
    }


def _start(aggregate: Aggregate[Any], known: KnownState | None) -> Start:
    schema = snapshots.schema_of(aggregate)
    return Start(schema) if known is None else Start(schema, known.version, known.event_id)
