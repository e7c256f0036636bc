"""Errors of the bus. After each of them the relay repeats events from its checkpoint."""

from __future__ import annotations


class BusError(Exception):
    """The bus did not accept events, or did not report its contents. One line says why."""


def is_bus_away(error: BaseException) -> bool:
    """Return whether the bus does not answer, or cannot do its work now: the relay tries again."""
    return isinstance(error, BusError)


class BusUnavailable(BusError):
    """The bus does not answer."""


class BusRefusal(BusError):
    """The bus answers and refuses; it needs an operator."""


class EventTooLarge(BusError):
    """The connected bus accepts no message of this size. Nothing of the batch was published."""

    def __init__(self, position: int, size: int, limit: int) -> None:
        super().__init__(
            f"the event at position {position} is a message of {size} bytes, and the bus takes "
            f"{limit}: raise the limit of the bus; every later event waits for this one"
        )
        self.position = position
        self.size = size
        self.limit = limit
