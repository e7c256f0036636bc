"""A command on one aggregate, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.types.order import RecordedResult
from activities.types.stock import ChangedStockResult
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse


@dataclass(frozen=True, slots=True)
class RunCommandInput:
    """A command on one aggregate, as its class name and JSON."""

    command_type: str
    command_json: str
    actor: str
    key: KeyUse


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that is refused has changed nothing. That is an answer, and no failure."""

    code: ErrorCode
    message: str
    field: tuple[str, ...]

    @classmethod
    def of(cls, refused: Refused) -> Refusal:
        return cls(refused.code, refused.message, refused.field)

    def raised(self) -> Refused:
        return Refused(self.code, self.message, self.field)


@dataclass(frozen=True, slots=True)
class RunCommandResult:
    """The command is either recorded or refused."""

    recorded: RecordedResult | None = None
    refusal: Refusal | None = None
    changed_stock: ChangedStockResult = field(default_factory=ChangedStockResult)
