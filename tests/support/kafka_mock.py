"""The mock cluster of librdkafka, which Kafka's client brings along: brokers in this process.

Its groups notice a killed member by the session timeout; those of noida-db wait for it for ever. It
keeps messages in memory and cannot describe a topic's configuration.
"""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from eventbus.bus import EventBus
from eventbus.kafka.bus import connected_bus
from eventbus.kafka.topic import TOPIC
from eventbus.routing import PARTITIONS
from kit.pool import Pool

_PRODUCER: Final = 0
_BROKERS: Final = 1
_ERROR_BYTES: Final = 512


@dataclass
class KafkaMock:
    _library: ctypes.CDLL
    _cluster: int

    @property
    def bootstrap(self) -> str:
        found: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return found.decode()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Close the connections, and take no new ones until the block ends. It loses nothing."""
        for broker in range(1, _BROKERS + 1):
            assert self._library.rd_kafka_mock_broker_set_down(self._cluster, broker) == 0
        yield
        for broker in range(1, _BROKERS + 1):
            assert self._library.rd_kafka_mock_broker_set_up(self._cluster, broker) == 0

    @property
    def settings(self) -> dict[str, str]:
        return {"WAYBILL_BUS": "kafka", "WAYBILL_KAFKA_BOOTSTRAP": self.bootstrap}

    async def connect(self, pool: Pool) -> EventBus:
        return await connected_bus(self.bootstrap, pool)

    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        raise NotImplementedError  # a real broker takes them in tests/support/kafka.py


@asynccontextmanager
async def kafka_mock(_: Path) -> AsyncIterator[KafkaMock]:
    library = _library()
    error = ctypes.create_string_buffer(_ERROR_BYTES)
    client = library.rd_kafka_new(_PRODUCER, None, error, _ERROR_BYTES)
    assert client, error.value
    cluster = library.rd_kafka_mock_cluster_new(client, _BROKERS)
    assert library.rd_kafka_mock_topic_create(cluster, TOPIC.encode(), PARTITIONS, 1) == 0
    try:
        yield KafkaMock(library, cluster)
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(client)


def _library() -> ctypes.CDLL:
    """Return librdkafka as the client has loaded it."""
    spec = find_spec("confluent_kafka")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent.parent / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*"))))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_broker_set_down", number, [pointer, number]),
        ("rd_kafka_mock_broker_set_up", number, [pointer, number]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
