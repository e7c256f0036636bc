"""Load, decide, append: the only way in which state changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from activities.attempt import Attempt, Handled
from activities.decision import (
    NOTHING_KNOWN,
    Aggregates,
    Decision,
    Known,
    Run,
    SnapshotUnusable,
    Step,
    Stream,
    before,
    everything,
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
from eventstore.described import described
from eventstore.envelope import AppendResult, StoredEvent, StreamAppend
from eventstore.errors import EventIdReused
from eventstore.loaded import Loaded, Wanted
from eventstore.protocol import EventStore
from observability.tracing import spans
from observability.tracing.spans import Kind

__all__ = ["CommandHandler", "Handled", "Run", "Step"]

S = TypeVar("S")
Runs = Callable[[Decision], None]
"""Run commands on the streams of the decision."""


class CommandHandler:
    """Run commands against their aggregates, all in one transaction or none.

    The transaction locks the streams before it loads them: docs/decisions/0035-locked-streams.md.
    Steps that wait for the same streams share one: docs/decisions/0041-group-commit.md.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._known = KnownStates()
        self._turns = Turns(self._take_turn)

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
        attempt = Attempt.of(run, following)
        with spans.span("append", Kind.CLIENT) as span, counted(run.commands):
            try:
                if attempt.shared:
                    return await self._turns.take(attempt)
                return await self._alone(attempt)
            finally:
                if span is not None:
                    span.attributes |= described(attempt.decided)

    async def _take_turn(self, attempts: Sequence[Attempt]) -> None:
        """Give each attempt its outcome, in one transaction or, if that fails, in one for each.

        So an attempt that cannot be appended fails alone, with its own error.
        """
        if len(attempts) > 1 and await self._together(attempts):
            return
        for attempt in attempts:
            if not attempt.is_given_up:
                await self._settle(attempt)

    async def _settle(self, attempt: Attempt) -> None:
        try:
            attempt.succeed(await self._alone(attempt))
        except Exception as error:  # noqa: BLE001 - the caller raises it
            attempt.fail(error)

    async def _together(self, attempts: Sequence[Attempt]) -> bool:
        """Run the attempts in one transaction; return whether it was committed now."""

        def decide(decision: Decision) -> None:
            for attempt in attempts:
                if not attempt.is_given_up:
                    attempt.decide_with_others(decision)

        aggregates = {name: each for a in attempts for name, each in a.aggregates.items()}
        try:
            made = await self._make(aggregates, decide)
        except Exception:  # noqa: BLE001 - each attempt meets its own again
            return False
        if made.is_duplicate:
            return False
        for attempt in attempts:
            attempt.end(made.position)
        return True

    async def _alone(self, attempt: Attempt) -> Handled:
        try:
            made = await self._make(attempt.aggregates, attempt.decide, attempt.key)
        except EventIdReused as reused:
            return Handled(await self._first_run(attempt, reused), is_first=False)
        if made.is_duplicate:  # what was decided anew was not appended
            return Handled(await self._repeated(attempt, made.position), is_first=False)
        if attempt.key is not None and made.result is None:
            await self._store.record_key(replace(attempt.key, call=EARLIER_CALL), made.position)
        return Handled(made.position, is_first=made.result is not None)

    async def _make(self, aggregates: Aggregates, run: Runs, key: KeyUse | None = None) -> _Made:
        """Run commands on these streams in one transaction."""
        known = self._known_of(aggregates)
        try:
            return await self._append(aggregates, wanted(aggregates, known), known, run, key)
        except SnapshotUnusable:
            return await self._append(aggregates, everything(aggregates), NOTHING_KNOWN, run, key)

    async def _append(
        self, aggregates: Aggregates, wanted: Wanted, known: Known, run: Runs, key: KeyUse | None
    ) -> _Made:
        decision = Decision({})

        def decide(found: Loaded) -> Sequence[StreamAppend]:
            nonlocal decision
            decision = Decision(streams(aggregates, found, known))
            run(decision)
            return decision.appends()

        result = await self._store.append_decided(wanted, decide, key)
        if result is not None and not result.duplicate:
            await self._remember(decision.streams)
        return _Made(result, decision)

    async def _remember(self, changed: Mapping[str, Stream]) -> None:
        for name, stream in changed.items():
            if stream.decided:
                count_ends(stream.stored, [new.event for new in stream.decided])
                last_id = stream.decided[-1].event_id
                known = KnownState(stream.state, stream.new_version, last_id)
                self._known.keep(stream.aggregate, name, known)
        await self._take_snapshots(changed)

    async def _repeated(self, attempt: Attempt, position: int) -> int:
        """Return the position of the step's first run.

        With a key, an earlier call made that run, and the row of its key is deleted since. Record
        the key as used by that call. Raises KeyTaken if another repeat has recorded it.
        """
        if attempt.key is not None:
            await self._store.record_key(replace(attempt.key, call=EARLIER_CALL), position)
        return position

    async def _first_run(self, attempt: Attempt, reused: EventIdReused) -> int:
        """Return the position of the step's first run, if it ran the same commands.

        The first run has changed the state since, and so what the commands decide. On the state
        that the first run saw, the same commands decide the events that the log holds.
        """
        if not reused.stored:
            raise reused
        found = await self._store.load_streams(everything(attempt.aggregates))
        then = before(reused.stored, attempt.steps, found)
        decision = Decision(streams(attempt.aggregates, then))
        try:
            attempt.decide(decision)
        except Refused:
            raise reused from None
        if not attempt.decided:
            raise reused
        first = await self._store.append(decision.appends())
        return await self._repeated(attempt, first.last_position)

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


class _Made(NamedTuple):
    """A transaction: what it has appended, and what was decided for it."""

    result: AppendResult | None
    decision: Decision

    @property
    def is_duplicate(self) -> bool:
        return self.result is not None and self.result.duplicate

    @property
    def position(self) -> int:
        return self.decision.position if self.result is None else self.result.last_position
