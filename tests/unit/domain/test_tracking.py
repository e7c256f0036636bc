from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.shipping.tracking import MAX_URL_LENGTH, TrackingInfo

URL = "https://post.example/parcels?number=1Z%20999&lang=de"


def test_tracking_info_keeps_what_the_carrier_gives() -> None:
    info = TrackingInfo(number=" 1Z 999 AA1 ", carrier="Österreichische Post", url=URL)

    assert (info.number, info.carrier, info.url) == ("1Z 999 AA1", "Österreichische Post", URL)


@pytest.mark.parametrize(
    "text", ["", " ", "a\nb", "a\x00b", "a\x7f", "a\u200bb", "a\u202eb", "a\u2028b", "a" * 101]
)
@pytest.mark.parametrize("field", ["number", "carrier"])
def test_an_empty_long_or_invisible_text_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        TrackingInfo.model_validate({"number": "T-1", field: text})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://post.example/T-1",
        "javascript:alert(1)",
        "//post.example/T-1",
        "https://",
        "https:///T-1",
        "https://post.example/T 1",
        "https://post.example/\nT-1",
        'https://post.example/"><script>',
        "https://post.example/Ö",
        "https://post.example@evil.example/T-1",
        "https://ada:secret@post.example/T-1",
        "https://post.example:port/T-1",
        "https://post.example/" + "a" * MAX_URL_LENGTH,
    ],
)
def test_a_url_that_is_no_safe_https_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TrackingInfo(number="T-1", url=url)


def test_a_url_of_the_greatest_length_is_kept() -> None:
    url = "https://post.example/".ljust(MAX_URL_LENGTH, "a")

    assert TrackingInfo(number="T-1", url=url).url == url
