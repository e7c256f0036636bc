"""Deliver messages to the consumers of a group: one durable consumer of NATS for each partition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NoReturn

import nats.errors

from eventbus.errors import BusError
from eventbus.leases import RENEW_EVERY, Leased, Leases
from eventbus.nats.connection import NatsConnection
from eventbus.nats.pull import Pull
from eventbus.ready import Ready
from eventbus.source import Message
from kit.pool import Pool
from kit.restart import ServerAway, is_database_away

LEAVE_TIMEOUT_SECONDS: Final = 0.5


class LeasesLost(ServerAway):
    """PostgreSQL did not answer for so long that other processes may hold the partitions."""

    def __init__(self, group: str) -> None:
        super().__init__(f"the leases of group {group} were not renewed in time")


class NatsSource:
    """A Source. The pool is for the leases."""

    def __init__(self, connection: NatsConnection, pool: Pool) -> None:
        self._connection = connection
        self._pool = pool

    @asynccontextmanager
    async def deliveries(self, group: str) -> AsyncIterator[NatsDeliveries]:
        deliveries = NatsDeliveries(self._connection, Leases(self._pool, group))
        holding = asyncio.create_task(deliveries.hold(), name=f"partitions of {group}")
        try:
            yield deliveries
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            await deliveries.leave()


class NatsDeliveries:
    def __init__(self, connection: NatsConnection, leases: Leases) -> None:
        self._connection = connection
        self._leases = leases
        self._held: frozenset[int] = frozenset()
        self._pulls: dict[int, Pull] = {}
        self._in_hand: dict[int, Pull] = {}
        self._ready: Ready[Pull] = Ready()
        self._attention = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Sequence[Message]]:
        while True:
            pull = await self._ready.next()
            if not self._leases.are_valid:
                raise LeasesLost(self._leases.group)
            if self._pulls.get(pull.partition) is pull and pull.has_messages:
                self._in_hand[pull.partition] = pull
                yield pull.take()
            else:
                self._ready.give_back(pull)

    async def done(self, messages: Sequence[Message]) -> None:
        pull = self._in_hand.pop(messages[0].partition)
        with self._connection.translated():
            await pull.done()
        self._ready.give_back(pull)
        if pull.is_broken or pull.is_ending:
            self._attention.set()

    def _arrived(self, pull: Pull) -> None:
        self._ready.offer(pull)
        if pull.is_broken:
            self._attention.set()

    async def hold(self) -> NoReturn:
        """Hold this process's share of the partitions until cancelled."""
        try:
            while True:
                await self._connection.require()
                leased = await self._leases.renew(self._held)
                with self._connection.translated():
                    await self._change(leased)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_EVERY.total_seconds()):
                        await self._attention.wait()
                self._attention.clear()
        except Exception as error:
            self._ready.fail(error)
            raise

    async def _change(self, leased: Leased) -> None:
        await self._end(self._held - leased.partitions)
        self._held = leased.partitions
        surplus = sorted(self._held)[leased.share :]
        for partition in surplus:
            if partition in self._pulls:
                self._pulls[partition].is_ending = True
        await self._give_up([p for p in surplus if p not in self._in_hand])
        broken = [p.partition for p in self._pulls.values() if p.is_broken]
        await self._end([p for p in broken if p not in self._in_hand])
        await self._begin(self._held - self._pulls.keys() - self._in_hand.keys())
        for pull in self._pulls.values():
            await pull.ask()

    async def _begin(self, partitions: Iterable[int]) -> None:
        begun = await asyncio.gather(
            *(
                Pull.begin(self._connection, self._leases.group, partition, self._arrived)
                for partition in sorted(partitions)
            )
        )
        self._pulls |= {pull.partition: pull for pull in begun if pull is not None}
        for pull in begun:
            if pull is not None:
                self._ready.offer(pull)

    async def _give_up(self, partitions: Sequence[int]) -> None:
        if partitions:
            await self._end(partitions)
            self._held -= set(partitions)
            await self._leases.release(partitions)

    async def _end(self, partitions: Iterable[int]) -> None:
        """Take no more messages of these partitions."""
        for partition in partitions:
            if (pull := self._pulls.pop(partition, None)) is not None:
                await pull.end()

    async def leave(self) -> None:
        """Let the other processes of the group take the partitions at once, if the servers
        answer."""
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_SECONDS):
                with suppress(BusError, nats.errors.Error):
                    await self._end(list(self._pulls))
                await self._leases.leave()
        except Exception as error:
            if not is_database_away(error) and not isinstance(error, TimeoutError):
                raise
