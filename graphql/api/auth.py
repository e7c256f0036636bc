"""Authenticate the viewer by a bearer token (RFC 6750) that is a JWT signed with HS256."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.command import Identifier

ISSUER: Final = "waybill"
AUDIENCE: Final = "waybill"
LEEWAY_SECONDS: Final = 10
ALGORITHM: Final = "HS256"
REQUIRED: Final = ("exp", "iat", "iss", "aud", "sub", "role")


class Role(StrEnum):
    CUSTOMER = "customer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Viewer(BaseModel):
    """The authenticated caller. Customers see their own data; operators and admins see all data."""

    model_config = ConfigDict(frozen=True)

    sub: Identifier
    role: Role
    expires_at: float = Field(alias="exp")
    """Seconds since the epoch (RFC 7519, section 4.1.4), without the leeway."""

    @property
    def actor(self) -> str:
        """The viewer's name in the metadata of events."""
        return f"{self.role}:{self.sub}"

    @property
    def is_staff(self) -> bool:
        return self.role is not Role.CUSTOMER

    def may_see(self, customer_id: str) -> bool:
        return self.is_staff or self.sub == customer_id


class TokenFault(StrEnum):
    MISSING = "the token is missing: send the header `Authorization: Bearer <token>`"
    EXPIRED = "the token has expired: sign in again for a new one"
    INVALID = "the token is not valid: sign in again for a new one"


class Unauthenticated(Exception):
    def __init__(self, fault: TokenFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, repr=False)
class Authenticator:
    secret: str

    def viewer(self, authorization: str | None) -> Viewer:
        """Return the viewer that the header's token names. Raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(TokenFault.MISSING)
        try:
            claims = jwt.decode(
                token.strip(),
                self.secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED)},
            )
            return Viewer.model_validate(claims)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(TokenFault.EXPIRED) from None
        except (jwt.InvalidTokenError, ValidationError):
            raise Unauthenticated(TokenFault.INVALID) from None
