"""What the tests of the commands know of one that has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TOKEN = "a.token.of-the-test"  # noqa: S105


@dataclass(frozen=True)
class Ended:
    """A command that has ended, with what it printed."""

    code: int
    out: str
    err: str


Waybill = Callable[..., Ended]
