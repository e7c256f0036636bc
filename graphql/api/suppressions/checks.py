"""Check the arguments of suppressions. No message and no row shows an address."""

from __future__ import annotations

from typing import Final

from api.dead_letters.checks import reason_of
from domain.errors import ErrorCode, Refused
from domain.order.contact_rules import email_of
from eventstore.privacy.search_key import SearchKey

_SIGN_OF_AN_ADDRESS: Final = "@"


def digest_of(email: str, search_key: SearchKey) -> str:
    """Return the digest of an address. Raises Refused with INVALID_INPUT for another text."""
    try:
        return search_key.email_digest(email_of(email.strip()))
    except ValueError as error:
        raise Refused(ErrorCode.INVALID_INPUT, str(error), ("email",)) from None


def explanation_of(text: str) -> str:
    """Return the reason, which is stored. Raises Refused with INVALID_INPUT for one that may hold
    an address."""
    reason = reason_of(text)
    if _SIGN_OF_AN_ADDRESS in reason:
        message = "the reason is stored, so leave the address and the character @ out of it"
        raise Refused(ErrorCode.INVALID_INPUT, message, ("reason",))
    return reason
