"""Write a mail as a MIME message of text and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import idna
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifications.mail.content import Content

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)
_MAX_LINE: Final = 998
"""The limit of RFC 5322, section 2.1.1. With a lower one, Python encodes a long URL."""


class BadAddress(Exception):
    """The address cannot be written in a header. The message does not show it."""

    def __init__(self) -> None:
        super().__init__("the address of the contact cannot be written in a header")


@dataclass(frozen=True)
class Letter:
    """A mail that is ready to be sent. It never shows its recipient."""

    email: str = field(repr=False)
    """The address as the contact has it."""
    recipient: str = field(repr=False)
    """The address for the mail server, with its domain in ASCII."""
    message: bytes = field(repr=False)
    needs_utf8: bool
    """The server must offer SMTPUTF8 (RFC 6531): the address has letters beyond ASCII."""

    @property
    def options(self) -> Sequence[str]:
        return ("SMTPUTF8", "BODY=8BITMIME") if self.needs_utf8 else ()


def letter(content: Content, email: str, sender: Address, notification_id: UUID) -> Letter:
    """Return the mail to this address. Raises BadAddress.

    The id of the message is derived from the notification, so that a repetition has the same one.
    The headers are set one by one, and Python refuses a line break in each.
    """
    to = address_of(email)
    message = new_message(notification_id, sender, to, content.subject)
    message["List-Unsubscribe"] = f"<{content.unsubscribe.url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_rendered("mail.txt", content), cte="quoted-printable")
    message.add_alternative(_rendered("mail.html", content), subtype="html", cte="quoted-printable")
    message["Content-Language"] = content.language  # as the text is set, Python moves it
    return ready(message, email, to)


def new_message(message_id: UUID, sender: Address, to: Address, subject: str) -> EmailMessage:
    """Return a message that has its headers and no content yet."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Date"] = format_datetime(datetime.now(UTC))
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-generated"
    return message


def ready(message: EmailMessage, email: str, to: Address) -> Letter:
    """Return the message as the bytes that the mail server takes."""
    needs_utf8 = not to.addr_spec.isascii()
    policy = (SMTPUTF8 if needs_utf8 else SMTP).clone(max_line_length=_MAX_LINE)
    return Letter(email, to.addr_spec, message.as_bytes(policy=policy), needs_utf8)


def address_of(email: str) -> Address:
    """Return the address with its domain in ASCII (IDNA). Raises BadAddress."""
    local, _, domain = email.rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode()
        return Address(username=local, domain=ascii_domain)
    except (ValueError, UnicodeError):
        raise BadAddress from None


def _rendered(template: str, content: Content) -> str:
    return _TEMPLATES.get_template(template).render(asdict(content))
