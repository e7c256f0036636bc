"""Read what waits for each consumer group of the stream."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from eventbus.backlog import Backlog
from eventbus.nats.connection import ANSWER_TIMEOUT, once_connected
from eventbus.nats.names import STREAM, SUBJECTS

MAX_GROUPS: Final = 50
"""More groups are not shown, so that the number of series is bounded."""
PAGE: Final = 256


async def backlogs(url: str) -> Sequence[Backlog]:
    """Raises BusUnavailable, or an error of the client."""
    async with once_connected(url) as client:
        stream = client.jetstream(timeout=ANSWER_TIMEOUT.total_seconds())
        try:
            found = await _consumers(stream)
        except NotFoundError:  # the relay has not made the stream yet
            return []
        groups: defaultdict[str, list[ConsumerInfo]] = defaultdict(list)
        for info in found:
            group, _, partition = str(info.name).rpartition("-")
            if partition.isdecimal() and str(info.config.filter_subject).startswith(SUBJECTS):
                groups[group].append(info)
        names = sorted(groups)[:MAX_GROUPS]
        return await asyncio.gather(*(_backlog(stream, name, groups[name]) for name in names))


async def _consumers(stream: JetStreamContext) -> list[ConsumerInfo]:
    found: list[ConsumerInfo] = []
    while page := await stream.consumers_info(STREAM, offset=len(found)):
        found += page
        if len(page) < PAGE:
            break
    return found


async def _backlog(
    stream: JetStreamContext, group: str, consumers: Sequence[ConsumerInfo]
) -> Backlog:
    behind = [info for info in consumers if _waiting(info)]
    ages = await asyncio.gather(*(_oldest(stream, info) for info in behind))
    return Backlog(group, sum(map(_waiting, behind)), max(ages, default=0.0))


def _waiting(info: ConsumerInfo) -> int:
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def _oldest(stream: JetStreamContext, info: ConsumerInfo) -> float:
    """Return the age of the first message that the consumer has not acknowledged."""
    acknowledged = info.ack_floor.stream_seq if info.ack_floor else 0
    try:
        message = await stream.get_msg(
            STREAM, seq=acknowledged + 1, subject=info.config.filter_subject, next=True
        )
    except NotFoundError:
        return 0.0
    if message.time is None:
        return 0.0
    return max(0.0, (datetime.now(UTC) - message.time).total_seconds())
