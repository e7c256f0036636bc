"""Given what has happened, when a command comes, then these events follow, or a refusal.

order = Specification(ORDER)
order.given([created]).when(MarkReserved(aggregate_id="o-1")).then([reserved])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from domain.aggregate import Aggregate
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.event import Event

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Decision:
    """A command before an aggregate, not decided until its outcome is asked for."""

    decide: Callable[[], Sequence[Event]]

    def then(self, expected: Sequence[Event]) -> None:
        """Exactly these events, in this order; none if there is nothing left to do."""
        decided = list(self.decide())
        assert decided == list(expected), f"decided {decided}, expected {list(expected)}"

    def then_refused(self, code: ErrorCode) -> Refused:
        """Refused for this reason; the refusal is returned, for what else there is to say of it."""
        with pytest.raises(Refused) as caught:
            self.decide()
        assert caught.value.code is code, f"{caught.value.code}: {caught.value}"
        return caught.value


@dataclass(frozen=True, slots=True)
class Given(Generic[S]):
    aggregate: Aggregate[S]
    state: S

    def when(self, command: Command) -> Decision:
        return Decision(lambda: self.aggregate.decide(command, self.state))


@dataclass(frozen=True, slots=True)
class Specification(Generic[S]):
    aggregate: Aggregate[S]

    def given(self, history: Iterable[Event]) -> Given[S]:
        return Given(self.aggregate, self.aggregate.fold(history))


def cells(table: str) -> list[tuple[str, str, str]]:
    """A table's cells as (row, column, cell); its first line names the columns."""
    columns, *rows = (line.split() for line in table.strip().splitlines())
    return [
        (row, column, cell)
        for row, *row_cells in rows
        for column, cell in zip(columns, row_cells, strict=True)
    ]
