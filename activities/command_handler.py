"""Load, decide, append: the only way in which state changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from activities.decision import (
    NOTHING_KNOWN,
    Aggregates,
    Decision,
    Known,
    Run,
    SnapshotUnusable,
    Step,
    Stream,
    aggregates_of,
    before,
    everything,
    shared_by_many,
    streams,
    wanted,
)
from activities.figures import count_ends, counted
from activities.known_states import KnownState, KnownStates
from activities.turns import Turns
from domain.aggregate import Aggregate
from domain.command import Command
from domain.errors import Refused
from domain.idempotency import EARLIER_CALL, KeyedResult, KeyUse
from eventstore import snapshots
from eventstore.envelope import AppendResult, StoredEvent, StreamAppend
from eventstore.errors import EventIdReused, KeyTaken
from eventstore.loaded import Loaded, Wanted
from eventstore.protocol import EventStore

__all__ = ["CommandHandler", "Handled", "Run", "Step"]

S = TypeVar("S")


class Handled(NamedTuple):
    position: int
    """The position after which the effect is readable."""
    is_first: bool
    """These commands were run now; False for a repeat, and where there was nothing to do."""


class CommandHandler:
    """Run commands against their aggregates, all in one transaction or none.

    The transaction locks the streams before it loads them: docs/decisions/0035-locked-streams.md.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._known = KnownStates()
        self._turns = Turns()

    async def load(self, aggregate: Aggregate[S], aggregate_id: str) -> S:
        [state] = await self.load_all(aggregate, [aggregate_id])
        return state

    async def load_all(self, aggregate: Aggregate[S], ids: Iterable[str]) -> Sequence[S]:
        """Return the state of each, in the given order."""
        return [stream.state for stream in await self.read(*((aggregate, each) for each in ids))]

    async def read(self, *wanted_streams: tuple[Aggregate[Any], str]) -> Sequence[Stream]:
        """Return these streams, in the given order. One statement loads them all."""
        aggregates = {aggregate.stream(each): aggregate for aggregate, each in wanted_streams}
        known = self._known_of(aggregates)
        found = await self._store.load_streams(wanted(aggregates, known))
        try:
            loaded = streams(aggregates, found, known)
        except SnapshotUnusable:
            loaded = streams(aggregates, await self._store.load_streams(everything(aggregates)))
        return list(loaded.values())

    async def events(self, aggregate: Aggregate[Any], aggregate_id: str) -> list[StoredEvent]:
        """Return the whole stream, for facts that the state does not keep."""
        return await self._store.load_events(aggregate.stream(aggregate_id))

    async def find_key(self, key: KeyUse) -> KeyedResult | None:
        """Return the first result under this key. Raises Refused when its input was another one."""
        return await self._store.find_key(key)

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
        commands = [*run.commands, *(following.commands if following else ())]
        aggregates = {**aggregates_of(commands), **run.facts}
        attempt = _Attempt(run, following, aggregates)
        with counted(run.commands):
            async with self._turns.of(shared_by_many(aggregates)):
                known = self._known_of(aggregates)
                try:
                    return await self._make(attempt, wanted(aggregates, known), known)
                except SnapshotUnusable:
                    return await self._make(attempt, everything(aggregates))

    async def _make(
        self, attempt: _Attempt, wanted: Wanted, known: Known = NOTHING_KNOWN
    ) -> Handled:
        decision = Decision({})

        def decide(found: Loaded) -> Sequence[StreamAppend]:
            nonlocal decision
            decision = attempt.decide(found, known)
            return decision.appends()

        try:
            result = await self._store.append_decided(wanted, decide, attempt.key)
        except EventIdReused as reused:
            return Handled(await self._first_run(attempt, reused), is_first=False)
        return await self._handled(attempt, decision, result)

    async def _handled(
        self, attempt: _Attempt, decision: Decision, result: AppendResult | None
    ) -> Handled:
        if result is None:
            if attempt.key is not None:
                await self._store.record_key(attempt.key, decision.position)
            return Handled(decision.position, is_first=False)
        if result.duplicate:  # what was decided anew was not appended
            return Handled(await self._repeated(attempt, result.last_position), is_first=False)
        for name, stream in decision.streams.items():
            count_ends(stream.stored, [event for _, event in stream.decided])
            if last_id := decision.last_ids.get(name):
                known = KnownState(stream.state, stream.new_version, last_id)
                self._known.keep(stream.aggregate, name, known)
        await self._take_snapshots(decision.streams)
        return Handled(result.last_position, is_first=True)

    async def _repeated(self, attempt: _Attempt, position: int) -> int:
        """Return the position of the step's first run.

        With a key, an earlier call made that run, and the row of its key is deleted since. Record
        the key as used by that call. Raises KeyTaken.
        """
        if attempt.key is not None:
            await self._store.record_key(replace(attempt.key, call=EARLIER_CALL), position)
            raise KeyTaken
        return position

    async def _first_run(self, attempt: _Attempt, reused: EventIdReused) -> int:
        """Return the position of the step's first run, if it ran the same commands.

        The first run has changed the state since, and so what the commands decide. On the state
        that the first run saw, the same commands decide the events that the log holds.
        """
        if not reused.stored:
            raise reused
        first = min(event.position for event in reused.stored)
        found = await self._store.load_streams(everything(attempt.aggregates))
        try:
            appends = attempt.decide(before(first, found)).appends()
        except Refused:
            raise reused from None
        if not appends:
            raise reused
        return await self._repeated(attempt, (await self._store.append(appends)).last_position)

    async def _take_snapshots(self, changed: Mapping[str, Stream]) -> None:
        taken = {
            name: snapshots.take(stream.aggregate, stream.state, stream.new_version)
            for name, stream in changed.items()
            if snapshots.is_due(stream.aggregate, stream.version, stream.new_version)
        }
        if taken:
            await self._store.create_snapshots(taken)

    def _known_of(self, names: Iterable[str]) -> Known:
        return {name: self._known.of(name) for name in names}


class _Attempt(NamedTuple):
    """The commands of one transaction."""

    run: Run
    following: Run | None
    aggregates: Aggregates

    @property
    def key(self) -> KeyUse | None:
        """The idempotency key that is recorded with the change."""
        return self.run.step.request

    def decide(self, found: Loaded, known: Known = NOTHING_KNOWN) -> Decision:
        decision = Decision(streams(self.aggregates, found, known))
        decision.run(self.run)
        if self.following is not None:
            decision.run_if_accepted(self.following)
        return decision
