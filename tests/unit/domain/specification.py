"""State a test as: given events, when a command comes, then these events, or a refusal.

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
    """A command on an aggregate, which is decided when the test asks for its outcome."""

    decide: Callable[[], Sequence[Event]]

    def then(self, expected: Sequence[Event]) -> None:
        """Assert exactly these events, in this order; none if there is nothing left to do."""
        decided = list(self.decide())
        assert decided == list(expected), f"decided {decided}, expected {list(expected)}"

    def then_refused(self, code: ErrorCode) -> Refused:
        """Assert a refusal for this reason; return the refusal for further assertions."""
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
    """Yield a table's cells as (row, column, cell); its first line names the columns."""
    columns, *rows = (line.split() for line in table.strip().splitlines())
    return [
        (row, column, cell)
        for row, *row_cells in rows
        for column, cell in zip(columns, row_cells, strict=True)
    ]
