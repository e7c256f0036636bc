"""Acknowledge notices for operators."""

from __future__ import annotations

import logging
from typing import Final

from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from eventstore.keys import take_key
from kit.pool import Connection, Pool

_ACKNOWLEDGE: Final = """
    UPDATE eventstore.operator_notice
    SET acknowledged_at = clock_timestamp(), acknowledged_by = $2, note = $3
    WHERE id = $1 AND acknowledged_at IS NULL AND closed_at IS NULL
    RETURNING true
"""
_IS_ACKNOWLEDGED: Final = """
    SELECT acknowledged_at IS NOT NULL FROM eventstore.operator_notice WHERE id = $1
"""

logger = logging.getLogger(__name__)


class NoticeAcknowledgements:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def acknowledge(
        self, notice_id: int, actor: str, note: str | None, key: KeyUse | None = None
    ) -> bool:
        """Record that an operator knows of the notice, and return whether that is new.

        A notice that is acknowledged keeps its first acknowledgement. Raises Refused: NOT_FOUND
        when there is no such notice, and WRONG_STATE when its cause has ended before.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await take_key(connection, key):
                return False
            if not await connection.fetchval(_ACKNOWLEDGE, notice_id, actor, note):
                await _check_is_acknowledged(connection, notice_id)
                return False
        logger.info("operator notice %d: acknowledged by %s", notice_id, actor)
        return True


async def _check_is_acknowledged(connection: Connection, notice_id: int) -> None:
    is_acknowledged = await connection.fetchval(_IS_ACKNOWLEDGED, notice_id)
    if is_acknowledged is None:
        message = f"there is no notice {notice_id}: list them again"
        raise Refused(ErrorCode.NOT_FOUND, message, ("id",))
    if not is_acknowledged:
        message = f"notice {notice_id} is closed: its cause has ended, so leave it as it is"
        raise Refused(ErrorCode.WRONG_STATE, message, ("id",))
