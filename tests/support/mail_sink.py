"""The mail server of the stack, in a process of its own, and what it has taken."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any, Final

from kit.eventually import eventually
from kit.local_http import local_client
from stack.http import answers
from stack.mail_sink.mails import ENVELOPE_TO
from stack.ports import LOOPBACK
from stack.processes import ROOT
from tests.support.guarded import guarded
from tests.support.simulators import free_port

FAULTS: Final = "/control"


@dataclass(frozen=True)
class MailSink:
    data_dir: Path
    smtp_port: int
    page_port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.page_port}"

    @property
    def smtp_url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.smtp_port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        environment = os.environ | {
            "WAYBILL_DATA_DIR": str(self.data_dir),
            "WAYBILL_SMTP_PORT": str(self.smtp_port),
            "WAYBILL_MAIL_SINK_PORT": str(self.page_port),
        }
        command = [sys.executable, "-m", "stack.mail_sink"]
        is_ready = answers(f"{self.url}/healthz")
        with guarded(command, environment=environment, folder=ROOT) as process:
            await eventually(lambda: is_ready(process.pid), 20)
            yield

    async def fail(self, how: str, *, stage: str = "data", times: int = 1) -> None:
        """Let the next commands fail."""
        fault = {"stage": stage, "how": how, "times": times}
        async with local_client() as http:
            (await http.post(f"{self.url}{FAULTS}", json=fault)).raise_for_status()

    async def reset(self) -> None:
        async with local_client() as http:
            (await http.delete(f"{self.url}{FAULTS}")).raise_for_status()

    def messages(self, to: str) -> Sequence[EmailMessage]:
        """Return the mails to this address, in the order of their arrival."""
        files = sorted((self.data_dir / "mails").glob("*.eml"))
        found = [message_from_bytes(file.read_bytes(), policy=SMTPUTF8) for file in files]
        return [message for message in found if message[ENVELOPE_TO] == to]

    def subjects(self, to: str) -> Sequence[str]:
        return [str(message["Subject"]) for message in self.messages(to)]

    async def counts(self) -> Counter[str]:
        """Return how often each message, by its id, has arrived."""
        async with local_client() as http:
            listed: list[dict[str, Any]] = (await http.get(f"{self.url}/mails")).json()
        return Counter(mail["message_id"] for mail in listed)


def mail_sink(data_dir: Path) -> MailSink:
    return MailSink(data_dir, free_port(), free_port())


def without_listener(sink: MailSink) -> MailSink:
    """Return the sink at a port on which nothing listens."""
    return replace(sink, smtp_port=free_port())
