"""Suppress addresses and lift suppressions for operators, each act with an audit row.

An address is known by its digest alone. No row and no line of the log holds it.
"""

from __future__ import annotations

import logging
from typing import Final

from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from eventstore.keys import take_key
from kit.pool import Connection, Pool
from notifications.suppressions import SuppressionReason, add, remove
from queries.suppressions import SuppressionAction, SuppressionActionKind

_SHOWN: Final = "action, actor, reason, at"
_RECORD: Final = f"""
    INSERT INTO eventstore.email_suppression_action (email_digest, action, actor, reason)
    VALUES ($1, $2, $3, $4)
    RETURNING {_SHOWN}
"""  # noqa: S608 - our own words
_LAST_ACTION: Final = f"""
    SELECT {_SHOWN} FROM eventstore.email_suppression_action
    WHERE email_digest = $1 AND ($2::text IS NULL OR action = $2)
    ORDER BY id DESC
    LIMIT 1
"""  # noqa: S608 - our own words

logger = logging.getLogger(__name__)


class SuppressionRequests:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def suppress(
        self, digest: str, reason: SuppressionReason, actor: str, key: KeyUse | None = None
    ) -> bool:
        """Send no more mail to this address; return False if it was suppressed already.

        It then keeps its reason.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            is_first = await take_key(connection, key)
            if not is_first or not await add(connection, digest, reason):
                return False
            kind = SuppressionActionKind.SUPPRESSED
            action = await _record(connection, digest, kind, actor, str(reason))
        _report(action)
        return True

    async def lift(
        self, digest: str, actor: str, reason: str, key: KeyUse | None = None
    ) -> tuple[SuppressionAction, bool]:
        """Send mail to this address again; return the act, and whether this is a repetition.

        A repetition with the same reason changes nothing. Raises Refused with NOT_FOUND when the
        address is not suppressed.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await take_key(connection, key):
                return await _lifted_with_key(connection, digest), True
            if not await remove(connection, digest):
                return await _lifted_before(connection, digest, actor, reason), True
            kind = SuppressionActionKind.LIFTED
            action = await _record(connection, digest, kind, actor, reason)
        _report(action)
        return action, False


async def _lifted_before(
    connection: Connection, digest: str, actor: str, reason: str
) -> SuppressionAction:
    before = await _last_action(connection, digest)
    wanted = (SuppressionActionKind.LIFTED, actor, reason)
    if before is None or (before.kind, before.actor, before.reason) != wanted:
        message = "this address is not suppressed: no suppression stops its mail"
        raise Refused(ErrorCode.NOT_FOUND, message, ("email",))
    return before


async def _lifted_with_key(connection: Connection, digest: str) -> SuppressionAction:
    action = await _last_action(connection, digest, SuppressionActionKind.LIFTED)
    assert action is not None  # noqa: S101 - it was written with the key
    return action


async def _record(
    connection: Connection, digest: str, kind: SuppressionActionKind, actor: str, reason: str
) -> SuppressionAction:
    row = await connection.fetchrow(_RECORD, digest, str(kind), actor, reason)
    assert row is not None  # noqa: S101 - an INSERT returns its row
    return SuppressionAction(SuppressionActionKind(row[0]), *row[1:])


def _report(action: SuppressionAction) -> None:
    logger.warning("e-mail suppression: %s by %s", action.kind, action.actor)


async def _last_action(
    connection: Connection, digest: str, kind: SuppressionActionKind | None = None
) -> SuppressionAction | None:
    row = await connection.fetchrow(_LAST_ACTION, digest, None if kind is None else str(kind))
    return None if row is None else SuppressionAction(SuppressionActionKind(row[0]), *row[1:])
