"""Send mails over SMTP, and distinguish a refusal from a fault that another attempt may mend."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPTimeoutError,
)

from kit.faults import one_line
from kit.restart import ServerAway
from notifications.mail.message import Letter
from notifications.sender import NotSent
from settings import Settings
from settings_values import mailbox

COMMAND_TIMEOUT_SECONDS: Final = 20.0
"""The longest time without an answer to one command."""
QUIT_TIMEOUT_SECONDS: Final = 1.0

_ENHANCED_CODE: Final = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
"""RFC 3463. The rest of an answer may show the address, so it is never kept."""
_NO_MAILBOX: Final = ("5.1.1", "5.1.2", "5.1.10")
"""RFC 3463 and RFC 7505: no such mailbox, no such domain, a domain that takes no mail."""
_PERMANENT: Final = 500


class SmtpAway(ServerAway):
    """The mail server takes no connection now. The message shows no answer of the server."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the mail server of WAYBILL_SMTP_URL takes no connection: {cause}")


class MailNotSent(NotSent):
    """The mail was not sent, or it is not known whether it was."""

    def __init__(
        self,
        cause: str,
        *,
        is_final: bool = False,
        is_bounce: bool = False,
        is_broken: bool = False,
    ) -> None:
        super().__init__(cause, is_final=is_final, is_broken=is_broken)
        self.is_bounce = is_bounce
        """The address does not exist."""


@dataclass(frozen=True)
class SmtpServer:
    """The mail server that WAYBILL_SMTP_URL names."""

    host: str
    port: int
    is_tls: bool
    """TLS from the beginning (smtps://)."""
    must_start_tls: bool
    """The connection must be upgraded by STARTTLS; otherwise it is if the server offers it."""
    sender: Address
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    timeout: float = COMMAND_TIMEOUT_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the server of checked settings: see notifications/mail/config.py."""
        url = urlsplit(settings.smtp_url.get_secret_value())
        is_tls = url.scheme == "smtps"
        must_start_tls = not is_tls and (settings.is_strict or url.username is not None)
        return cls(
            host=url.hostname or "",
            port=url.port or (465 if is_tls else 587),
            is_tls=is_tls,
            must_start_tls=must_start_tls,
            sender=mailbox(settings.mail_from),
            user=None if url.username is None else unquote(url.username),
            password=None if url.password is None else unquote(url.password),
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SmtpSession]:
        """Connect for the block. Raises SmtpAway."""
        client = SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.is_tls,
            start_tls=False if self.is_tls else self.must_start_tls or None,
            local_hostname=self.sender.domain,
            timeout=self.timeout,
        )
        try:
            await client.connect()
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            answered = isinstance(error, SMTPResponseException)
            raise SmtpAway(_cause(error) if answered else one_line(error)) from None
        try:
            yield SmtpSession(client, self.sender.addr_spec)
            with suppress(SMTPException, OSError):
                await client.quit(timeout=QUIT_TIMEOUT_SECONDS)
        finally:
            client.close()


class SmtpSession:
    """One connection to the mail server, for one mail after another."""

    def __init__(self, client: SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        """Send the mail; when this returns, the server has taken it. Raises MailNotSent.

        The exceptions of the library hold the address, so none of them leaves this function.
        """
        try:
            await self._send(letter)
        except (SMTPException, OSError) as error:
            raise await self._not_sent(error) from None

    async def _send(self, letter: Letter) -> None:
        if letter.needs_utf8 and not self._client.supports_extension("smtputf8"):
            raise MailNotSent("no SMTPUTF8", is_final=True)
        encoding = "utf-8" if letter.needs_utf8 else "ascii"
        await self._client.mail(self._sender, options=letter.options, encoding=encoding)
        await self._client.rcpt(letter.recipient, encoding=encoding)
        await self._client.data(letter.message)

    async def _not_sent(self, error: Exception) -> MailNotSent:
        cause = _cause(error)
        if not isinstance(error, SMTPResponseException):
            return MailNotSent(cause, is_broken=True)
        # A refusal of our own address concerns the settings and not this mail.
        is_about_mail = isinstance(error, SMTPRecipientRefused | SMTPDataError)
        is_final = error.code >= _PERMANENT and is_about_mail
        is_bounce = isinstance(error, SMTPRecipientRefused) and cause.endswith(_NO_MAILBOX)
        return MailNotSent(
            cause,
            is_final=is_final,
            is_bounce=is_final and is_bounce,
            is_broken=not await self._is_reset(),
        )

    async def _is_reset(self) -> bool:
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            return False
        return True


def _cause(error: Exception) -> str:
    """Name the cause without the words of the server, which may show the address."""
    match error:
        case SMTPResponseException(code=code, message=message):
            enhanced = _ENHANCED_CODE.match(str(message))
            return f"SMTP {code}" + (f" {enhanced[1]}" if enhanced else "")
        case SMTPTimeoutError():
            return "no answer in time"
        case SMTPException():
            return type(error).__name__
        case _:
            return "connection lost"
