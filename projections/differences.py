"""Describe the rows in which a live read model and its replay differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from projections.analytics.tables import FIGURES

Row = Mapping[str, Any]

MAX_VALUE: Final = 200
"""The characters of a value that a line shows."""

SHOWN: Final = frozenset(
    {
        *("status", "reason", "currency", "total", "price", "refunds", "promises"),
        *("return_requested", "placed_at", "updated_at", "placed_position", "position"),
        *(
            "added_at",
            "attempt",
            "amount",
            "captured",
            "refunded",
            "refunded_elsewhere",
            "decline_code",
        ),
        *("received", "adjusted", "reserved", "shipped", "on_hand", "available", "quantity"),
        *("span", "start_at", "kind", "bucket", "count", "stage", "waits_since", *FIGURES),
        *("discontinued", "undoing", "parking", "code", "parked_at", "found_at", "times"),
        *("accepted_at", "requested_at", "ended_at"),
    }
)
"""The columns whose values are printed. A column that is not listed may hold personal data."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of which the live table and the replay have different values, or only one has any."""

    table: str
    key: Row
    live: Row | None
    replayed: Row | None

    def lines(self) -> Iterator[str]:
        """Yield a line for each column that differs, or one for a missing or surplus row."""
        key = ", ".join(f"{column}={value}" for column, value in self.key.items())
        where = f"{self.table} ({key})"
        if self.live is None or self.replayed is None:
            yield f"{where}: the row is {'missing' if self.live is None else 'surplus'}"
            return
        for column, live in self.live.items():
            if live != (replayed := self.replayed[column]):
                yield f"{where}: {column} {_values(column, live, replayed)}"


def _values(column: str, live: object, replayed: object) -> str:
    if column not in SHOWN:
        return "differs (its values are not shown)"
    return f"is {_text(live)}, replayed {_text(replayed)}"


def _text(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}..."
