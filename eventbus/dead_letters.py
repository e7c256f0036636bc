"""What an operator does with dead letters, each with a line of audit in the same transaction."""

from __future__ import annotations

from typing import Final

from kit.pool import Connection

MAX_REASON: Final = 500

WAKE: Final = """
    UPDATE eventstore.dead_letter AS l SET state = 'retrying', next_try_at = clock_timestamp()
    WHERE l.group_name = $1 AND l.state = 'waiting' AND ($2::text IS NULL OR l.key = $2)
      AND NOT EXISTS (
        SELECT FROM eventstore.dead_letter AS earlier
        WHERE earlier.group_name = l.group_name AND earlier.key = l.key AND earlier.id < l.id
      )
"""
"""Let the first message of a key be tried that waits behind no other one; NULL: of any key."""

_LOCK: Final = "SELECT state, group_name, key FROM eventstore.dead_letter WHERE id = $1 FOR UPDATE"
_REDRIVE: Final = """
    UPDATE eventstore.dead_letter
    SET state = 'retrying', attempts = 0, next_try_at = clock_timestamp()
    WHERE id = $1
"""
_DISCARD: Final = "DELETE FROM eventstore.dead_letter WHERE id = $1"
_RECORD: Final = """
    INSERT INTO eventstore.dead_letter_action
        (letter_id, group_name, key, message_id, action, actor, reason)
    SELECT id, group_name, key, message_id, $2, $3, $4 FROM eventstore.dead_letter WHERE id = $1
"""


class DeadLetterError(Exception):
    """What was asked for a letter is not possible; nothing was changed."""

    def __init__(self, letter_id: int, message: str) -> None:
        super().__init__(message)
        self.letter_id = letter_id


class DeadLetterGone(DeadLetterError):
    """There is no such letter: it was handled or discarded meanwhile, or never existed."""

    def __init__(self, letter_id: int) -> None:
        super().__init__(letter_id, f"there is no dead letter {letter_id}: list them again")


class DeadLetterWaits(DeadLetterError):
    """The letter has not failed: it waits behind an earlier one of its key."""

    def __init__(self, letter_id: int) -> None:
        super().__init__(
            letter_id,
            f"dead letter {letter_id} waits behind an earlier one of its key: redrive or discard"
            " that one",
        )


class BadReason(DeadLetterError):
    """A discard without a reason, or with one that is too long."""

    def __init__(self, letter_id: int) -> None:
        super().__init__(letter_id, f"give a reason of 1 to {MAX_REASON} characters")


async def redrive(
    connection: Connection, letter_id: int, actor: str, reason: str | None = None
) -> None:
    """Let the group try the message again at once, as often as a new one.

    Raises DeadLetterGone or DeadLetterWaits.
    """
    if reason is not None:
        _require_reason(letter_id, reason)
    async with connection.transaction():
        state, _, _ = await _locked(connection, letter_id)
        if state == "waiting":
            raise DeadLetterWaits(letter_id)
        await connection.execute(_RECORD, letter_id, "redriven", actor, reason)
        await connection.execute(_REDRIVE, letter_id)


async def discard(connection: Connection, letter_id: int, actor: str, reason: str) -> None:
    """Drop the message: the group never handles it, and the next one of its key is tried.

    Raises DeadLetterGone or BadReason.
    """
    _require_reason(letter_id, reason)
    async with connection.transaction():
        _, group, key = await _locked(connection, letter_id)
        await connection.execute(_RECORD, letter_id, "discarded", actor, reason)
        await connection.execute(_DISCARD, letter_id)
        await connection.execute(WAKE, group, key)


def _require_reason(letter_id: int, reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_REASON:
        raise BadReason(letter_id)


async def _locked(connection: Connection, letter_id: int) -> tuple[str, str, str]:
    row = await connection.fetchrow(_LOCK, letter_id)
    if row is None:
        raise DeadLetterGone(letter_id)
    return row["state"], row["group_name"], row["key"]
