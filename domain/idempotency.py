"""Identify the use of an idempotency key, so that a repeat has one effect and the first answer.

A key belongs to a person and an operation. The fingerprint separates a repeat from a reuse with
another input.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID, uuid4

from domain.errors import ErrorCode, Refused
from domain.ids import idempotency_key_id

EARLIER_CALL: Final = UUID(int=0)
"""A call whose id is not known. The row of its key was deleted, or it asked under another key for
what a later call found done."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One call under an idempotency key. Neither the id nor the fingerprint shows the key."""

    id: UUID
    """It is derived from the person, the operation and the key."""
    fingerprint: str
    """The SHA-256 of the input and the key."""
    call: UUID
    """It is new for each call: an attempt of the same call is no repeat."""

    @classmethod
    def of(cls, person: str, operation: str, key: str, data: Mapping[str, object]) -> Self:
        id_ = idempotency_key_id(person, operation, key)
        return cls(id_, fingerprint_of({"idempotency_key": key, **data}), uuid4())


@dataclass(frozen=True, slots=True)
class KeyedResult:
    """`position` is of the effect; `call` is the call that had it, and None without a key."""

    position: int
    call: UUID | None = None


def fingerprint_of(data: Mapping[str, object]) -> str:
    """Return the SHA-256 of an input with its idempotency key.

    The key is not stored. So the fingerprint does not reveal personal data to an attacker who
    guesses it.
    """
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def key_reused() -> Refused:
    return Refused(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "this idempotency key was used for another request; use a new key for a new one",
        ("input", "idempotencyKey"),
    )
