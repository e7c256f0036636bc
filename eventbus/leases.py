"""Spread the partitions of a group over its processes, by leases in PostgreSQL.

Each process renews its leases by one statement a second. A process that is killed loses them after
LEASE_TIMEOUT, and the others take its partitions. The leases only spread the work. That no effect
is repeated and no key overtaken does not depend on them: see eventbus/consumer.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID, uuid4

from eventbus.routing import PARTITIONS
from kit.pool import Pool

LEASE_TIMEOUT: Final = timedelta(seconds=4)
RENEW_EVERY: Final = timedelta(seconds=1)

# Of 16 partitions, one of 3 members holds 6 and the others 5: those whose ids come first.
_RENEW: Final = """
    WITH me AS (
        INSERT INTO eventstore.consumer_member (group_name, member, seen_at)
        VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (group_name, member) DO UPDATE SET seen_at = excluded.seen_at
    ), peers AS (
        SELECT count(*)::int AS others, (count(*) FILTER (WHERE member < $2))::int AS earlier
        FROM eventstore.consumer_member
        WHERE group_name = $1 AND member <> $2 AND seen_at > clock_timestamp() - $3::interval
    ), share AS (
        SELECT $5::int / (others + 1) + (earlier < $5::int % (others + 1))::int AS size FROM peers
    ), wanted AS (
        SELECT p AS partition
        FROM generate_series(0, $5::int - 1) AS p
        LEFT JOIN eventstore.consumer_lease AS l ON l.group_name = $1 AND l.partition = p
        WHERE l.member IS NULL OR l.member = $2 OR l.expires_at < clock_timestamp()
        ORDER BY p <> ALL($4::int[]), p
        LIMIT (SELECT greatest(size, cardinality($4::int[])) FROM share)
    ), leased AS (
        INSERT INTO eventstore.consumer_lease AS l (group_name, partition, member, expires_at)
        SELECT $1, partition, $2, clock_timestamp() + $3::interval FROM wanted ORDER BY partition
        ON CONFLICT (group_name, partition) DO UPDATE
            SET member = excluded.member, expires_at = excluded.expires_at
            WHERE l.member = excluded.member OR l.expires_at < clock_timestamp()
        RETURNING partition
    )
    SELECT (SELECT size FROM share), ARRAY(SELECT partition FROM leased ORDER BY partition)
"""
_RELEASE: Final = """
    DELETE FROM eventstore.consumer_lease
    WHERE group_name = $1 AND member = $2 AND partition = ANY($3)
"""
_LEAVE: Final = """
    WITH leases AS (
        DELETE FROM eventstore.consumer_lease WHERE group_name = $1 AND member = $2
    )
    DELETE FROM eventstore.consumer_member
    WHERE group_name = $1 AND (member = $2 OR seen_at < clock_timestamp() - interval '1 hour')
"""


@dataclass(frozen=True, slots=True)
class Leased:
    partitions: frozenset[int]
    """The partitions that this member holds now."""
    share: int
    """The number that it should hold: it gives up the others when their messages are handled."""


@dataclass(slots=True)
class Leases:
    """The leases of one member of a group."""

    pool: Pool
    group: str
    member: UUID = field(default_factory=uuid4)
    _valid_until: float = 0.0

    @property
    def are_valid(self) -> bool:
        """Return whether no other member can have taken the partitions of this one."""
        return monotonic() < self._valid_until

    async def renew(self, held: Collection[int]) -> Leased:
        """Keep what this member holds, and take free partitions up to its share."""
        sent = monotonic()
        async with self.pool.acquire() as connection:
            row = await connection.fetchrow(
                _RENEW, self.group, self.member, LEASE_TIMEOUT, list(held), PARTITIONS
            )
        assert row is not None  # noqa: S101 - the statement returns one row
        self._valid_until = sent + LEASE_TIMEOUT.total_seconds()
        share, partitions = row
        return Leased(frozenset(partitions), share)

    async def release(self, partitions: Collection[int]) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute(_RELEASE, self.group, self.member, list(partitions))

    async def leave(self) -> None:
        """Release everything, so that the other members take it at once."""
        self._valid_until = 0.0
        async with self.pool.acquire() as connection:
            await connection.execute(_LEAVE, self.group, self.member)
