"""Rotate the master key: wrap anew what it encrypts, the subjects' keys and the webhooks' secrets.

The data that the subjects' keys encrypt does not change.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from eventstore.privacy import statements as sql
from eventstore.privacy.endpoint_secrets import sealing_context
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


@dataclass(frozen=True, slots=True)
class _Kind:
    """The statements for one table, and what each of its rows is bound to."""

    not_under: str
    rewrap: str
    context: Callable[[Any, UUID], bytes]


_KINDS: Final = (
    _Kind(sql.NOT_UNDER, sql.REWRAP, wrapping),
    _Kind(sql.ENDPOINT_SECRETS_NOT_UNDER, sql.RESEAL_ENDPOINT_SECRETS, sealing_context),
)


async def rotate(
    pool: Pool, master_keys: Keyring, page: int = PAGE
) -> AsyncGenerator[Progress, None]:
    """Wrap every key under the current master key; yield after each page.

    Each page is its own transaction. After an interruption, a second run handles the rest.
    """
    progress, current = Progress(0, 0), master_keys.current_id
    async with pool.acquire() as connection:
        for kind in _KINDS:
            after = UUID(int=0)
            while rows := await connection.fetch(kind.not_under, current, after, page):
                after = rows[-1]["key_id"]
                done, causes = _rewrapped(rows, master_keys, kind)
                if done:
                    ids, old, wrapped = zip(*done, strict=True)
                    await connection.execute(kind.rewrap, ids, old, wrapped, current)
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
    rows: list[asyncpg.Record], master_keys: Keyring, kind: _Kind
) -> tuple[list[tuple[UUID, str, bytes]], set[str]]:
    done, causes = [], set()
    for subject, key_id, wrapped, master_key_id in rows:
        context = kind.context(subject, key_id)
        try:
            key = master_keys.decrypt(Encrypted(master_key_id, wrapped), context)
        except PrivacyError as error:
            causes.add(str(error))
        else:
            done.append((key_id, master_key_id, master_keys.encrypt(key, context).data))
    return done, causes
