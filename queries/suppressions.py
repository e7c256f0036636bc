"""The suppressed addresses as operators read them, each found by the digest of the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from notifications.suppressions import SuppressionReason

_SUPPRESSION: Final = text("""
    SELECT reason, recorded_at FROM eventstore.email_suppression WHERE email_digest = :digest
""")
_ACTIONS: Final = text("""
    SELECT action, actor, reason, at FROM eventstore.email_suppression_action
    WHERE email_digest = :digest
    ORDER BY id
""")


class SuppressionActionKind(StrEnum):
    SUPPRESSED = "suppressed"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class SuppressionAction:
    """The act of an operator on an address."""

    kind: SuppressionActionKind
    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    reason: SuppressionReason
    since: datetime
    actions: Sequence[SuppressionAction]
    """The oldest first. A customer or the mail server may have suppressed the address without."""


class SuppressionQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, digest: str) -> Suppression | None:
        """Return the suppression of the address with this digest, if it gets no mail."""
        asked = {"digest": digest}
        async with self._engine.connect() as connection:
            row = (await connection.execute(_SUPPRESSION, asked)).one_or_none()
            if row is None:
                return None
            actions = [
                SuppressionAction(SuppressionActionKind(kind), *rest)
                for kind, *rest in await connection.execute(_ACTIONS, asked)
            ]
        return Suppression(SuppressionReason(row.reason), row.recorded_at, actions)
