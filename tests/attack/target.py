"""The target of an attack and its duration, which every attacker's process gets."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.support.routes import Route


@dataclass(frozen=True)
class Target:
    url: str
    tokens: tuple[str, ...]
    """The tokens of several operators, because one operator has a rate limit."""
    routes: tuple[Route, ...]
    payment_secret: str
    carrier_secret: str
    ends_at: float
    """The end in seconds since the epoch: the same for every process."""
    gives_up_at: float
    """The time until which a fuzzer may still make the cases it owes."""
    demanded: int
    """The number of cases of each route."""

    @property
    def is_over(self) -> bool:
        return time.time() > self.ends_at

    def is_over_for(self, cases: Counter[str], owed: Iterable[str]) -> bool:
        """Return whether a fuzzer that owes cases of these routes may stop."""
        is_done = all(cases[route] >= self.demanded for route in owed)
        return self.is_over and (is_done or time.time() > self.gives_up_at)

    @property
    def paths(self) -> list[str]:
        """Return the paths of the routes that take requests."""
        return [route.path for route in self.routes if route.methods]

    def headers(self, operator: int = 0) -> dict[str, str]:
        token = self.tokens[operator % len(self.tokens)]
        return {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def everyones_headers(self) -> Iterator[dict[str, str]]:
        """Yield the headers of each operator, one after the other, without an end."""
        return (self.headers(operator) for operator in itertools.count())
