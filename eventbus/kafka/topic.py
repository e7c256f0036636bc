"""The topic of the events: its required configuration, and what the brokers keep of it.

The functions are called in a thread. They raise KafkaException.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from confluent_kafka import (
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    TopicDescription,
)

from eventbus.kafka.connection import ANSWER_TIMEOUT, cluster_id, known_topics, logger, milliseconds
from eventbus.kafka.messages import MAX_MESSAGE_BYTES
from eventbus.routing import PARTITIONS

TOPIC: Final = "waybill.events"
KEPT_FOR: Final = timedelta(days=7)
"""A consumer that was away for longer reads the log instead."""

CONFIG: Final = {
    "cleanup.policy": "delete",
    "retention.ms": str(milliseconds(KEPT_FOR)),
    "retention.bytes": "-1",
}
"""The settings of the topic that the promises need. Others, such as its replicas and
`min.insync.replicas`, are the operator's."""

_MAX_BYTES: Final = "max.message.bytes"
_BROKERS_DEFAULT: Final = -1
_TIMEOUT: Final = ANSWER_TIMEOUT.total_seconds()


@dataclass(frozen=True, slots=True)
class TopicState:
    """The topic as the brokers describe it."""

    generation: str
    """It changes when the topic is deleted and created, on brokers that give topics an id."""
    lows: tuple[int, ...]
    """The offset of the first message of each partition that is kept."""
    highs: tuple[int, ...]
    """The offset that the next message of each partition gets."""
    config: Mapping[str, str]

    @property
    def max_message_bytes(self) -> int:
        return int(self.config[_MAX_BYTES])

    @property
    def retention(self) -> timedelta | None:
        kept = int(self.config["retention.ms"])
        return None if kept < 0 else timedelta(milliseconds=kept)

    @property
    def difference(self) -> str | None:
        """Return a line that says how the topic differs from what Waybill needs."""
        wrong = [
            f"{name} is {self.config.get(name)}, not {value}"
            for name, value in CONFIG.items()
            if self.config.get(name) != value
        ]
        if len(self.highs) != PARTITIONS:
            wrong.append(f"it has {len(self.highs)} partitions, not {PARTITIONS}")
        if self.max_message_bytes < MAX_MESSAGE_BYTES:
            wrong.append(
                f"{_MAX_BYTES} is {self.max_message_bytes}, below the {MAX_MESSAGE_BYTES} needed"
            )
        return f"topic {TOPIC} is set up otherwise: {', '.join(wrong)}" if wrong else None


def state_of_topic(admin: AdminClient) -> TopicState:
    """Return the state of the topic. Create it, or the partitions that it lacks, first."""
    topic = required_topic(admin)
    count = len(topic.partitions)
    return TopicState(
        generation=f"{cluster_id(admin)}/{topic.topic_id}",
        lows=offsets(admin, count, OffsetSpec.earliest()),  # type: ignore[no-untyped-call]
        highs=offsets(admin, count, OffsetSpec.latest()),  # type: ignore[no-untyped-call]
        config=_config(admin),
    )


def require_topic(admin: AdminClient) -> None:
    """Create the topic, or the partitions that it lacks."""
    topic = known_topics(admin).get(TOPIC)
    if topic is None or len(topic.partitions) < PARTITIONS:
        required_topic(admin)


def required_topic(admin: AdminClient) -> TopicDescription:
    """Return the topic with all the partitions that Waybill uses."""
    try:
        topic = _described(admin)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise
        logger.warning("topic %s does not exist: creating it", TOPIC)
        _create(admin)
        topic = _described(admin)
    if len(topic.partitions) < PARTITIONS:
        logger.warning("topic %s has %s partitions: adding some", TOPIC, len(topic.partitions))
        wanted = [NewPartitions(TOPIC, PARTITIONS)]
        admin.create_partitions(wanted, request_timeout=_TIMEOUT)[TOPIC].result()
        topic = _described(admin)
    return topic


def _described(admin: AdminClient) -> TopicDescription:
    found = admin.describe_topics(TopicCollection([TOPIC]), request_timeout=_TIMEOUT)
    topic: TopicDescription = found[TOPIC].result()
    return topic


def _create(admin: AdminClient) -> None:
    config = {**CONFIG, _MAX_BYTES: str(MAX_MESSAGE_BYTES)}
    new = NewTopic(TOPIC, PARTITIONS, _BROKERS_DEFAULT, config=config)
    try:
        admin.create_topics([new], request_timeout=_TIMEOUT)[TOPIC].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # by another process
            raise


def offsets(admin: AdminClient, count: int, spec: OffsetSpec) -> tuple[int, ...]:
    wanted = {TopicPartition(TOPIC, partition): spec for partition in range(count)}
    found = admin.list_offsets(wanted, request_timeout=_TIMEOUT)
    named = tuple(found[partition].result().offset for partition in wanted)
    if min(named) < 0:
        # The client gives OFFSET_INVALID, and no error, when a broker went away before its answer.
        raise KafkaException(KafkaError(KafkaError._TRANSPORT, "it named no offset of a partition"))
    return named


def _config(admin: AdminClient) -> dict[str, str]:
    topic = ConfigResource(ConfigResource.Type.TOPIC, TOPIC)
    found = admin.describe_configs([topic], request_timeout=_TIMEOUT)[topic].result()
    return {name: str(entry.value) for name, entry in found.items()}
