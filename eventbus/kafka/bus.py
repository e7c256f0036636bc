"""The bus on Kafka."""

from __future__ import annotations

from eventbus.broker_bus import BrokerBus
from eventbus.kafka.connection import KafkaConnection
from eventbus.kafka.publisher import KafkaPublisher
from eventbus.kafka.source import KafkaSource
from kit.pool import Pool


async def connected_bus(bootstrap: str, pool: Pool) -> BrokerBus:
    """Connect to Kafka. Raises BusUnavailable within seconds."""
    connection = await KafkaConnection.connect(bootstrap)
    return BrokerBus(pool, KafkaPublisher(connection), KafkaSource(connection))
