"""The store agrees with a model of it after any sequence of appends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eventstore.envelope import AppendResult, StreamAppend
from eventstore.errors import EventIdReused, EventStoreError, VersionConflict
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY, NO_STREAM, STREAM_EXISTS, ExpectedVersion, holds
from kit.pool import create_pool
from tests.integration.eventstore.conftest import some_events

STREAMS = ("a", "b", "c")
EXPECTED = st.one_of(st.sampled_from([ANY, NO_STREAM, STREAM_EXISTS]), st.integers(0, 6))
examples = count()


class AppendMachine(RuleBasedStateMachine):
    runner: ClassVar[asyncio.Runner]
    store: ClassVar[PostgresEventStore]

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"order-{next(examples)}"
        self.model: dict[str, list[object]] = {self.name(stream): [] for stream in STREAMS}
        self.done: list[tuple[StreamAppend, AppendResult]] = []

    def name(self, stream: str) -> str:
        return f"{self.prefix}-{stream}"

    @rule(
        wanted=st.dictionaries(
            st.sampled_from(STREAMS), st.tuples(st.integers(1, 3), EXPECTED), min_size=1
        )
    )
    def append(self, wanted: dict[str, tuple[int, ExpectedVersion]]) -> None:
        appends = [
            StreamAppend(self.name(stream), some_events(number), expected)
            for stream, (number, expected) in wanted.items()
        ]
        if all(holds(a.expected_version, len(self.model[a.stream_id])) for a in appends):
            result = self.accepted(*appends)
            assert not result.duplicate
            for append in appends:
                self.model[append.stream_id] += [event.event_id for event in append.events]
            if len(appends) == 1:
                self.done.append((appends[0], result))
        else:
            self.refused(VersionConflict, *appends)

    @precondition(lambda self: self.done)
    @rule(data=st.data(), expected=EXPECTED)
    def repeat(self, data: st.DataObject, expected: ExpectedVersion) -> None:
        append, first = data.draw(st.sampled_from(self.done))
        again = self.accepted(StreamAppend(append.stream_id, append.events, expected))
        assert again.duplicate
        assert (again.positions, again.versions) == (first.positions, first.versions)

    @precondition(lambda self: self.done)
    @rule(data=st.data(), expected=EXPECTED)
    def mix(self, data: st.DataObject, expected: ExpectedVersion) -> None:
        append, _ = data.draw(st.sampled_from(self.done))
        events = [*some_events(), append.events[0]]
        self.refused(EventIdReused, StreamAppend(append.stream_id, events, expected))

    @precondition(lambda self: self.done)
    @rule(data=st.data(), expected=EXPECTED)
    def move(self, data: st.DataObject, expected: ExpectedVersion) -> None:
        append, _ = data.draw(st.sampled_from(self.done))
        other = next(name for name in self.model if name != append.stream_id)
        self.refused(EventIdReused, StreamAppend(other, append.events, expected))

    @invariant()
    def streams_and_log_hold_what_the_model_holds(self) -> None:
        for name, ids in self.model.items():
            stored = self.runner.run(self.store.load_events(name))
            assert [event.event_id for event in stored] == ids
            assert [event.version for event in stored] == list(range(1, len(ids) + 1))
            positions = [event.position for event in stored]
            assert positions == sorted(positions)

    def accepted(self, *appends: StreamAppend) -> AppendResult:
        return self.runner.run(self.store.append(appends))

    def refused(self, error: type[EventStoreError], *appends: StreamAppend) -> None:
        try:
            self.runner.run(self.store.append(appends))
        except error:
            return
        raise AssertionError(f"not refused with {error.__name__}: {appends}")


@contextmanager
def connected(database_url: str) -> Iterator[None]:
    with asyncio.Runner() as runner:
        pool = runner.run(create_pool(database_url))
        AppendMachine.runner, AppendMachine.store = runner, PostgresEventStore(pool)
        yield
        runner.run(pool.close())


def test_the_store_agrees_with_its_model(database_url: str) -> None:
    chosen = settings(
        max_examples=40,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with connected(database_url):
        run_state_machine_as_test(AppendMachine, settings=chosen)
