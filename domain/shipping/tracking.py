"""The data by which a customer tracks a parcel, as the carrier gives them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AnyUrl,
    BaseModel,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    UrlConstraints,
)

MAX_URL_LENGTH: Final = 2000

_SecureUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["https"], host_required=True)]
_secure_url: TypeAdapter[AnyUrl] = TypeAdapter(_SecureUrl)

Printable = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]+$"
    ),
]
"""A short line of text without control characters and without invisible ones."""


def _checked(url: str) -> str:
    """Return the URL as it is. Raises ValueError unless it is an https URL without credentials."""
    parsed = _secure_url.validate_python(url)
    if parsed.username is not None or parsed.password is not None:
        raise ValueError("a tracking URL must not contain credentials")
    return url


TrackingUrl = Annotated[
    str,
    StringConstraints(
        max_length=MAX_URL_LENGTH,
        pattern=r"^https://[A-Za-z0-9\[][A-Za-z0-9_.~:/?#\[\]@!$&'()*+,;=%-]*$",
    ),
    AfterValidator(_checked),
]
"""An https URL of the characters that RFC 3986 permits, without user name and password."""


class TrackingInfo(BaseModel):
    """The tracking number of a parcel, with the carrier that has given it and its page."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    number: Printable
    carrier: Printable | None = None
    """The carrier's name, for people."""
    url: TrackingUrl | None = None
    """The carrier's page about this parcel."""
