"""The errors of a rebuild. The live tables are unchanged when one is raised."""

from __future__ import annotations

from typing import Self

from eventstore.envelope import StoredEvent
from projections.poison import cause_of


class RebuildError(Exception):
    """A rebuild cannot start or go on; the message says what to do."""


class BeingRebuilt(RebuildError):
    """Another process rebuilds this projection."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is being rebuilt by another process: wait until it has finished")


class CopyDiffers(RebuildError):
    """The new copy differs from the live tables, although the version is the same."""

    def __init__(self, name: str, table: str, live: int, copied: int) -> None:
        counts = f"{live} rows are live, {copied} in the new copy"
        super().__init__(
            f"the new copy of {table} differs from the live table ({counts}): look at the rows with"
            f" `make verify NAME={name}`; if the live ones are wrong, rebuild with ACCEPT=1"
        )


class NotSwapped(RebuildError):
    """The live tables were in use at each try; the next rebuild begins anew."""

    def __init__(self, name: str, tries: int) -> None:
        super().__init__(
            f"the tables of {name} were in use at each of {tries} tries to swap them: end the long"
            " transactions on them, then repeat the command"
        )


class EventNotTaken(RebuildError):
    """The projection cannot take an event of the log."""

    def __init__(self, event_type: str, position: int, cause: str) -> None:
        super().__init__(
            f"{event_type} at position {position} cannot be projected: {cause}; mend the"
            " projection, then repeat the command"
        )

    @classmethod
    def at(cls, stored: StoredEvent, error: Exception) -> Self:
        return cls(stored.type, stored.position, cause_of(error))


class EventsParked(RebuildError):
    """The live tables lack events that wait parked, so that no copy can be compared with them."""

    def __init__(self, name: str, events: int) -> None:
        super().__init__(
            f"{name} has parked events, {events} of them on the page to be read: mend the"
            " projection and redrive them, then repeat the command"
        )


class NothingRetired(RebuildError):
    """There is no copy to go back to."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no retired copy: only a rebuild makes one")


class OtherVersion(RebuildError):
    """The retired copy is of a version that this build does not know."""

    def __init__(self, name: str, retired: int, known: int) -> None:
        super().__init__(
            f"the retired copy of {name} is of version {retired}, and this build knows version"
            f" {known}: roll back with the build of version {retired}"
        )


class NeverCopied(RebuildError):
    """The rows are personal data, of which no former copy is kept."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} keeps no former table: leave out --rollback and --drop")
