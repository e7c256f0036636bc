"""Define one readiness check: its probe, its last outcome and the age of that outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final

from kit.faults import one_line

PROBE_TIMEOUT: Final = timedelta(seconds=2)
MAX_WAIT_SECONDS: Final = PROBE_TIMEOUT.total_seconds() + 0.2
"""Slightly longer than the timeout, for a probe that ignores its cancellation."""
FRESH_SECONDS: Final = 1.0
"""An outcome is reused for this long, regardless of the number of requests."""

Probe = Callable[[], Awaitable[str | None]]
"""Return None on success, else one line that describes the fault. Raise if the state is unknown."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Check:
    """The process is not ready while a required check fails.

    A fault that has lasted less than `grace` is not yet a failure.
    """

    probe: Probe
    required: bool
    grace: timedelta = timedelta(0)
    is_passing: bool | None = field(default=None, init=False)
    since: float = field(default=0.0, init=False)
    detail: str | None = field(default=None, init=False)
    _fault_since: float | None = field(default=None, init=False)
    _asked: float = field(default=0.0, init=False)
    _asking: asyncio.Task[None] | None = field(default=None, init=False)

    async def ask(self) -> None:
        """Update the outcome within MAX_WAIT_SECONDS.

        At most one probe runs at a time, even if it hangs and many requests wait for it.
        """
        if self._asking is None or self._asking.done():
            if self.is_passing is not None and monotonic() - self._asked < FRESH_SECONDS:
                return
            self._asking = asyncio.create_task(self._ask())
        done, _ = await asyncio.wait({self._asking}, timeout=MAX_WAIT_SECONDS)
        if not done:
            self._record("no answer (it hangs)")

    def as_json(self) -> dict[str, object]:
        """Return the check as JSON. `age_seconds` is the time since its status last changed."""
        answer: dict[str, object] = {
            "status": "ok" if self.is_passing else "failing",
            "required": self.required,
            "age_seconds": round(monotonic() - self.since, 1),
        }
        return answer if self.detail is None else answer | {"detail": self.detail}

    async def _ask(self) -> None:
        self._asked = monotonic()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT.total_seconds()):
                self._record(await self.probe())
        except Exception as error:  # noqa: BLE001 - any failure means that the part does not answer
            logger.debug("a probe failed: %s", one_line(error))
            self._record(f"no answer ({type(error).__name__})")

    def _record(self, detail: str | None) -> None:
        now = monotonic()
        self.detail = detail
        self._fault_since = None if detail is None else self._fault_since or now
        fault_seconds = 0.0 if self._fault_since is None else now - self._fault_since
        is_passing = detail is None or fault_seconds < self.grace.total_seconds()
        if is_passing is not self.is_passing:
            self.is_passing, self.since = is_passing, now
