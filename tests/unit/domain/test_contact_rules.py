from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order.contact import Contact, search_form_of
from domain.order.contact_rules import contact_of, email_of
from domain.order.faults import Faulty

CONTACT = Contact(
    email="ada@example.com", phone="+4930901820", locale="de-CH", time_zone="Europe/Zurich"
)


def faults_of(**given: str | None) -> list[str]:
    with pytest.raises(Faulty) as caught:
        contact_of(given, "DE")
    texts = [text for text in given.values() if text and len(text) > 2]
    assert [text for text in texts if text in str(caught.value)] == []
    return [fault.field for fault in caught.value.faults]


@pytest.mark.parametrize("field", ["email", "phone", "locale", "time_zone"])
def test_each_field_of_a_contact_is_optional(field: str) -> None:
    value = getattr(CONTACT, field)
    assert contact_of({field: value}, "DE") == Contact.model_validate({field: value})


@pytest.mark.parametrize("given", [{}, {"email": None, "phone": None}])
def test_a_contact_without_a_value_is_none(given: dict[str, str | None]) -> None:
    assert contact_of(given, "DE") is None


@pytest.mark.parametrize(
    ("field", "text", "stored"),
    [
        ("email", " Ada.Byron@EXAMPLE.com\n", "Ada.Byron@example.com"),
        ("email", "用户@例子.广告", "用户@例子.广告"),
        ("phone", "030 901820", "+4930901820"),
        ("phone", "+41 (0)44 668 18 00", "+41446681800"),
        ("phone", "٠٣٠ ٩٠١٨٢٠", "+4930901820"),
        ("locale", "de_ch", "de-CH"),
        ("locale", "zh-hant-tw", "zh-Hant-TW"),
        ("time_zone", "Asia/Kolkata", "Asia/Kolkata"),
    ],
)
def test_a_contact_is_stored_in_one_form(field: str, text: str, stored: str) -> None:
    contact = contact_of({field: text}, "DE")
    assert getattr(contact, field) == stored


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "ada",
            "ada@",
            "@exemplar.com",
            "ada@localhost",
            "ada@x.test",
            "a b@example.com",
        ),
        *("Ada <ada@example.com>", "ada@example.com\nbcc: bob@example.com", "ada@@example.com"),
        *("a" * 65 + "@example.com", "ada@" + "a." * 200_000 + "com", "ada@exa\u200bmple.com"),
    ],
)
def test_an_email_that_is_none_is_refused(text: str) -> None:
    assert faults_of(email=text) == ["email"]


@pytest.mark.parametrize(
    "text",
    ["", "12", "abc", "+999123456789", "+10000000000", "030 901820 ext. 12", "0" * 200_000],
)
def test_a_phone_number_that_is_none_is_refused(text: str) -> None:
    assert faults_of(phone=text) == ["phone"]


@pytest.mark.parametrize("text", ["", "xx", "english", "de--CH", "zz-ZZ", "ä", "de-" + "x" * 99])
def test_a_locale_that_is_none_is_refused(text: str) -> None:
    assert faults_of(locale=text) == ["locale"]


@pytest.mark.parametrize(
    "text",
    ["", "Mars/Base", "europe/zurich", "Factory", "../../etc/passwd", "+01:00", "x" * 99_999],
)
def test_a_time_zone_that_is_none_is_refused(text: str) -> None:
    assert faults_of(time_zone=text) == ["time_zone"]


def test_all_faults_of_a_contact_are_reported_at_once() -> None:
    assert faults_of(email="a", phone="b", locale="c!", time_zone="d") == [
        *("email", "phone", "locale", "time_zone")
    ]


@given(texts=st.lists(st.none() | st.text(max_size=40), min_size=4, max_size=4), country=st.text())
def test_any_text_gives_a_contact_or_its_faults(texts: list[str | None], country: str) -> None:
    fields = ("email", "phone", "locale", "time_zone")
    with suppress(Faulty):
        contact = contact_of(dict(zip(fields, texts, strict=True)), country)
        assert contact is None or Contact.model_validate_json(contact.model_dump_json()) == contact


def test_neither_text_form_of_a_contact_shows_it() -> None:
    assert repr(CONTACT) == str(CONTACT) == "Contact(…)"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Ada.Byron@EXAMPLE.org", "ada.byron@example.org"),
        ("ada+Shop@example.org", "ada+shop@example.org"),
        ("ren\u00e9e@example.org", "ren\u00e9e@example.org"),
        ("RENE\u0301E@example.org", "ren\u00e9e@example.org"),
        ("ada@xn--bcher-kva.example.org", "ada@b\u00fccher.example.org"),
        ("ada@B\u00dcCHER.example.org", "ada@b\u00fccher.example.org"),
    ],
)
def test_the_spellings_of_an_address_have_one_search_form(text: str, form: str) -> None:
    assert search_form_of(email_of(text)) == form
    assert search_form_of(form) == form
