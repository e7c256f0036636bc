"""The bus on Kafka."""

from __future__ import annotations

from collections.abc import Mapping

from eventbus.broker_bus import BrokerBus
from eventbus.kafka.connection import PLAINTEXT, KafkaConnection
from eventbus.kafka.publisher import KafkaPublisher
from eventbus.kafka.source import KafkaSource
from kit.pool import Pool


async def connected_bus(
    bootstrap: str, pool: Pool, security: Mapping[str, str] = PLAINTEXT
) -> BrokerBus:
    """Connect to Kafka. Raises BusUnavailable within seconds, or SettingsError."""
    connection = await KafkaConnection.connect(bootstrap, security)
    return BrokerBus(pool, KafkaPublisher(connection), KafkaSource(connection))
