"""The mails of the stack are read in the browser, and nothing of them is executed there."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

import aiosmtplib
import pytest

from kit.local_http import local_client
from stack.mail_sink.mails import Mails
from tests.support.mail_sink import MailSink

HOSTILE = '<script>alert(1)</script><img src="https://eve.example/x.png">'


@pytest.fixture
async def mail_id(sink: MailSink) -> str:
    message = EmailMessage()
    message["From"], message["To"] = "eve@example.org", "ada@example.org"
    message["Subject"] = f"Hello {HOSTILE}"
    message["Message-ID"] = "<1@example.org>"
    message.set_content(f"Text {HOSTILE}")
    message.add_alternative(f"<p>HTML</p>{HOSTILE}", subtype="html")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=sink.smtp_port)
    async with local_client(base_url=sink.url) as http:
        return str((await http.get("/mails")).json()[-1]["id"])


async def test_a_mail_is_shown_with_its_html_in_a_sandbox(sink: MailSink, mail_id: str) -> None:
    async with local_client(base_url=sink.url) as http:
        index = await http.get("/")
        page = await http.get(f"/mails/{mail_id}")
        html = await http.get(f"/mails/{mail_id}/html")

    for answer in (index, page):
        assert "Hello &lt;script&gt;" in answer.text
        assert "<script" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert f'<iframe sandbox src="/mails/{mail_id}/html"' in page.text
    assert "Text &lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert html.text.startswith(f"<p>HTML</p>{HOSTILE}")
    assert html.headers["content-security-policy"].endswith("; sandbox")
    assert "script-src" not in html.headers["content-security-policy"]


@pytest.mark.parametrize("mail_id", ["1", "..%2f..%2fstack.env", "x"])
async def test_a_mail_that_is_none_is_not_found(sink: MailSink, mail_id: str) -> None:
    async with local_client(base_url=sink.url) as http:
        assert (await http.get(f"/mails/{mail_id}")).status_code == 404


async def test_the_mails_are_there_after_a_restart(sink: MailSink, mail_id: str) -> None:
    mails = await asyncio.to_thread(Mails, sink.data_dir / "mails")
    assert mail_id in {mail.id for mail in mails.all()}
