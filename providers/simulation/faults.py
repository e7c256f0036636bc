"""Faults on demand: those that `/control` sets, and those that test tokens request."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field


class Fault(StrEnum):
    UNAVAILABLE = "503"
    """Answer 503 at once, with no effect."""
    TIMEOUT_BEFORE = "timeout_before"
    """Hang, then answer 503: no effect."""
    TIMEOUT_AFTER = "timeout_after"
    """The effect happens, then the answer hangs. A repeated request is answered at once."""
    DOWN = "down"
    """Answer 503 like `503`, until the fault is cleared."""
    REFUSE = "refuse"
    """Refuse for good, with no effect."""
    REFUSE_KEPT = "refuse_kept"
    """Refuse after the start, with no effect: the idempotency key remembers it."""
    ERROR_KEPT = "500"
    """Fail after the start, with no effect: the idempotency key remembers it."""
    ERROR_KEPT_AFTER = "500_after"
    """The effect happens, then the request fails: the idempotency key remembers the failure."""
    KEY_REVOKED = "401"
    """Refuse the API key, with no effect."""
    NOT_PERMITTED = "403"
    """Refuse this call to the API key, with no effect."""
    MISSING = "404"
    """Know nothing of the object, as for the API key of another account; no effect."""


EVERY_OPERATION: Final = "*"


class NextFault(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operation: str
    how: Fault
    times: int = Field(1, ge=1, le=1_000_000)


class OrderFault(BaseModel):
    """Every request for one order (the carrier's `reference`) meets it, until cleared."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1)
    operation: str = EVERY_OPERATION
    """One operation; `look` is every look-up, `disputes` that of disputes, and `*` is all of
    them."""
    how: Fault
    spares: int = Field(0, ge=0)
    """The number of calls that pass first."""
    times: int | None = Field(None, ge=1)
    """The number of calls that meet the fault; None: every call until it is cleared."""


class Control(BaseModel):
    """The body of `POST /control`. Omitted fields do not change."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: int | None = Field(None, ge=0, le=60_000)
    fail_next: NextFault | None = None
    fail_order: OrderFault | None = None


class Faults:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.latency_seconds = 0.0
        self._next: dict[str, NextFault] = {}
        self._of_orders: dict[str, dict[str, OrderFault]] = {}
        self._served: defaultdict[str, Counter[tuple[str, Fault]]] = defaultdict(Counter)

    def clear_order(self, order_id: str) -> None:
        """Clear the order's faults; the count of those that were served stays."""
        self._of_orders.pop(order_id, None)

    def set(self, control: Control) -> None:
        if control.latency_ms is not None:
            self.latency_seconds = control.latency_ms / 1000
        if control.fail_next is not None:
            self._next[control.fail_next.operation] = control.fail_next
        if (ordered := control.fail_order) is not None:
            self._of_orders.setdefault(ordered.order_id, {})[ordered.operation] = ordered

    def take(self, operation: str, order_id: str = "") -> Fault | None:
        """Return the fault that this call meets: the order's own, or the operation's, counted
        down."""
        fault = self._take_ordered(operation, order_id)
        if fault is not None and fault is not Fault.TIMEOUT_AFTER:
            self._served[order_id][operation, fault] += 1
        return fault or self._take_next(operation)

    def lose_answer(self, operation: str, order_id: str) -> None:
        """Make the answer of this call hang: only now is it known that there was an effect."""
        if order_id in self._of_orders:
            self._served[order_id][operation, Fault.TIMEOUT_AFTER] += 1

    def served(self, order_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return how often the order's calls met its faults: by operation and fault."""
        counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (operation, fault), count in self._served.get(order_id, Counter()).items():
            counts[operation][fault] = count
        return counts

    def _take_ordered(self, operation: str, order_id: str) -> Fault | None:
        of_order = self._of_orders.get(order_id, {})
        ordered = of_order.get(operation) or of_order.get(EVERY_OPERATION)
        if ordered is None:
            return None
        if ordered.spares:
            spared = ordered.model_copy(update={"spares": ordered.spares - 1})
            of_order[ordered.operation] = spared
            return None
        if ordered.times is not None:
            self._count_down(of_order, ordered, ordered.times - 1)
        return ordered.how

    @staticmethod
    def _count_down(of_order: dict[str, OrderFault], ordered: OrderFault, left: int) -> None:
        if left:
            of_order[ordered.operation] = ordered.model_copy(update={"times": left})
        else:
            del of_order[ordered.operation]

    def _take_next(self, operation: str) -> Fault | None:
        fault = self._next.pop(operation, None)
        if fault is None:
            return None
        if fault.times > 1:
            self._next[operation] = fault.model_copy(update={"times": fault.times - 1})
        return fault.how
