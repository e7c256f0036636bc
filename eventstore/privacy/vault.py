"""Encrypt personal data under a key of its subject, and decrypt it while the key exists.

A subject's key is random, wrapped by the master key and kept in `eventstore.subject_key`. No
process keeps a copy: once the row is deleted, the key is gone at that moment and everywhere.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel

from domain.event import Event
from domain.privacy import Sealed, fields_in_clear, personal_fields
from eventstore.envelope import StreamAppend
from eventstore.privacy import statements as sql
from eventstore.privacy.encryption import KEY_BYTES, NONCE_BYTES, TAG_BYTES, decrypt, encrypt
from eventstore.privacy.errors import Erased, Tampered, TamperedField
from eventstore.privacy.keyring import Encrypted, Keyring
from kit.pool import Pool

E = TypeVar("E", bound=Event)
SubjectKey = tuple[UUID, bytes]


class Vault:
    def __init__(self, pool: Pool, master_keys: Keyring) -> None:
        self._pool = pool
        self._master_keys = master_keys

    async def seal(self, appends: Sequence[StreamAppend]) -> Sequence[StreamAppend]:
        """Return the same events with their personal data encrypted, in one query, or none if there
        is none."""
        subjects = {
            subject for a in appends for new in a.events for subject in subjects_of(new.event)
        }
        if not subjects:
            return appends
        keys = await self._keys(sorted(subjects))
        return [
            replace(a, events=[replace(new, event=_seal(new.event, keys)) for new in a.events])
            for a in appends
        ]

    async def open(self, event: E) -> E:
        """Return the event with its personal data in clear. Use it at once, and never log it.

        Raises Erased once the subject's key is gone, UnknownKey, or Tampered.
        """
        clear = {}
        for field, mark in personal_fields(type(event)).items():
            if isinstance(sealed := getattr(event, field), Sealed):
                key = await self._key(sealed, type(event).__name__, field)
                clear[field] = _open(event, field, getattr(event, mark.subject), sealed, key)
        if not clear:
            return event
        return type(event).model_validate_json(json.dumps(event.model_dump(mode="json") | clear))

    async def _keys(self, subjects: Sequence[str]) -> Mapping[str, SubjectKey]:
        """Return the keys of these subjects; make those that do not exist."""
        offers = [self._new_key(subject) for subject in subjects]
        keys: dict[str, SubjectKey] = {}
        async with self._pool.acquire() as connection:
            while keys.keys() != set(subjects):
                rows = await connection.fetch(
                    sql.SUBJECT_KEYS,
                    subjects,
                    [key_id for key_id, _ in offers],
                    [wrapped for _, wrapped in offers],
                    self._master_keys.current_id,
                )
                keys = {row["subject"]: (row["key_id"], self._unwrap(**row)) for row in rows}
        return keys

    async def _key(self, sealed: Sealed, event_type: str, field: str) -> bytes:
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(sql.KEY, sealed.key_id, sealed.subject)
        if row is None:
            raise Erased(event_type, field)
        return self._unwrap(sealed.subject, sealed.key_id, **row)

    def _new_key(self, subject: str) -> tuple[UUID, bytes]:
        key_id = uuid4()
        wrapped = self._master_keys.encrypt(os.urandom(KEY_BYTES), wrapping(subject, key_id))
        return key_id, wrapped.data

    def _unwrap(self, subject: str, key_id: UUID, wrapped: bytes, master_key_id: str) -> bytes:
        encrypted = Encrypted(master_key_id, wrapped)
        return self._master_keys.decrypt(encrypted, wrapping(subject, key_id))


def wrapping(subject: str, key_id: UUID) -> bytes:
    """Return the context that a wrapped key is bound to: it is of no use in another row."""
    return _context("key", subject, str(key_id))


def subjects_of(event: Event) -> Iterable[str]:
    """Return the subjects whose data this event still holds in clear."""
    return (getattr(event, mark.subject) for mark in fields_in_clear(event).values())


def _seal(event: Event, keys: Mapping[str, SubjectKey]) -> Event:
    sealed = {}
    for field, mark in fields_in_clear(event).items():
        subject = getattr(event, mark.subject)
        key_id, key = keys[subject]
        data = encrypt(key, _json(getattr(event, field)), _place(event, field, subject))
        ciphertext = base64.b64encode(data).decode()
        sealed[field] = Sealed(subject=subject, key_id=key_id, ciphertext=ciphertext)
    return event.model_copy(update=sealed) if sealed else event


def with_blank_seals(event: Event) -> Event:
    """Return the event exactly as long as encryption makes it, without a key and without the
    data."""
    blanks = {
        field: Sealed(
            subject=getattr(event, mark.subject),
            key_id=UUID(int=0),
            ciphertext=_blank_ciphertext(getattr(event, field)),
        )
        for field, mark in fields_in_clear(event).items()
    }
    return event.model_copy(update=blanks) if blanks else event


def _blank_ciphertext(value: object) -> str:
    return base64.b64encode(bytes(NONCE_BYTES + len(_json(value)) + TAG_BYTES)).decode()


def _open(event: Event, field: str, subject: str, sealed: Sealed, key: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        data = base64.b64decode(sealed.ciphertext, validate=True)
        return json.loads(decrypt(key, data, _place(event, field, subject)))
    except (Tampered, ValueError):
        raise TamperedField(type(event).__name__, field, sealed.key_id) from None


def _place(event: Event, field: str, subject: str) -> bytes:
    """Return the context of a ciphertext: it does not decrypt as another field, or another
    subject's."""
    return _context(type(event).__name__, field, subject)


def _context(*parts: str) -> bytes:
    return json.dumps(parts).encode()


def _json(value: object) -> bytes:
    return (value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)).encode()
