"""Write notifications of an order, as a worker would, in any state."""

from __future__ import annotations

from typing import Final

from kit.pool import Pool

_WRITE: Final = """
    INSERT INTO eventstore.notification
        (id, event_id, position, recipient, channel, kind, order_id, state, attempts, cause,
         due_at, ended_at)
    SELECT gen_random_uuid(), gen_random_uuid(), $2, 'customer:c', 'email', $3, $1, $4, $5, $6,
           CASE WHEN $7 THEN now() END, CASE WHEN $7 THEN NULL ELSE now() END
"""
OPEN: Final = ("pending", "sending")


async def write_notification(  # noqa: PLR0913 - the columns of a row
    pool: Pool,
    order_id: str,
    kind: str,
    state: str,
    *,
    attempts: int = 1,
    cause: str | None = None,
    position: int = 1,
) -> None:
    row = (order_id, position, kind, state, attempts, cause, state in OPEN)
    await pool.execute(_WRITE, *row)
