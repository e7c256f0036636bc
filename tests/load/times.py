"""Note the times of one step's requests, also of those that are not answered yet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from tests.load.steps import BOUNDS_MS, Figures, Step, quantile

MAX_ERRORS: Final = 3


class Times:
    """A request belongs to the step in which its customer arrived."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._began = perf_counter()
        self._times: dict[str, list[float]] = defaultdict(list)
        self._failed: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._waiting: dict[object, tuple[str, float]] = {}
        self._late_ms = 0.0

    def late(self, seconds: float) -> None:
        self._late_ms = max(self._late_ms, seconds * 1_000)

    def record(self, name: str, milliseconds: float, error: object = None) -> None:
        self._times[name].append(milliseconds)
        if error is not None:
            self._failed[name] += 1
            self._errors[f"{name}: {error}"] += 1

    @contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """Note that a customer waits, so that the summary knows of what takes too long."""
        key = object()
        self._waiting[key] = (name, perf_counter())
        try:
            yield
        finally:
            del self._waiting[key]

    def summary(self) -> Step:
        """Return the figures. What waits for longer than its bound counts with its age."""
        now = perf_counter()
        times = {name: list(of_name) for name, of_name in self._times.items()}
        for name, began in self._waiting.values():
            if (age := (now - began) * 1_000) > BOUNDS_MS[name]:
                times.setdefault(name, []).append(age)
        return Step(
            rate=self._rate,
            seconds=now - self._began,
            requests={name: self._figures(name, of_name) for name, of_name in times.items()},
            errors=[text for text, _ in self._errors.most_common(MAX_ERRORS)],
            late_ms=self._late_ms,
        )

    def _figures(self, name: str, times: list[float]) -> Figures:
        return Figures(len(times), self._failed[name], quantile(times, 0.5), quantile(times, 0.99))
