"""Make digests of personal data, by which it is found without being stored in clear."""

from __future__ import annotations

import hmac
from typing import Final, Self

from domain.order.contact import search_form_of
from eventstore.privacy.keyring import key_of
from settings import Settings

SETTING: Final = "search_key"
_EMAIL: Final = b"email\0"
"""It keeps the digests of addresses apart from those of other kinds of data, and signatures."""


class SearchKey:
    """The key of the digests, which workers and API hold. It never shows itself."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises SettingsError when the setting is missing or holds no key."""
        return cls(key_of(settings, SETTING))

    def email_digest(self, email: str) -> str:
        """Return the HMAC-SHA256 of an address that `email_of` returned, as hexadecimal digits."""
        message = _EMAIL + search_form_of(email).encode()
        return hmac.digest(self._key, message, "sha256").hex()

    def signature(self, purpose: str, text: str) -> str:
        """Return a signature of the text, as hexadecimal digits. It is valid for one purpose."""
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), "sha256").hex()
