"""A process hands out messages of NATS only while it is certain to hold their partition."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import pytest

from eventbus import leases
from eventbus.nats import source
from eventbus.nats.connection import NatsConnection
from eventbus.nats.names import STREAM
from eventbus.nats.source import LeasesLost, NatsDeliveries, NatsSource
from eventbus.routing import PARTITIONS
from kit.eventually import eventually
from tests.support.bus_log import Log
from tests.support.bus_world import GROUP
from tests.support.nats import NatsBroker


@pytest.fixture
async def leased(
    log: Log, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NatsDeliveries]:
    """The deliveries of a process that holds all partitions, and does not renew that."""
    monkeypatch.setattr(leases, "LEASE_TIMEOUT", timedelta(hours=1))
    monkeypatch.setattr(source, "RENEW_EVERY", timedelta(hours=1))
    await log.relay_all(3)
    async with (
        aclosing(await NatsConnection.connect(broker.url)) as connection,
        NatsSource(connection, log.pool).deliveries(GROUP) as deliveries,
    ):
        await eventually(lambda: deliveries._leases.are_valid)
        yield deliveries


def expire(deliveries: NatsDeliveries) -> None:
    deliveries._leases._valid_until = 0.0


async def test_a_process_whose_leases_were_not_renewed_in_time_asks_for_no_messages(
    leased: NatsDeliveries, broker: NatsBroker
) -> None:
    """Messages that it got would be kept from the process that has taken the partition."""
    await eventually(lambda: len(leased._pulls) == PARTITIONS)
    expire(leased)
    await eventually(lambda: all(pull.is_broken for pull in leased._pulls.values()))
    async with broker.jetstream() as stream:
        for partition in range(PARTITIONS):
            info = await stream.consumer_info(STREAM, f"{GROUP}-{partition}")
            assert info.num_waiting == 0


async def test_a_process_whose_leases_were_not_renewed_in_time_hands_out_nothing(
    leased: NatsDeliveries,
) -> None:
    await eventually(lambda: any(pull.has_messages for pull in leased._pulls.values()))
    expire(leased)
    with pytest.raises(LeasesLost, match="the leases of group tests were not renewed in time"):
        await anext(aiter(leased))
