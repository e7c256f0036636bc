"""Issue tokens for the embedded service, as a company's sign-in service does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import jwt

from stack.errors import StackError

ISSUER = AUDIENCE = "waybill"
LIFETIME = timedelta(hours=12)


class Role(StrEnum):
    CUSTOMER = "customer"
    OPERATOR = "operator"
    ADMIN = "admin"


def role_of(name: str) -> Role:
    """Raise StackError for a name that is not a role."""
    try:
        return Role(name)
    except ValueError:
        raise StackError(f"{name!r} is not a role: customer, operator or admin") from None


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
