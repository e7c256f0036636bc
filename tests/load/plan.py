"""Plan a load: its steps, the customers' tokens and the products."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Self

VARIABLE: Final = "LOAD_PLAN"
"""The environment variable that passes the plan to locust."""
GROWTH: Final = 1.35
"""The factor from the rate of one step to that of the next."""
WARM_UP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    url: str
    tokens: Sequence[str]
    """One for each customer."""
    skus: Sequence[str]
    rates: Sequence[float]
    """The orders a second of each step."""
    step_seconds: float
    has_bounds: bool = True
    """False for a load that runs all steps, however slow they are."""

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


def rising(first: float, steps: int) -> list[float]:
    """Return the rates of the steps. The first one is given."""
    return [round(first * GROWTH**number, 1) for number in range(steps)]
