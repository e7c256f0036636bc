"""The earlier requests of a payment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ids import payment_retry_step
from domain.payment.decide import PAYMENT

_ASKED: Final = text("""
    SELECT position, data->>'method'
    FROM eventstore.event
    WHERE stream_id = :stream AND type = 'PaymentRequested' AND metadata->>'step' = :step
""")


@dataclass(frozen=True, slots=True)
class AskedBefore:
    position: int
    method: str


class PaymentQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def asked_under(self, order_id: str, idempotency_key: str) -> AskedBefore | None:
        """Return the further attempt that a customer has requested under this key."""
        which = {"stream": PAYMENT.stream(order_id), "step": payment_retry_step(idempotency_key)}
        async with self._engine.connect() as connection:
            row = (await connection.execute(_ASKED, which)).one_or_none()
        return None if row is None else AskedBefore(*row)
