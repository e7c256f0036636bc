"""The idempotency keys that the API looks up before it asks a saga."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from domain.idempotency import EARLIER_CALL, KeyedResult, KeyUse
from eventstore.errors import KeyTaken
from eventstore.keys import find_key, record_key
from kit.pool import Pool


class IdempotencyKeys:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, key: KeyUse) -> KeyedResult | None:
        """Return the first result under this key. Raises Refused when its input was another one."""
        async with self._pool.acquire() as connection:
            return await find_key(connection, key)

    async def record(self, key: KeyUse, position: int) -> KeyedResult:
        """Record the key of a request that had nothing to change; return the first result.

        Raises Refused when the key was used for another input.
        """
        async with self._pool.acquire() as connection:
            with suppress(KeyTaken):
                await record_key(connection, replace(key, call=EARLIER_CALL), position)
            return await find_key(connection, key) or KeyedResult(position)
