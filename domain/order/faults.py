"""The faults of a value that a client gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Fault(NamedTuple):
    """The field at fault, and a message that says what to write and repeats no value."""

    field: str
    message: str


class Faulty(ValueError):
    """A value has these faults, one or more."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)
