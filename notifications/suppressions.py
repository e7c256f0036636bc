"""The addresses that get no mail: unsubscribed, bounced or complained.

A row holds the HMAC of the address and never the address. It stays when its customer is erased,
because an erased person must not be written to again either.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import Final

from eventstore.privacy.search_key import SearchKey
from kit.pool import Connection, Pool

_ADD: Final = """
    INSERT INTO eventstore.email_suppression (email_digest, reason) VALUES ($1, $2)
    ON CONFLICT (email_digest) DO NOTHING
    RETURNING true
"""
_LIFT: Final = "DELETE FROM eventstore.email_suppression WHERE email_digest = $1 RETURNING true"
_IS_SUPPRESSED: Final = """
    SELECT EXISTS (SELECT FROM eventstore.email_suppression WHERE email_digest = $1)
"""
_PURPOSE: Final = "unsubscribe"


class SuppressionReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class BadToken(Exception):
    """The link is none that a mail of ours held: it was cut or changed on its way."""

    def __init__(self) -> None:
        super().__init__("this link is not complete: copy it whole from the mail")


class Suppressions:
    def __init__(self, pool: Pool, search_key: SearchKey) -> None:
        self._pool = pool
        self._search_key = search_key

    async def suppress(self, email: str, reason: SuppressionReason) -> None:
        """Stop mails to this address, which `email_of` returned. A repeat changes nothing.

        A program that reads bounces and complaints calls this for each.
        """
        await add(self._pool, self._search_key.email_digest(email), reason)

    async def lift(self, email: str) -> bool:
        """Send mail to this address again; return whether it was suppressed."""
        return await remove(self._pool, self._search_key.email_digest(email))

    async def is_suppressed(self, email: str) -> bool:
        digest = self._search_key.email_digest(email)
        return bool(await self._pool.fetchval(_IS_SUPPRESSED, digest))

    def token(self, email: str) -> str:
        """Return the token of the unsubscribe links of this address. It reveals no address."""
        digest = self._search_key.email_digest(email)
        return f"{digest}.{self._search_key.signature(_PURPOSE, digest)}"

    def check(self, token: str) -> str:
        """Return the digest that the token is for. Raises BadToken."""
        digest, _, signature = token.partition(".")
        expected = self._search_key.signature(_PURPOSE, digest)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise BadToken
        return digest

    async def unsubscribe(self, token: str) -> None:
        """Stop mails to the address of this token. Raises BadToken."""
        await add(self._pool, self.check(token), SuppressionReason.UNSUBSCRIBED)


async def add(database: Pool | Connection, digest: str, reason: SuppressionReason) -> bool:
    """Suppress the address of this digest; return False if it was suppressed, for its reason."""
    return bool(await database.fetchval(_ADD, digest, str(reason)))


async def remove(database: Pool | Connection, digest: str) -> bool:
    """Lift the suppression of this digest; return whether there was one."""
    return bool(await database.fetchval(_LIFT, digest))
