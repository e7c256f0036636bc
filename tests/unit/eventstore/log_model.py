"""A model of announce, draw, commit and read, small enough to try every interleaving.

Each step below is one that PostgreSQL makes atomic. The model assumes only this of PostgreSQL:

- a sequence is read under the lock of its buffer, and so is each nextval(): values only go up;
- an advisory lock is taken and released at one moment, and pg_locks shows all of them as they
  stand at one moment, because it holds every partition of the lock table while it reads;
- a commit becomes visible to new snapshots at one moment, and releases its locks only afterwards;
- a statement of a READ COMMITTED transaction takes a new snapshot.

An `Algorithm` with a flag set leaves out one thing that the log relies on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TORN = 2
"""A torn read returns a value that is too high by this: 2 is enough to go wrong, and quick."""


@dataclass(frozen=True)
class Algorithm:
    """The order of the steps of appends and readers. The default is the order of the log."""

    appends_check_their_floor: bool = True
    announcement_reads_torn: bool = False
    head_reads_torn: bool = False
    head_reads_locks_first: bool = False
    reader_keeps_an_old_snapshot: bool = False
    announces_after_drawing: bool = False
    unlocks_before_it_is_visible: bool = False
    null_takes_no_lock: bool = False
    sequence_has_a_cache: bool = False

    def append(self, events: int) -> tuple[str, ...]:
        """Return the steps of an append of this many events."""
        draws = ("draw",) * events
        announced = (*draws, "lock") if self.announces_after_drawing else ("lock", *draws)
        end = ("unlock", "end") if self.unlocks_before_it_is_visible else ("end", "unlock")
        return ("floor", *announced, *end)

    def read(self) -> tuple[str, ...]:
        """Return the steps by which a reader reads one page."""
        head = ("locks", "sequence") if self.head_reads_locks_first else ("sequence", "locks")
        return ("rows", *head) if self.reader_keeps_an_old_snapshot else (*head, "rows")


class Session(NamedTuple):
    """A writer has steps still to take; its transaction and its connection hold the rest."""

    steps: tuple[str, ...]
    floor: int = 0
    drawn: tuple[int, ...] = ()
    is_locked: bool = False
    cached: tuple[int, ...] = ()


class Reader(NamedTuple):
    steps: tuple[str, ...]
    sequence: int = 0
    announced: int | None = None
    rows: frozenset[int] = frozenset()

    @property
    def head(self) -> int:
        return self.sequence if self.announced is None else min(self.sequence, self.announced)


class State(NamedTuple):
    drawn: int
    rows: frozenset[int]
    sessions: tuple[Session, ...]
    reader: Reader

    @property
    def skipped(self) -> list[int]:
        """Return the events that the reader has passed without seeing them."""
        if self.reader.steps:
            return []
        return [row for row in self.rows - self.reader.rows if row <= self.reader.head]


Trace = tuple[str, ...]


def skipping(algorithm: Algorithm, sessions: Sequence[Sequence[int]]) -> tuple[Trace | None, int]:
    """Return the steps by which the reader skips an event, or None, and the number of states tried.

    `sessions` holds the events of each append that each session makes, one after the other.
    """
    start = State(
        drawn=0,
        rows=frozenset(),
        sessions=tuple(
            sorted(
                Session(tuple(step for events in each for step in algorithm.append(events)))
                for each in sessions
            )
        ),
        reader=Reader(algorithm.read()),
    )
    came_by: dict[State, tuple[str, State] | None] = {start: None}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if state.skipped:
            return steps_to(state, came_by), len(came_by)
        for step, following in next_states(algorithm, state):
            if following not in came_by:
                came_by[following] = (step, state)
                waiting.append(following)
    return None, len(came_by)


def steps_to(state: State, came_by: dict[State, tuple[str, State] | None]) -> Trace:
    trace: list[str] = []
    while (previous := came_by[state]) is not None:
        step, state = previous
        trace.append(step)
    return tuple(reversed(trace))


def next_states(algorithm: Algorithm, state: State) -> Iterator[tuple[str, State]]:
    """Yield every step that a writer or the reader may take now."""
    for number, session in enumerate(state.sessions):
        if session.steps:
            others = state.sessions[:number] + state.sessions[number + 1 :]
            for changed in written(algorithm, state, session):
                # Sort the sessions, because it does not matter which of two sessions is where.
                sessions = tuple(sorted(changed.sessions + others))
                yield f"writer: {session.steps[0]}", changed._replace(sessions=sessions)
    if state.reader.steps:
        for reader in read(algorithm, state):
            yield f"reader: {state.reader.steps[0]}", state._replace(reader=reader)


def written(algorithm: Algorithm, state: State, session: Session) -> Iterator[State]:
    """Yield the states after the session's next step; `sessions` is that session alone."""
    step, after = session.steps[0], session._replace(steps=session.steps[1:])
    rows = state.rows
    match step:
        case "floor":
            changed = [
                after._replace(floor=f) for f in values(state, algorithm.announcement_reads_torn)
            ]
        case "lock":
            changed = [after._replace(is_locked=not algorithm.null_takes_no_lock)]
        case "draw":
            position, *cached = session.cached or fresh(algorithm, state)
            state = state._replace(drawn=max(state.drawn, position, *cached))
            changed = [after._replace(drawn=(*session.drawn, position), cached=tuple(cached))]
        case "end":
            changed = [after._replace(drawn=())]
            refused = algorithm.appends_check_their_floor and min(session.drawn) <= session.floor
            if not refused:
                yield State(state.drawn, rows | set(session.drawn), (changed[0],), state.reader)
        case "unlock":
            changed = [after._replace(is_locked=False, floor=0)]
    for one in changed:
        yield State(state.drawn, rows, (one,), state.reader)


def fresh(algorithm: Algorithm, state: State) -> tuple[int, ...]:
    """Draw a position, and those that the session keeps for later."""
    return tuple(range(state.drawn + 1, state.drawn + (3 if algorithm.sequence_has_a_cache else 2)))


def read(algorithm: Algorithm, state: State) -> Iterator[Reader]:
    """Yield the reader after its next step."""
    after = state.reader._replace(steps=state.reader.steps[1:])
    match state.reader.steps[0]:
        case "sequence":
            for value in values(state, algorithm.head_reads_torn):
                yield after._replace(sequence=value)
        case "locks":
            floors = [session.floor for session in state.sessions if session.is_locked]
            yield after._replace(announced=min(floors, default=None))
        case "rows":
            yield after._replace(rows=state.rows)


def values(state: State, is_torn: bool) -> Sequence[int]:
    """Return the values that a read of the sequence may have."""
    return (state.drawn, state.drawn + TORN) if is_torn else (state.drawn,)
