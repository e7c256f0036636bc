"""The mails: their languages, amounts and dates, their headers, and what is escaped in them."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from string import Formatter
from typing import Final

import pytest

from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.price import Price
from kit.currencies import decimals_of
from notifications.facts import Notice
from notifications.mail.content import Facts, content_of, one_line
from notifications.mail.language import Language, language_of, languages
from notifications.mail.message import BadAddress, address_of
from settings_values import mailbox
from tests.support.order_parts import a_line
from tests.unit.notifications.mails import (
    EVENTS,
    PLACED_AT,
    SENDER,
    URL,
    content,
    created,
    facts_of,
    mail,
    parsed,
    text_of,
)

EXPECTED: Final = """\
Your order is on its way

The carrier has your parcel.

Tracking number: WB000000001GB

Track the parcel: https://parcels.example/track/WB000000001GB
Order W-T577QY46AH of 27 November 2026

2 x A cup: EUR 9.00
1 x A pot: EUR 1,234.00

Discount: EUR -0.90
Shipping: EUR 4.90
Tax: EUR 6.06
Total: EUR 1,253.06

--\x20
You get this message because your address was given with this order.
Send me no more messages: {url}
"""


def test_a_mail_has_text_with_every_fact() -> None:
    text = text_of(parsed(mail(content(Notice.SHIPPED))))
    assert text == EXPECTED.format(url=URL)


def test_a_mail_is_in_the_language_and_the_time_zone_of_its_customer() -> None:
    message = parsed(mail(content(Notice.DELIVERED, "de-CH", "Europe/Zurich")))
    text = text_of(message)
    assert message["Subject"] == "Ihre Bestellung W-T577QY46AH ist angekommen"
    assert message["Content-Language"] == "de"
    assert "Bestellung W-T577QY46AH vom 28. November 2026" in text
    assert "Sie können Ware bis zum 15. Dezember 2026 zurückgeben." in text
    assert "Summe: 1.253,06 EUR" in text
    assert '<html lang="de">' in text_of(message, "html")


@pytest.mark.parametrize("kind", Notice)
@pytest.mark.parametrize("tag", ["en", "de"])
def test_each_mail_names_its_order_in_each_language(kind: Notice, tag: str) -> None:
    message = parsed(mail(content(kind, tag)))
    assert "W-T577QY46AH" in message["Subject"]
    for subtype in ("plain", "html"):
        text = text_of(message, subtype)
        assert "W-T577QY46AH" in text
        assert URL in text
        assert "{" not in text.replace("{url}", "")


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "The goods are back. They were free, so nothing is refunded."),
        ("de", "Die Ware ist zurück. Sie war kostenlos, deshalb wird nichts erstattet."),
    ],
)
def test_the_return_of_free_goods_writes_of_no_money(tag: str, text: str) -> None:
    nothing = Price(currency="EUR", lines=0, total=0)
    event = EVENTS[Notice.RETURNED].model_copy(update={"refund": nothing})
    facts = replace(facts_of(Notice.RETURNED), event=event)
    assert content_of(facts, language_of(tag), "UTC", URL).paragraphs == [text]


@pytest.mark.parametrize(
    ("tag", "given", "text"),
    [
        ("en", 100, "The goods are back, and EUR 1.00 is on its way to you."),
        ("en", 0, "The goods are back. No further money is on its way to you for them."),
        (
            "de",
            0,
            "Die Ware ist zurück. Es ist kein weiteres Geld dafür auf dem Weg zu Ihnen.",
        ),
    ],
)
def test_the_mail_of_a_return_names_what_was_given_back(tag: str, given: int, text: str) -> None:
    """A lost dispute or an operator has given the rest of the price."""
    refunded = Money(amount=given, currency="EUR")
    event = EVENTS[Notice.RETURNED].model_copy(update={"refunded": refunded})
    facts = replace(facts_of(Notice.RETURNED), event=event)
    assert content_of(facts, language_of(tag), "UTC", URL).paragraphs == [text]


def test_the_reason_of_a_cancellation_is_named() -> None:
    text = text_of(parsed(mail(content(Notice.CANCELLED))))
    assert "The carrier has lost the parcel. We are sorry." in text


def test_the_page_to_pay_is_linked() -> None:
    message = parsed(mail(content(Notice.PAYMENT_NEEDED)))
    assert "Continue with the payment: https://bank.example/3ds?a=1&b=2" in text_of(message)
    assert 'href="https://bank.example/3ds?a=1&amp;b=2"' in text_of(message, "html")


@pytest.mark.parametrize("language", languages().values(), ids=lambda language: language.tag)
def test_each_language_has_every_text_with_the_same_facts(language: Language) -> None:
    english = languages()["en"]
    reasons = {*CancellationReason, *RejectionReason}
    assert language.reasons.keys() == reasons
    assert language.labels.keys() == english.labels.keys()
    assert len(language.months) == 12
    for label in english.labels:
        assert fields(language.labels[label]) == fields(english.labels[label])
    for kind in Notice:
        ours, theirs = language.notices[kind], english.notices[kind]
        assert fields(ours.subject) == fields(theirs.subject) == {"number"}
        assert fields(" ".join(ours.text)) == fields(" ".join(theirs.text))
        assert fields(ours.return_until) == fields(theirs.return_until)
        assert len(ours.unpaid) == len(theirs.unpaid)
        assert len(ours.settled) == len(theirs.settled)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("en-GB", "en"),
        ("zu-ZA", "en"),
        (None, "en"),
        ("../../etc", "en"),
    ],
)
def test_a_locale_gives_the_nearest_language(locale: str | None, tag: str) -> None:
    assert language_of(locale).tag == tag


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_456, "EUR", "EUR 1,234.56"),
        (5, "EUR", "EUR 0.05"),
        (123_456, "JPY", "JPY 123,456"),
        (1_234_567, "KWD", "KWD 1,234.567"),
        (-150, "EUR", "EUR -1.50"),
        (0, "EUR", "EUR 0.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(amount: int, currency: str, text: str) -> None:
    assert languages()["en"].amount(amount, currency) == text


def test_a_currency_has_the_decimals_of_iso_4217() -> None:
    assert [decimals_of(code) for code in ("EUR", "JPY", "BHD", "CLF")] == [2, 0, 3, 4]


def test_a_time_zone_that_is_none_any_more_gives_utc() -> None:
    assert "of 27 November 2026" in content(Notice.RECEIVED, time_zone="Mars/Olympus").heading


def test_the_headers_let_a_mail_program_unsubscribe_with_one_click() -> None:
    """RFC 8058: the link is in one piece, and the second header is exactly this."""
    message = parsed(mail(content(Notice.RECEIVED)))
    assert message["List-Unsubscribe"] == f"<{URL}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"List-Unsubscribe: <{URL}>\r\n".encode() in mail(content(Notice.RECEIVED)).message


def test_the_id_of_a_mail_is_derived_from_its_notification() -> None:
    message = parsed(mail(content(Notice.RECEIVED)))
    assert message["Message-ID"] == "<11111111-2222-5333-8444-555555555555@shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Shop <orders@shop.example>"
    assert message["To"] == "ada@example.com"


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_no_fact_of_an_order_makes_a_header(ending: str) -> None:
    made = content(Notice.RECEIVED, number=f"W-1{ending}Bcc: eve@example.com")
    with pytest.raises(ValueError, match="Header values may not contain"):
        mail(made)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_no_address_makes_a_header(ending: str) -> None:
    with pytest.raises(BadAddress) as raised:
        address_of(f"ada{ending}Bcc: eve@example.com")
    assert "eve" not in str(raised.value)


def test_a_name_of_a_product_is_written_on_one_line() -> None:
    assert one_line(" Cup\r\n.\r\nQUIT\u2028next\x00 ") == "Cup . QUIT next"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


def test_no_fact_of_an_order_makes_html() -> None:
    line = a_line("cup", name="<script>alert(1)</script><img src=x onerror=y>")
    made = content(
        Notice.RECEIVED, lines=(line,), price=Price(currency="EUR", lines=250, total=250)
    )
    html = text_of(parsed(mail(made)), "html")
    tags = Tags()
    tags.feed(html)
    assert tags.found.isdisjoint({"script", "img"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert(1)</script>" in text_of(parsed(mail(made)))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "https://a\r\nb"])
def test_only_a_page_of_the_web_is_linked(url: str) -> None:
    event = EVENTS[Notice.PAYMENT_NEEDED].model_copy(update={"action_url": url})
    facts = Facts(Notice.PAYMENT_NEEDED, created(), PLACED_AT, event, PLACED_AT)
    assert content_of(facts, language_of("en"), None, URL).links == []


def test_an_address_of_another_script_is_written_for_a_server_that_takes_it() -> None:
    sent = mail(content(Notice.RECEIVED), "zoë@bücher.example")
    assert sent.recipient == "zoë@xn--bcher-kva.example"
    assert sent.needs_utf8
    assert sent.options == ("SMTPUTF8", "BODY=8BITMIME")
    assert mail(content(Notice.RECEIVED), "ada@bücher.example").options == ()


def test_a_mail_never_shows_its_recipient() -> None:
    sent = mail(content(Notice.RECEIVED), "ada@example.com")
    assert "ada" not in repr(sent)
    assert "ada" not in repr(replace(sent, needs_utf8=True))


def test_no_line_of_a_mail_is_too_long_for_smtp() -> None:
    lines = mail(content(Notice.SHIPPED)).message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert re.search(rb"(?<!\r)\n", mail(content(Notice.SHIPPED)).message) is None


@pytest.mark.parametrize(
    "text", ["", "shop", "@example.com", "shop@", "Shop <shop@example.com>\r\nBcc: x@y.example"]
)
def test_a_sender_that_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address such as"):
        mailbox(text)


def test_a_sender_has_a_name_and_an_address() -> None:
    assert mailbox("Shop <orders@shop.example>") == SENDER
    assert str(mailbox("orders@shop.example")) == "orders@shop.example"
