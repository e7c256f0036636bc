"""Redrive and discard dead letters for operators, each act once and with a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from eventbus import dead_letters
from eventbus.dead_letters import DeadLetterGone, DeadLetterWaits
from eventstore.keys import take_key
from kit.pool import Connection, Pool

REDRIVEN: Final = "redriven"
DISCARDED: Final = "discarded"

_LOCK: Final = "SELECT state, attempts FROM eventstore.dead_letter WHERE id = $1 FOR UPDATE"
_LAST_ACTION: Final = """
    SELECT letter_id, action, actor, reason, at
    FROM eventstore.dead_letter_action
    WHERE letter_id = $1 AND ($2::text IS NULL OR action = $2)
    ORDER BY id DESC
    LIMIT 1
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LetterAction:
    """The act of an operator on a letter, as its audit row says."""

    letter_id: int
    kind: str
    actor: str
    reason: str | None
    at: datetime
    is_repeat: bool
    """The operator repeated the request. Only the first one had an effect."""


class DeadLetterRequests:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def redrive(self, letter_id: int, actor: str, key: KeyUse | None = None) -> LetterAction:
        """Let the group try the letter at once, as often as a new message.

        A repetition before that try changes nothing, and one with the key never. Raises Refused:
        NOT_FOUND when the letter is gone, and WRONG_STATE when it waits behind another one.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await take_key(connection, key):
                return await _repeated(connection, letter_id, REDRIVEN)
            action = await _redrive(connection, letter_id, actor)
        _report(action)
        return action

    async def discard(
        self, letter_id: int, actor: str, reason: str, key: KeyUse | None = None
    ) -> LetterAction:
        """Drop the letter: the group never handles it, and tries the next one of its key.

        A repetition with the same reason changes nothing. Raises Refused: NOT_FOUND when the letter
        is gone.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await take_key(connection, key):
                return await _repeated(connection, letter_id, DISCARDED)
            action = await _discard(connection, letter_id, actor, reason)
        _report(action)
        return action


async def _repeated(connection: Connection, letter_id: int, kind: str) -> LetterAction:
    action = await _last_action(connection, letter_id, kind, is_repeat=True)
    assert action is not None  # noqa: S101 - it was written with the key
    return action


async def _redrive(connection: Connection, letter_id: int, actor: str) -> LetterAction:
    letter = await connection.fetchrow(_LOCK, letter_id)
    if letter is not None and (letter["state"], letter["attempts"]) == ("retrying", 0):
        before = await _last_action(connection, letter_id, is_repeat=True)
        if before is not None and (before.kind, before.actor) == (REDRIVEN, actor):
            return before
    with _refusing():
        await dead_letters.redrive(connection, letter_id, actor)
    return await _recorded(connection, letter_id)


async def _discard(connection: Connection, letter_id: int, actor: str, reason: str) -> LetterAction:
    try:
        with _refusing():
            await dead_letters.discard(connection, letter_id, actor, reason)
    except Refused:
        before = await _last_action(connection, letter_id, is_repeat=True)
        wanted = (DISCARDED, actor, reason)
        if before is None or (before.kind, before.actor, before.reason) != wanted:
            raise
        return before
    return await _recorded(connection, letter_id)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except DeadLetterGone as gone:
        raise Refused(ErrorCode.NOT_FOUND, str(gone), ("id",)) from None
    except DeadLetterWaits as waits:
        raise Refused(ErrorCode.WRONG_STATE, str(waits), ("id",)) from None


async def _recorded(connection: Connection, letter_id: int) -> LetterAction:
    action = await _last_action(connection, letter_id, is_repeat=False)
    assert action is not None  # noqa: S101 - this transaction has just written it
    return action


def _report(action: LetterAction) -> None:
    if not action.is_repeat:
        logger.warning("dead letter %d: %s by %s", action.letter_id, action.kind, action.actor)


async def _last_action(
    connection: Connection, letter_id: int, kind: str | None = None, *, is_repeat: bool
) -> LetterAction | None:
    row = await connection.fetchrow(_LAST_ACTION, letter_id, kind)
    if row is None:
        return None
    return LetterAction(
        letter_id=row["letter_id"],
        kind=row["action"],
        actor=row["actor"],
        reason=row["reason"],
        at=row["at"],
        is_repeat=is_repeat,
    )
