"""The attackers: each runs in a separate process until its time is over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Final

from tests.attack import floods, fuzzers
from tests.attack.report import Side
from tests.attack.target import Target

Attack = Callable[[Target, Side], Coroutine[None, None, None]]

NICENESS: Final = 5
"""Making a case takes more of the processor than answering it: the service has priority."""

ATTACKS: Final[dict[str, Attack]] = {
    "requests": fuzzers.requests,
    "descriptions": fuzzers.descriptions,
    "operations": fuzzers.operations,
    "documents": fuzzers.documents,
    "notifications": fuzzers.notifications,
    "frames": fuzzers.frames,
    "half open": floods.half_open,
    "headers": floods.headers,
    "probes": floods.probes,
    "flood": floods.flood,
}


def ready(attack: str, target: Target) -> None:
    """Return once this process can attack at once."""
    os.nice(NICENESS)
    fuzzers.prepare(attack, target)


def run(attack: str, target: Target) -> Side:
    """Run one attack in this process; return the answers it got."""
    side = Side(attack)
    asyncio.run(ATTACKS[attack](target, side))
    return side
