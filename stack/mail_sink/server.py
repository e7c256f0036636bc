"""The SMTP server of the sink."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from stack.mail_sink.faults import Break, Faults, Stage
from stack.mail_sink.mails import Mails

KEPT: Final = "250 2.0.0 OK"
HANG_SECONDS: Final = 3600.0


class Handler:
    """Answer the commands of a client as the faults say; without one, keep each mail."""

    def __init__(self, mails: Mails, faults: Faults) -> None:
        self._mails = mails
        self._faults = faults

    async def handle_EHLO(  # noqa: N802 - the interface of aiosmtpd
        self,
        server: SMTP,
        session: Session,
        _: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        how = self._faults.take(Stage.CONNECT)
        return [await _broken(server, how)] if how else responses

    async def handle_RCPT(  # noqa: N802 - the interface of aiosmtpd
        self,
        server: SMTP,
        _: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        how = self._faults.take(Stage.RCPT)
        if how:
            return await _broken(server, how)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        how = self._faults.take(Stage.DATA)
        if how in (None, Break.KEEP_AND_DROP, Break.ANSWER_AND_DROP):
            content = envelope.content
            assert isinstance(content, bytes)  # noqa: S101 - decode_data is false
            self._mails.keep([str(recipient) for recipient in envelope.rcpt_tos], content)
        return await _broken(server, how) if how else KEPT


async def _broken(server: SMTP, how: str) -> str:
    """Return the reply that was asked for, or break the connection."""
    match how:
        case Break.HANG:
            await asyncio.sleep(HANG_SECONDS)
        case Break.ANSWER_AND_DROP:
            await server.push(KEPT)
            _close(server)
        case Break.DROP | Break.KEEP_AND_DROP:
            _close(server)
        case _:
            return how
    return KEPT  # to a connection that is closed


def _close(server: SMTP) -> None:
    if server.transport is not None:
        server.transport.close()


@asynccontextmanager
async def smtp_server(host: str, port: int, mails: Mails, faults: Faults) -> AsyncIterator[None]:
    """Serve until the end of the block."""
    loop = asyncio.get_running_loop()
    handler: Any = Handler(mails, faults)

    def connected() -> SMTP:
        return SMTP(handler, enable_SMTPUTF8=True, hostname="mail-sink", loop=loop)

    server = await loop.create_server(connected, host, port)
    try:
        yield
    finally:
        server.close()
