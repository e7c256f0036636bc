"""The mails that the sink has taken: a file for each, in the data folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from time import time_ns
from typing import Final

ENVELOPE_TO: Final = "X-Envelope-To"
_ID: Final = re.compile(r"\d{1,20}")


@dataclass(frozen=True, slots=True)
class Mail:
    id: str
    """The time of its arrival in nanoseconds."""
    recipient: str
    subject: str
    message_id: str


class Mails:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._kept = [self._read(file) for file in sorted(folder.glob("*.eml"))]

    def keep(self, recipients: Sequence[str], content: bytes) -> None:
        """Write the mail to its file. It is there when this returns."""
        file = self._folder / f"{time_ns()}.eml"
        unfinished = file.with_suffix(".new")
        head = "".join(f"{ENVELOPE_TO}: {recipient}\r\n" for recipient in recipients)
        unfinished.write_bytes(head.encode() + content)
        unfinished.rename(file)
        self._kept.append(self._read(file))

    def all(self) -> Sequence[Mail]:
        """Return all mails, the oldest first."""
        return self._kept

    def load(self, mail_id: str) -> EmailMessage | None:
        file = self._folder / f"{mail_id}.eml"
        if not _ID.fullmatch(mail_id) or not file.exists():
            return None
        return _parsed(file)

    def _read(self, file: Path) -> Mail:
        message = _parsed(file)
        return Mail(
            id=file.stem,
            recipient=str(message[ENVELOPE_TO] or ""),
            subject=str(message["Subject"] or ""),
            message_id=str(message["Message-ID"] or "").strip(),
        )


def _parsed(file: Path) -> EmailMessage:
    message = message_from_bytes(file.read_bytes(), policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)  # noqa: S101 - by the policy
    return message
