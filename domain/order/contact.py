"""The contact of an order's customer."""

from __future__ import annotations

from typing import Annotated
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, StringConstraints

MAX_EMAIL_LENGTH = 254
"""RFC 5321 allows 256 characters with the angle brackets around them."""
MAX_LOCALE_LENGTH = 35
"""The length that RFC 5646, section 4.4.1, asks every protocol to take."""
MAX_TIME_ZONE_LENGTH = 64

Email = Annotated[str, StringConstraints(max_length=MAX_EMAIL_LENGTH, pattern=r"^[^@\s]+@[^@\s]+$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{1,14}$")]
"""E.164: a plus sign, the country's code and the number."""
Locale = Annotated[
    str, StringConstraints(max_length=MAX_LOCALE_LENGTH, pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$")
]
TimeZone = Annotated[
    str, StringConstraints(max_length=MAX_TIME_ZONE_LENGTH, pattern=r"^[A-Za-z0-9/_+-]+$")
]


class Contact(BaseModel):
    """How and in which language to write to the customer. All of it is personal data.

    The types hold for ever, because a stored contact must stay readable. `contact_rules.py` checks
    a new contact by tables that change with the world.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    email: Email | None = None
    phone: Phone | None = None
    """E.164."""
    locale: Locale | None = None
    """A language tag of BCP 47, such as `de-CH`."""
    time_zone: TimeZone | None = None
    """A name of the IANA time zone database, such as `Europe/Zurich`."""

    def __repr__(self) -> str:
        return "Contact(…)"

    __str__ = __repr__


def search_form_of(email: str) -> str:
    """Return one form for all spellings of an address that `email_of` returned.

    The whole address is in lower case. RFC 5321 lets a mail host distinguish the case of the part
    before the @, but hardly one does, and people do not write an address in one case each time.
    It calls no table that changes with the world: a stored address gives the same form for ever.
    """
    return normalize("NFC", email.lower())
