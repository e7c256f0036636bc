"""Pause the calls to a provider that is down for everybody, in this process.

A closed breaker counts the latest calls. It opens when too many of them met an outage: a time-out,
a refused connection or a 5xx. A decline or another 4xx is an answer. While the breaker is open, a
call is refused without being sent. After a pause it lets one call pass as a probe: an answer closes
it, another outage opens it again. The pauses are random within bounds, so that processes, and the
orders that wait in them, do not come back all at once.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final

from observability.work import BREAKER_OPEN, PAUSED_CALLS
from providers.errors import ProviderError, ProviderPaused, ProviderUnavailable
from settings import Settings

logger = logging.getLogger(__name__)

PAYMENTS: Final = "payments"
CARRIER: Final = "carrier"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    calls: int
    """The number of the latest calls that are counted. The breaker stays closed until there are as
    many."""
    failure_rate: float
    """The share of these calls that opens the breaker when it met an outage, above 0, at most 1."""
    pause: timedelta
    """The shortest time until a probe; the longest is twice as long."""

    @classmethod
    def of(cls, settings: Settings) -> BreakerLimits:
        return cls(settings.breaker_calls, settings.breaker_failure_rate, settings.breaker_pause)


class Breaker:
    """The breaker of one provider. `clock` counts seconds, `jitter` returns 0 to 1."""

    def __init__(
        self,
        provider: str,
        limits: BreakerLimits,
        *,
        clock: Callable[[], float] = monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._limits = limits
        self._clock = clock
        self._jitter = jitter
        self._met_outage: deque[bool] = deque(maxlen=limits.calls)
        self._opened_at: float | None = None
        self._probe_at = 0.0
        self._is_probing = False
        BREAKER_OPEN.labels(provider).set(0)

    @property
    def is_open(self) -> bool:
        return self._opened_at is not None

    @property
    def problem(self) -> str | None:
        """Return one line for the readiness page while the breaker is open."""
        if self._opened_at is None:
            return None
        return f"paused for {self._clock() - self._opened_at:.0f} s: it answers too few calls"

    def require_closed(self, operation: str) -> None:
        """Raise ProviderPaused while the next call would be refused."""
        if self.is_open and (self._is_probing or self._clock() < self._probe_at):
            raise self._paused(operation)

    @contextmanager
    def guarding(self, operation: str) -> Iterator[None]:
        """Run one call. Raises ProviderPaused instead of it, or when it fails while it is open.

        Calls that began before the breaker opened change nothing any more.
        """
        self.require_closed(operation)
        is_probe = self._is_probing = self.is_open
        was_open_since = self._opened_at
        try:
            yield
        except ProviderUnavailable as error:
            self._record(was_open_since, met_outage=error.is_outage)
            if error.is_outage and self.is_open:
                raise self._paused(operation) from None
            raise
        except ProviderError:
            self._record(was_open_since, met_outage=False)
            raise
        else:
            self._record(was_open_since, met_outage=False)
        finally:
            if is_probe:
                self._is_probing = False

    def _record(self, was_open_since: float | None, *, met_outage: bool) -> None:
        if was_open_since != self._opened_at:
            return
        if self.is_open:
            self._conclude_probe(met_outage=met_outage)
            return
        self._met_outage.append(met_outage)
        share = sum(self._met_outage) / self._limits.calls
        if len(self._met_outage) == self._limits.calls and share >= self._limits.failure_rate:
            self._opened_at = self._clock()
            self._pause()
            BREAKER_OPEN.labels(self._provider).set(1)
            logger.error("%s: too few calls are answered: they pause", self._provider)

    def _conclude_probe(self, *, met_outage: bool) -> None:
        if met_outage:
            self._pause()
            return
        self._opened_at = None
        self._met_outage.clear()
        BREAKER_OPEN.labels(self._provider).set(0)
        logger.warning("%s answers again: its calls go on", self._provider)

    def _pause(self) -> None:
        self._probe_at = self._clock() + self._pause_seconds()

    def _paused(self, operation: str) -> ProviderPaused:
        PAUSED_CALLS.labels(self._provider).inc()
        left = max(0.0, self._probe_at - self._clock())
        return ProviderPaused(self._provider, operation, left + self._pause_seconds())

    def _pause_seconds(self) -> float:
        return self._limits.pause.total_seconds() * (1 + self._jitter())


def guarded(breaker: Breaker | None, operation: str) -> AbstractContextManager[None]:
    """Run one call of a client that may have no breaker."""
    return nullcontext() if breaker is None else breaker.guarding(operation)


class Breakers:
    """The breakers of one process."""

    def __init__(self, limits: BreakerLimits) -> None:
        self.payments = Breaker(PAYMENTS, limits)
        self.carrier = Breaker(CARRIER, limits)
