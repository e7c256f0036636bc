"""The state of the event bus, as the relay recorded it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_BUS: Final = text("SELECT fault, missing_to FROM eventstore.bus")


@dataclass(frozen=True, slots=True)
class BusState:
    fault: str | None
    """The fault in a line: the bus accepts no events, or its setup differs from Waybill's needs."""
    missing_to: int | None
    """The bus lacks the events up to this position."""

    @property
    def problem(self) -> str | None:
        """Return a line that says what an operator must repair."""
        return "; ".join(filter(None, (self.fault, self._gap))) or None

    @property
    def _gap(self) -> str | None:
        if self.missing_to is None:
            return None
        return (
            f"the bus is empty up to position {self.missing_to}: publish these events again with"
            " `make republish FROM=<position>`"
        )


class BusQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def state(self) -> BusState:
        async with self._engine.connect() as connection:
            return BusState(*(await connection.execute(_BUS)).one())
