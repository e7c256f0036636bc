"""Record the state of a read model where operators see it."""

from __future__ import annotations

from typing import Final

from kit.pool import Connection
from projections.projection import ReadModel

_NOTE_FAULT: Final = """
    INSERT INTO eventstore.projection AS p (name, version, fault) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET version = $2, fault = $3
    WHERE p.version <> $2 OR p.fault IS DISTINCT FROM $3
"""


async def note_fault(connection: Connection, model: ReadModel, fault: str | None) -> None:
    """Record why the read model takes no events, or that it takes them."""
    await connection.execute(_NOTE_FAULT, model.name, model.version, fault)
