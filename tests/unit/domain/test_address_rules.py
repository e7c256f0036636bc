# ruff: noqa: RUF001 - addresses in other scripts
from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.order.address_rules import COUNTRIES, address_of, customs_of
from domain.order.faults import Faulty
from domain.order.lines import Address

BERLIN = {
    "name": "Ada Byron",
    "street": "Invalidenstraße 1",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
}
SAN_FRANCISCO = BERLIN | {"city": "San Francisco", "postal_code": "94105", "country": "US"}
CAIRO = {
    "name": "محمد عبد الله",
    "company": "شركة النيل",
    "street": "١٢ شارع التحرير",
    "line2": "الدور الثالث",
    "city": "القاهرة",
    "region": "محافظة القاهرة",
    "postal_code": "١١٥١١",
    "country": "EG",
}
TOKYO = {
    "name": "山田 太郎",
    "street": "千代田１−１",
    "line2": "ハイツ　３０１号室",
    "city": "千代田区",
    "region": "東京都",
    "postal_code": "１００－０００１",
    "country": "JP",
}
BANGKOK = {
    "name": "สมชาย ใจดี",
    "street": "๙๙/๑ ถนนสุขุมวิท",
    "city": "เขตวัฒนา",
    "region": "กรุงเทพมหานคร",
    "postal_code": "10110",
    "country": "TH",
}
DECOMPOSED = BERLIN | {"name": "Zoe\u0308 \u200fA\u030angstro\u0308m", "street": "ﬁve\u00a0Way"}


def address(**fields: str | None) -> Address:
    return address_of(Address.model_validate(fields))


def faults_of(**fields: str | None) -> list[str]:
    with pytest.raises(Faulty) as caught:
        address(**fields)
    return [fault.field for fault in caught.value.faults]


@pytest.mark.parametrize("written", [BERLIN, CAIRO, TOKYO, BANGKOK, DECOMPOSED])
def test_an_address_in_any_script_is_kept_byte_for_byte(written: dict[str, str]) -> None:
    kept = address(**written).model_dump(exclude_none=True)
    assert {name: text.encode() for name, text in kept.items()} == {
        name: text.encode() for name, text in written.items()
    }


@pytest.mark.parametrize("country", ["ZZ", "XK", "EU", "AA", "AC", "UK"])
def test_a_code_that_is_no_country_is_refused(country: str) -> None:
    assert faults_of(**BERLIN | {"country": country}) == ["country"]


@pytest.mark.parametrize("country", ["US", "CA", "AU", "BR", "IN", "MX", "IT", "ES", "CN", "JP"])
def test_a_region_is_required_where_addresses_name_one(country: str) -> None:
    without = BERLIN | {"country": country, "postal_code": customs_example(country)}
    assert faults_of(**without) == ["region"]
    assert address(**without, region="Anywhere").region == "Anywhere"


@pytest.mark.parametrize("country", ["DE", "CH", "FR", "GB"])
def test_a_region_is_optional_elsewhere(country: str) -> None:
    without = BERLIN | {"country": country, "postal_code": customs_example(country)}
    assert address(**without).region is None
    assert address(**without, region="Somewhere").region == "Somewhere"


def customs_example(country: str) -> str:
    return {
        "US": "94105",
        "CA": "K1A 0B1",
        "AU": "2000",
        "BR": "01310-100",
        "IN": "110001",
        "MX": "06000",
        "IT": "00184",
        "ES": "28013",
        "CN": "100000",
        "JP": "100-0001",
        "DE": "10115",
        "CH": "3011",
        "FR": "75001",
        "GB": "BA1 1AA",
    }[country]


@pytest.mark.parametrize(
    ("country", "code"),
    [
        *(("DE", "1011"), ("DE", "D-10115"), ("DE", "10115 Berlin"), ("CH", "10115")),
        *(("GB", "10115"), ("GB", "GIR 0AAX"), ("NL", "3011"), ("FR", "7500A")),
    ],
)
def test_a_postal_code_of_another_form_is_refused(country: str, code: str) -> None:
    assert faults_of(**BERLIN | {"country": country, "postal_code": code}) == ["postal_code"]


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("GB", "ba1 1aa"),
        ("CH", "CH-3011"),
        ("NL", "1234 AB"),
        ("SE", "111 22"),
        ("DE", "１０１１５"),
    ],
)
def test_a_postal_code_is_kept_as_it_is_usually_written(country: str, code: str) -> None:
    assert address(**BERLIN | {"country": country, "postal_code": code}).postal_code == code


def test_a_postal_code_is_required_where_the_country_has_them() -> None:
    assert faults_of(**BERLIN | {"postal_code": None}) == ["postal_code"]
    assert address(**BERLIN | {"country": "BW", "postal_code": None}).postal_code is None
    assert address(**BERLIN | {"country": "BW", "postal_code": "any"}).postal_code == "any"


def test_a_phone_number_of_the_country_is_stored_as_e164() -> None:
    assert address(**BERLIN, phone="030 901820").phone == "+4930901820"
    assert faults_of(**BERLIN, phone="12") == ["phone"]


def test_all_faults_of_an_address_are_reported_at_once() -> None:
    assert faults_of(**SAN_FRANCISCO | {"postal_code": "9410"}, phone="12") == [
        *("region", "postal_code", "phone")
    ]


@pytest.mark.parametrize(
    "name", ["\u200b", "\u3164", "\u2800", "\ufeff\u2060", "\u115f\u1160", "\u034f", "\ufe0f"]
)
def test_a_name_of_only_invisible_characters_is_refused(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Address.model_validate(BERLIN | {"name": name})
    (fault,) = caught.value.errors()
    assert (fault["loc"], fault["msg"]) == (
        ("name",),
        "the text needs a visible character, and takes no control characters",
    )


def test_every_country_has_customs() -> None:
    assert len(COUNTRIES) == 249
    for country in COUNTRIES:
        customs_of(country)
