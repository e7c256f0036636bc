"""Send the mails of the outbox, one after another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from notifications.mail.composer import Composer
from notifications.mail.message import Letter
from notifications.mail.smtp import MailNotSent, SmtpServer, SmtpSession
from notifications.outbox import Outbox, Outcome, State, Taken
from notifications.sender import Pace, Sender
from notifications.suppressions import SuppressionReason, Suppressions


class MailSender(Sender):
    """Keep one connection to the mail server for as long as there are mails to send."""

    def __init__(
        self,
        outbox: Outbox,
        composer: Composer,
        suppressions: Suppressions,
        server: SmtpServer,
        pace: Pace | None = None,
    ) -> None:
        @asynccontextmanager
        async def connect() -> AsyncIterator[MailSession]:
            async with server.session() as smtp:
                yield MailSession(composer, suppressions, smtp)

        super().__init__(outbox, connect, pace)


@dataclass(frozen=True, slots=True)
class MailSession:
    """Compose each mail just before it is sent over this connection."""

    composer: Composer
    suppressions: Suppressions
    smtp: SmtpSession

    async def send(self, taken: Taken) -> Outcome:
        composed = await self.composer.compose(taken)
        if not isinstance(composed, Letter):
            return composed
        try:
            await self.smtp.send(composed)
        except MailNotSent as failed:
            if failed.is_bounce:
                await self.suppressions.suppress(composed.email, SuppressionReason.BOUNCED)
            raise
        return Outcome(State.SENT)
