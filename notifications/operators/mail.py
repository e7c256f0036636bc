"""Say notices by mail."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC
from email.headerregistry import Address
from functools import partial
from typing import Final
from uuid import UUID

from notifications.mail.message import Letter, address_of, new_message, ready
from notifications.mail.smtp import SmtpServer, SmtpSession
from notifications.operators.causes import OF_ORDERS, CauseKind
from notifications.operators.channel import Send
from notifications.operators.digest import DOCUMENTATION, Digest, Line
from notifications.operators.outbox import Message
from notifications.outbox import Outcome, State
from notifications.sender import NotSent, Pace

KINDS: Final = {
    CauseKind.PARKED_SAGA: ("parked saga", "parked sagas"),
    CauseKind.DISCREPANCY: ("discrepancy", "discrepancies"),
    CauseKind.DEAD_LETTERS: ("group with dead letters", "groups with dead letters"),
    CauseKind.STOPPED_PROJECTION: ("stopped projection", "stopped projections"),
    CauseKind.PARKED_STREAMS: ("projection with parked streams", "projections with parked streams"),
}
_END: Final = """\
The query operatorNotices(open: true) lists the open notices. The mutation
acknowledgeNotice(id, note) acknowledges one, which is then not said again. An open notice that is
not acknowledged is said once more. See docs/OPERATOR-NOTICES.md
"""


class MailChannel:
    """The mails to one address."""

    def __init__(self, server: SmtpServer, email: str, pace: Pace | None = None) -> None:
        self._server = server
        self._email = email
        self._pace = pace or Pace()

    @property
    def target(self) -> str:
        digest = hashlib.sha256(self._email.lower().encode()).hexdigest()
        return f"email:{digest[:16]}"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Send]:
        async with self._server.session() as session:
            yield partial(self._send, session)

    async def _send(self, session: SmtpSession, message: Message) -> Outcome:
        letter = notice_letter(message.digest, self._email, self._server.sender, message.id)
        try:
            async with asyncio.timeout(self._pace.attempt_timeout.total_seconds()):
                await session.send(letter)
        except NotSent as failed:
            return self._after(message, failed.cause, is_final=failed.is_final)
        except TimeoutError:
            return self._after(message, "no answer in time")
        return Outcome(State.SENT)

    def _after(self, message: Message, cause: str, *, is_final: bool = False) -> Outcome:
        if is_final or message.attempts >= self._pace.max_attempts:
            return Outcome(State.FAILED, cause)
        return Outcome(State.PENDING, cause, self._pace.pause(message.attempts))


def notice_letter(digest: Digest, email: str, sender: Address, message_id: UUID) -> Letter:
    """Return the mail of these notices, as plain text. Raises BadAddress."""
    to = address_of(email)
    message = new_message(message_id, sender, to, subject_of(digest))
    message.set_content("\n".join(text_of(digest)), cte="quoted-printable")
    return ready(message, email, to)


def subject_of(digest: Digest) -> str:
    if digest.total == 1:
        return f"Waybill: {digest.lines[0].text.rstrip('.')}"
    return f"Waybill: {digest.total:,} notices for operators: {counted(digest)}"


def text_of(digest: Digest) -> Iterator[str]:
    for line in digest.lines:
        yield from _paragraph(line)
    rest = digest.total - len(digest.lines)
    if rest:
        yield f"{rest:,} more notices are not listed here. In all: {counted(digest)}."
        yield ""
    yield _END


def counted(digest: Digest) -> str:
    """Return the counts of the kinds, such as `2 parked sagas, 1 discrepancy`."""
    return ", ".join(
        f"{count:,} {KINDS[kind][count != 1]}" for kind, count in sorted(digest.counts.items())
    )


def _paragraph(line: Line) -> Iterator[str]:
    yield f"* {line.text}"
    since = f"{line.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    reminder = ", not acknowledged yet" if line.is_reminder else ""
    yield f"  Notice {line.id}, since {since}{reminder}"
    if line.kind in OF_ORDERS:
        yield f"  Order id {line.subject}"
    yield f"  See {DOCUMENTATION[line.kind]}"
    yield ""
