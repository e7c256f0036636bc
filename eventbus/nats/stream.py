"""The JetStream stream that keeps the events, and its settings."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from nats.js.api import RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from eventbus.nats.connection import NatsConnection
from eventbus.nats.names import STREAM, SUBJECTS

KEPT_FOR: Final = timedelta(days=7)
"""A consumer that was away for longer reads the log instead."""
DUPLICATE_WINDOW: Final = timedelta(minutes=2)

CONFIG: Final = StreamConfig(
    name=STREAM,
    subjects=[f"{SUBJECTS}.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    max_age=KEPT_FOR.total_seconds(),
    max_msgs=-1,
    max_bytes=-1,
    max_msgs_per_subject=-1,
    max_msg_size=-1,
    duplicate_window=DUPLICATE_WINDOW.total_seconds(),
    no_ack=False,
    sealed=False,
)
_COMPARED: Final = (
    *("subjects", "retention", "storage", "max_age", "max_msgs", "max_bytes"),
    *("max_msgs_per_subject", "max_msg_size", "duplicate_window", "no_ack", "sealed"),
)
"""The settings of the stream that the promises need. Others, such as replicas, are the
operator's."""

logger = logging.getLogger(__name__)


async def require_stream(connection: NatsConnection) -> StreamInfo:
    """Return the state of the stream, which is created if there is none."""
    try:
        return await connection.stream.stream_info(STREAM)
    except NotFoundError:
        logger.warning("stream %s does not exist: creating it", STREAM)
        return await connection.stream.add_stream(CONFIG)


def difference(found: StreamConfig, max_payload: int, needed: int) -> str | None:
    """Return a line that says what differs from the settings that Waybill needs."""
    wrong = [
        f"{name} is {_plain(getattr(found, name))}, not {_plain(getattr(CONFIG, name))}"
        for name in _COMPARED
        if getattr(found, name) != getattr(CONFIG, name)
    ]
    parts = [f"stream {STREAM} is set up otherwise: {', '.join(wrong)}"] if wrong else []
    if max_payload < needed:
        parts.append(f"max_payload of NATS is {max_payload}, below the {needed} needed")
    return "; ".join(parts) or None


def _plain(value: object) -> object:
    return value.value if isinstance(value, RetentionPolicy | StorageType) else value
