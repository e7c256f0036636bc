"""Read what waits for each consumer group of the topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from eventbus.backlog import Backlog
from eventbus.kafka.connection import ANSWER_TIMEOUT, KafkaConnection, known_topics
from eventbus.kafka.source import GROUP_PREFIX
from eventbus.kafka.topic import TOPIC, TopicState, state_of_topic

MAX_GROUPS: Final = 50
"""More groups are not shown, so that the number of series is bounded."""
_TIMEOUT: Final = ANSWER_TIMEOUT.total_seconds()


async def backlogs(bootstrap: str, security: Mapping[str, str]) -> Sequence[Backlog]:
    """Raises BusError."""
    connection = await KafkaConnection.connect(bootstrap, security)
    try:
        return await connection.ask(_backlogs)
    finally:
        connection.close()


def _backlogs(admin: AdminClient) -> Sequence[Backlog]:
    if TOPIC not in known_topics(admin):  # the relay has not made it yet
        return []
    listed = admin.list_consumer_groups(request_timeout=_TIMEOUT).result().valid
    groups = sorted(g.group_id for g in listed if g.group_id.startswith(GROUP_PREFIX))
    state = state_of_topic(admin)
    return [_backlog(admin, group, state) for group in groups[:MAX_GROUPS]]


def _backlog(admin: AdminClient, group: str, state: TopicState) -> Backlog:
    partitions = [TopicPartition(TOPIC, number) for number in range(len(state.highs))]
    asked = [ConsumerGroupTopicPartitions(group, partitions)]
    (answer,) = admin.list_consumer_group_offsets(asked, request_timeout=_TIMEOUT).values()
    offsets = {each.partition: each.offset for each in answer.result().topic_partitions}
    waiting = sum(
        high - max(low, offsets.get(number, low))  # a group without an offset begins at the oldest
        for number, (low, high) in enumerate(zip(state.lows, state.highs, strict=True))
    )
    return Backlog(group.removeprefix(GROUP_PREFIX), waiting, None)
