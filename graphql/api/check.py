"""One part that readiness asks about: its probe, its outcome, and since when it has had that."""

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
"""A little longer, for a probe that does not even end when it is cancelled."""
FRESH_SECONDS: Final = 1.0
"""An answer is given again for so long, however many ask."""

Probe = Callable[[], Awaitable[str | None]]
"""Return None when all is well, else one line that says what is wrong. Raise if it is unknown."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Check:
    """Without a required one no order can be accepted. A fault within `grace` is no failure yet."""

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
        """Bring the outcome up to date, in at most MAX_WAIT_SECONDS.

        One probe is under way at a time, however many ask and however long it hangs.
        """
        if self._asking is None or self._asking.done():
            if self.is_passing is not None and monotonic() - self._asked < FRESH_SECONDS:
                return
            self._asking = asyncio.create_task(self._ask())
        done, _ = await asyncio.wait({self._asking}, timeout=MAX_WAIT_SECONDS)
        if not done:
            self._record("no answer (it hangs)")

    def as_json(self) -> dict[str, object]:
        """`age_seconds` says for how long the check has had this status."""
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
