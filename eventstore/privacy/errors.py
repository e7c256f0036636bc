"""The reasons why personal data cannot be read. No message says whose it is, or shows any of it."""

from __future__ import annotations

from uuid import UUID

from eventstore.errors import EventStoreError


class PrivacyError(EventStoreError):
    """The base of the errors of keys and of what they encrypt."""


class Erased(PrivacyError):
    """The key is erased, and with it for good the data: the customer has been erased."""

    def __init__(self, event_type: str, field: str) -> None:
        super().__init__(f"{field} of this {event_type} has been erased and cannot be read")
        self.event_type = event_type
        self.field = field


class ErasedValue(PrivacyError):
    """The same for a value that is kept outside the log."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"this {kind} has been erased and cannot be read")


class UnknownKey(PrivacyError):
    """A value is encrypted under a key that this process was not given."""

    def __init__(self, key_id: str, setting: str) -> None:
        name = f"WAYBILL_{setting.upper()}"
        super().__init__(
            f"key {key_id} is neither {name} nor among its retired ones: "
            f"add it to WAYBILL_RETIRED_{setting.upper()}S"
        )
        self.key_id = key_id


class Tampered(PrivacyError):
    """A ciphertext does not fit its key and its place: it was changed, truncated or moved."""


class TamperedField(Tampered):
    def __init__(self, event_type: str, field: str, key_id: UUID) -> None:
        super().__init__(
            f"{field} of a {event_type} does not open under key {key_id}: "
            "restore the event from a backup"
        )
        self.event_type = event_type
        self.field = field
        self.key_id = key_id
