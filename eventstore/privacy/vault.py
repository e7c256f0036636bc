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
from functools import cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel, TypeAdapter

from domain.event import Event
from domain.privacy import Sealed, fields_in_clear, personal_fields
from eventstore.envelope import StreamAppend
from eventstore.privacy import statements as sql
from eventstore.privacy.encryption import KEY_BYTES, NONCE_BYTES, TAG_BYTES, decrypt, encrypt
from eventstore.privacy.errors import (
    Erased,
    ErasedValue,
    PrivacyError,
    Tampered,
    TamperedField,
)
from eventstore.privacy.keyring import Encrypted, Keyring
from kit.pool import Connection, Pool

E = TypeVar("E", bound=Event)
SubjectKey = tuple[UUID, bytes]
SubjectAndKey = tuple[str, UUID]
KeyOrFault = bytes | PrivacyError


class SealedValue(NamedTuple):
    key_id: UUID
    data: bytes


class Vault:
    def __init__(self, pool: Pool, master_keys: Keyring) -> None:
        self._pool = pool
        self._master_keys = master_keys

    async def seal(
        self, appends: Sequence[StreamAppend], connection: Connection | None = None
    ) -> Sequence[StreamAppend]:
        """Return the same events with their personal data encrypted, in one query, or none if there
        is none.

        A caller that holds locks passes its own connection: others may wait for these locks with
        all the connections of the pool.
        """
        subjects = {
            subject for a in appends for new in a.events for subject in subjects_of(new.event)
        }
        if not subjects:
            return appends
        keys = await self._keys(sorted(subjects), connection)
        return [
            replace(a, events=[replace(new, event=_seal(new.event, keys)) for new in a.events])
            for a in appends
        ]

    async def open(self, event: E) -> E:
        """Return the event with its personal data in clear. Use it at once, and never log it.

        Raises Erased once the subject's key is gone, UnknownKey, or Tampered.
        """
        wanted = [field for field in personal_fields(type(event)) if _is_sealed(event, field)]
        opened = await self.open_each([(event, field) for field in wanted])
        for value in opened:
            if isinstance(value, PrivacyError):
                raise value
        clear = dict(zip(wanted, opened, strict=True))
        return event.model_copy(update=clear) if clear else event

    async def open_each(self, wanted: Sequence[tuple[Event, str]]) -> list[object]:
        """Return each of these fields of these events in clear, or the reason why it cannot be.

        All keys are read in one query, or in none if no field is sealed. Use the values at once,
        and never log them. A reason is an Erased, an UnknownKey or a Tampered.
        """
        sealed = [getattr(event, field) for event, field in wanted if _is_sealed(event, field)]
        keys = await self._keys_of(sealed) if sealed else {}
        return [_open_or_fail(event, field, keys) for event, field in wanted]

    async def seal_value(self, subject: str, place: Sequence[str], value: bytes) -> SealedValue:
        """Encrypt a value that is kept outside the log. It opens in its own place alone."""
        key_id, key = (await self._keys([subject]))[subject]
        return SealedValue(key_id, encrypt(key, value, _context(*place, subject)))

    async def open_value(
        self, subject: str, key_id: UUID, place: Sequence[str], data: bytes
    ) -> bytes:
        """Return the value in clear. Use it at once, and never log it.

        Raises ErasedValue once the subject's key is gone, UnknownKey, or Tampered.
        """
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(sql.KEY, key_id, subject)
        if row is None:
            raise ErasedValue(place[0])
        return decrypt(self._unwrap(**row), data, _context(*place, subject))

    async def _keys(
        self, subjects: Sequence[str], connection: Connection | None = None
    ) -> Mapping[str, SubjectKey]:
        """Return the keys of these subjects; make those that do not exist."""
        if connection is None:
            async with self._pool.acquire() as borrowed:
                return await self._keys(subjects, borrowed)
        offers = [self._new_key(subject) for subject in subjects]
        keys: dict[str, SubjectKey] = {}
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

    async def _keys_of(self, sealed: Sequence[Sealed]) -> Mapping[SubjectAndKey, KeyOrFault]:
        """Return the keys of these values that exist. A key that does not unwrap is its fault."""
        ids = list({value.key_id for value in sealed})
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(sql.KEYS, ids)
        return {(row["subject"], row["key_id"]): self._unwrap_or_fail(**row) for row in rows}

    def _unwrap_or_fail(self, **row: Any) -> KeyOrFault:  # noqa: ANN401 - a row's columns
        try:
            return self._unwrap(**row)
        except PrivacyError as fault:
            return fault

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


def _is_sealed(event: Event, field: str) -> bool:
    return isinstance(getattr(event, field), Sealed)


def _open_or_fail(event: Event, field: str, keys: Mapping[SubjectAndKey, KeyOrFault]) -> object:
    sealed = getattr(event, field)
    if not isinstance(sealed, Sealed):
        return sealed
    key = keys.get((sealed.subject, sealed.key_id))
    if key is None:
        return Erased(type(event).__name__, field)
    try:
        return key if isinstance(key, PrivacyError) else _open(event, field, sealed, key)
    except TamperedField as fault:
        return fault


def _open(event: Event, field: str, sealed: Sealed, key: bytes) -> object:
    subject = getattr(event, personal_fields(type(event))[field].subject)
    try:
        data = base64.b64decode(sealed.ciphertext, validate=True)
        text = decrypt(key, data, _place(event, field, subject))
    except (Tampered, ValueError):
        raise TamperedField(type(event).__name__, field, sealed.key_id) from None
    return _type_of(type(event), field).validate_json(text)


@cache
def _type_of(event_type: type[Event], field: str) -> TypeAdapter[object]:
    annotation: Any = event_type.model_fields[field].annotation
    return TypeAdapter(annotation)


def _place(event: Event, field: str, subject: str) -> bytes:
    """Return the context of a ciphertext: it does not decrypt as another field, or another
    subject's."""
    return _context(type(event).__name__, field, subject)


def _context(*parts: str) -> bytes:
    return json.dumps(parts).encode()


def _json(value: object) -> bytes:
    return (value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)).encode()
