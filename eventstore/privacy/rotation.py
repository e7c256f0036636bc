"""Rotate the master key: wrap the subjects' keys anew; the data they encrypt does not change."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from eventstore.privacy import statements as sql
from eventstore.privacy.errors import PrivacyError
from eventstore.privacy.keyring import Encrypted, Keyring
from eventstore.privacy.vault import wrapping
from kit.pool import Pool

PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """`rewrapped` keys so far, and `failed` ones: their master key is missing, or they were
    changed."""

    rewrapped: int
    failed: int
    causes: frozenset[str] = frozenset()


async def rotate(
    pool: Pool, master_keys: Keyring, page: int = PAGE
) -> AsyncGenerator[Progress, None]:
    """Wrap every key under the current master key; yield after each page.

    Each page is its own transaction. After an interruption, a second run handles the rest.
    """
    progress, after = Progress(0, 0), UUID(int=0)
    async with pool.acquire() as connection:
        while rows := await connection.fetch(sql.NOT_UNDER, master_keys.current_id, after, page):
            after = rows[-1]["key_id"]
            done, causes = _rewrapped(rows, master_keys)
            if done:
                ids, old, wrapped = zip(*done, strict=True)
                await connection.execute(sql.REWRAP, ids, old, wrapped, master_keys.current_id)
            progress = Progress(
                progress.rewrapped + len(done),
                progress.failed + len(rows) - len(done),
                progress.causes | causes,
            )
            yield progress


async def count(pool: Pool, master_keys: Keyring) -> tuple[int, int]:
    """Return how many keys are under the current master key, and how many there are."""
    async with pool.acquire() as connection:
        row = await connection.fetchrow(sql.COUNT, master_keys.current_id)
    assert row is not None  # noqa: S101 - an aggregate returns one row
    return row[0], row[1]


def _rewrapped(
    rows: list[asyncpg.Record], master_keys: Keyring
) -> tuple[list[tuple[UUID, str, bytes]], set[str]]:
    done, causes = [], set()
    for subject, key_id, wrapped, master_key_id in rows:
        context = wrapping(subject, key_id)
        try:
            key = master_keys.decrypt(Encrypted(master_key_id, wrapped), context)
        except PrivacyError as error:
            causes.add(str(error))
        else:
            done.append((key_id, master_key_id, master_keys.encrypt(key, context).data))
    return done, causes
