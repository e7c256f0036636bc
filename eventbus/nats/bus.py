"""The bus on NATS JetStream."""

from __future__ import annotations

from eventbus.broker_bus import BrokerBus
from eventbus.nats.connection import NatsConnection
from eventbus.nats.publisher import NatsPublisher
from eventbus.nats.source import NatsSource
from kit.pool import Pool


async def connected_bus(url: str, pool: Pool) -> BrokerBus:
    """Connect to NATS.

    Raises BusUnavailable within seconds, or SettingsError for a wrong URL or password.
    """
    connection = await NatsConnection.connect(url)
    return BrokerBus(pool, NatsPublisher(connection), NatsSource(connection, pool))
