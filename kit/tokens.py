"""Sign the tokens that the API accepts, as a company's sign-in service does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import jwt

ISSUER = AUDIENCE = "waybill"
LIFETIME = timedelta(hours=12)


class Role(StrEnum):
    CUSTOMER = "customer"
    OPERATOR = "operator"
    ADMIN = "admin"


def token(
    secret: str, role: Role, subject: str | None = None, lifetime: timedelta = LIFETIME
) -> str:
    """Return a signed JWT for this subject, by default `demo-<role>`."""
    now = datetime.now(UTC)
    claims = {
        "sub": subject or f"demo-{role}",
        "role": role.value,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
