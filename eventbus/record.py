"""The record of the bus in PostgreSQL: its contents, its losses and its faults."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from typing import Final, Self

from eventbus.bus import Holdings, Published, Publisher
from eventstore.checkpoint import Checkpoint
from kit.pool import Connection

NAME: Final = "relay"
"""The name of the checkpoint and of the row in eventstore.bus."""

_FOR_CERTAIN: Final = 0.99
"""The share of its retention after which a lost event counts as dropped by age."""

_LOCK: Final = (
    "SELECT generation, first_sequence, last_sequence, removed, losses, missing_to"
    " FROM eventstore.bus WHERE name = $1 FOR UPDATE"
)
_SAVE: Final = (
    "UPDATE eventstore.bus SET generation = $2, first_sequence = $3, last_sequence = $4,"
    " removed = $5, losses = $6, missing_to = $7 WHERE name = $1"
)
_FAULT: Final = (
    "UPDATE eventstore.bus SET fault = $2 WHERE name = $1 AND fault IS DISTINCT FROM $2"
    " RETURNING name"
)
_NEWEST_EVENT: Final = (
    "SELECT position FROM (SELECT position, recorded_at FROM eventstore.event"
    " WHERE position <= $1 ORDER BY position DESC LIMIT 1) AS newest"
    " WHERE $2::interval IS NULL OR recorded_at > clock_timestamp() - $2::interval"
)

_CHECKPOINT: Final = "SELECT position FROM eventstore.checkpoint WHERE name = $1"

logger = logging.getLogger(__name__)


async def relayed_position(connection: Connection) -> int:
    """Return the relay's checkpoint: the bus has taken all events up to it."""
    return await connection.fetchval(_CHECKPOINT, NAME) or 0


@dataclass(frozen=True, slots=True)
class Known:
    """One row of eventstore.bus."""

    generation: str
    first_sequence: int
    last_sequence: int
    removed: int
    losses: int
    """The number of losses so far. A higher number later means that the bus lost events again."""
    missing_to: int | None
    """The bus lacks the events up to this position; None: it has what it should have."""

    def after(self, holdings: Holdings) -> Self:
        return replace(
            self,
            generation=holdings.generation,
            first_sequence=holdings.first_sequence,
            last_sequence=holdings.last_sequence,
            removed=holdings.removed,
        )

    def with_loss(self, missing_to: int) -> Self:
        return replace(
            self, losses=self.losses + 1, missing_to=max(missing_to, self.missing_to or 0)
        )


class BusRecord:
    """The record, over one connection, which its user has alone."""

    def __init__(self, connection: Connection, bus: Publisher) -> None:
        self._connection = connection
        self._bus = bus
        self._holdings: Holdings | None = None
        self._known: Known | None = None

    @property
    def known(self) -> Known:
        """Return what is known since the last comparison."""
        assert self._known is not None  # noqa: S101 - the relay compares before it publishes
        return self._known

    async def compare(self) -> Known:
        """Ask the bus what it keeps, and record what it has lost since the last time.

        Raises BusError.
        """
        async with self._connection.transaction():
            before = await self._locked()
            holdings = await self._bus.holdings()
            after = before.after(holdings)
            if (lost_to := await self._lost(before, holdings)) is not None:
                after = after.with_loss(lost_to)
            after = replace(after, missing_to=await self._newest(after.missing_to, holdings))
            await self._save(before, after)
        self._holdings, self._known = holdings, after
        return after

    async def advance(
        self, checkpoint: Checkpoint, position: int, published: Published, begun: Known
    ) -> bool:
        """Record that the bus has taken the events up to `position`.

        `begun` is what was known when their publication began. Return False and record nothing
        when a loss was found since: the bus may have lost these events with the others. Raises
        CheckpointMoved and records nothing when another process relays.
        """
        async with self._connection.transaction():
            locked = await self._locked()
            if locked.losses != begun.losses:
                return False
            now = replace(locked, last_sequence=max(locked.last_sequence, published.last_sequence))
            if 0 < published.first_sequence <= begun.last_sequence:
                # The bus gave this number before: the message that had it is lost.
                now = now.with_loss(checkpoint.position)
            await self._save(locked, now)
            await checkpoint.advance(position)
        self._known = now
        return True

    async def settle(self, first: int, losses: int) -> Known:
        """Record that the bus has everything from position `first` again.

        Record nothing when the bus has lost events since then: `losses` is the number that
        compare() gave before the events were published.
        """
        async with self._connection.transaction():
            known = await self.compare()
            if known.losses != losses or known.missing_to is None or first > known.missing_to:
                return known
            assert self._holdings is not None  # noqa: S101 - compare() has just set it
            settled = replace(known, missing_to=await self._newest(first - 1, self._holdings))
            await self._save(known, settled)
        return settled

    async def note_fault(self, fault: str) -> None:
        """Record why the bus accepts no events."""
        await self._connection.execute(_FAULT, NAME, fault)

    async def note_success(self) -> None:
        """Record that the bus accepts events, and how its setup differs from the required one."""
        difference = self._holdings and self._holdings.difference
        if await self._connection.fetchval(_FAULT, NAME, difference):
            logger.warning("the bus accepts events: %s", difference or "its setup is right")

    async def _locked(self) -> Known:
        row = await self._connection.fetchrow(_LOCK, NAME)
        assert row is not None  # noqa: S101 - the migration inserts it
        return Known(*row)

    async def _lost(self, before: Known, now: Holdings) -> int | None:
        """Return the position up to which the bus lost events since the last comparison."""
        relayed_to = await relayed_position(self._connection)
        if before.generation == now.generation:
            if now.last_sequence < before.last_sequence or now.removed > before.removed:
                return await self._newest(relayed_to, now)
            if now.first_sequence <= before.first_sequence:
                return None
        # Everything in front of the oldest event that it keeps was dropped by age, or is lost.
        oldest = await self._bus.oldest_position()
        last = relayed_to if oldest is None else min(oldest - 1, relayed_to)
        return await self._newest(last, now)

    async def _newest(self, last: int | None, holdings: Holdings) -> int | None:
        """Return the last event up to there, if the bus should still have it by its age."""
        retention = holdings.retention
        expected = None if retention is None else retention * _FOR_CERTAIN
        position: int | None = await self._connection.fetchval(_NEWEST_EVENT, last, expected)
        return position

    async def _save(self, before: Known, after: Known) -> None:
        if after.losses > before.losses:
            logger.warning("the bus has lost the events up to position %s", after.missing_to)
        if after != before:
            await self._connection.execute(_SAVE, NAME, *asdict(after).values())
