"""Deliver messages to the consumers of a group: one durable consumer of NATS for each partition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
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
from kit.tasks import together

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
        self._leased = Leased(frozenset(), 0)
        self._changing = asyncio.Lock()
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

    def _is_held(self, partition: int) -> bool:
        return self._leases.are_valid and partition in self._leased.partitions

    async def hold(self) -> NoReturn:
        """Hold this process's share of the partitions until cancelled."""
        try:
            await together(self._renew(), self._pull())
        except Exception as error:
            self._ready.fail(error)
            raise
        raise AssertionError  # both run until they are cancelled

    async def _renew(self) -> NoReturn:
        """Renew the leases, however long the pulls take to begin."""
        while True:
            async with self._changing:
                self._leased = await self._leases.renew(self._leased.partitions)
            self._attention.set()
            await asyncio.sleep(RENEW_EVERY.total_seconds())

    async def _pull(self) -> NoReturn:
        """Pull from the partitions that are leased, and from no others."""
        while True:
            await self._attention.wait()
            self._attention.clear()
            await self._connection.require()
            with self._connection.translated():
                await self._adjust()

    async def _adjust(self) -> None:
        await self._end(self._pulls.keys() - self._leased.partitions)
        await self._give_up(sorted(self._leased.partitions)[self._leased.share :])
        broken = {p.partition for p in self._pulls.values() if p.is_broken}
        await self._end(broken - self._in_hand.keys())
        for partition in sorted(self._leased.partitions - self._pulls.keys()):
            if partition not in self._in_hand:
                await self._begin(partition)
        for pull in list(self._pulls.values()):
            await pull.ask()

    async def _begin(self, partition: int) -> None:
        group = self._leases.group
        pull = Pull(self._connection, group, partition, self._arrived, self._is_held)
        try:
            has_begun = await pull.begin()
        except BaseException:
            await pull.end()
            raise
        if has_begun:
            self._pulls[partition] = pull
            self._ready.offer(pull)

    async def _give_up(self, surplus: Sequence[int]) -> None:
        """Release these partitions as soon as none of their messages is in hand."""
        for partition in surplus:
            if partition in self._pulls:
                self._pulls[partition].is_ending = True
        idle = [partition for partition in surplus if partition not in self._in_hand]
        if idle:
            await self._end(idle)
            async with self._changing:
                kept = self._leased.partitions - set(idle)
                await self._leases.release(idle)
                self._leased = replace(self._leased, partitions=kept)

    async def _end(self, partitions: Iterable[int]) -> None:
        """Take no more messages of these partitions."""
        for partition in list(partitions):
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
