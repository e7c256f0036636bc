"""A command on one aggregate, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from activities.types.stock import ChangedStockResult
from domain.idempotency import KeyUse


@dataclass(frozen=True, slots=True)
class RunCommandInput:
    """A command on one aggregate, as its class name and JSON."""

    command_type: str
    command_json: str
    actor: str
    key: KeyUse


@dataclass(frozen=True, slots=True)
class RunCommandResult:
    position: int
    call: UUID | None
    changed_stock: ChangedStockResult = field(default_factory=ChangedStockResult)
