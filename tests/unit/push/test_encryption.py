"""A message is encrypted as RFC 8291 says, and opens with the keys of its browser alone."""

from __future__ import annotations

import base64

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from notifications.push.encryption import (
    CURVE,
    MAX_PLAINTEXT_BYTES,
    BadKeys,
    BrowserKeys,
    encrypt,
)
from tests.support.push import Browser

# RFC 8291, section 5 and appendix A.
PLAINTEXT = b"When I grow up, I want to be a watermelon"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
    "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def read(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def keys_of(browser: Browser) -> BrowserKeys:
    return BrowserKeys.of(browser.p256dh, browser.auth)


def test_the_example_of_the_specification_gives_its_body() -> None:
    own = ec.derive_private_key(int.from_bytes(read(SENDER), "big"), CURVE)
    body = encrypt(PLAINTEXT, BrowserKeys.of(P256DH, AUTH), padded_to=1, own=own, salt=read(SALT))
    assert body == read(BODY)


@pytest.mark.parametrize("length", [0, 1, 1023, 1024, 1025, MAX_PLAINTEXT_BYTES])
def test_an_independent_library_decrypts_a_message_of_any_length(length: int) -> None:
    browser, message = Browser(), b"a" * length
    body = encrypt(message, keys_of(browser))
    assert browser.decrypt(body) == message
    assert len(body) <= 4096


def test_messages_of_different_lengths_look_the_same_to_the_push_service() -> None:
    keys = keys_of(Browser())
    assert len({len(encrypt(b"a" * length, keys)) for length in (1, 200, 1000)}) == 1


def test_each_message_has_its_own_key_and_salt() -> None:
    keys = keys_of(Browser())
    first, second = encrypt(b"a", keys), encrypt(b"a", keys)
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]


def test_a_message_opens_for_no_other_browser() -> None:
    browser = Browser()
    body = encrypt(b"a", keys_of(browser))
    for other in (Browser(), Browser(key=browser.key), Browser(secret=browser.secret)):
        with pytest.raises(http_ece.ECEException):
            other.decrypt(body)


def test_a_message_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 3993 bytes"):
        encrypt(b"a" * (MAX_PLAINTEXT_BYTES + 1), keys_of(Browser()))


def test_keys_with_padding_are_taken_too() -> None:
    assert BrowserKeys.of(P256DH + "=", AUTH + "==") == BrowserKeys.of(P256DH, AUTH)


@pytest.mark.parametrize(
    ("p256dh", "auth", "name"),
    [
        ("", AUTH, "p256dh"),
        ("no key", AUTH, "p256dh"),
        ("ключ", AUTH, "p256dh"),
        (P256DH[:-4], AUTH, "p256dh"),
        (P256DH + "AAAA", AUTH, "p256dh"),
        ("BA" + "A" * 85, AUTH, "p256dh"),  # no point of the curve
        ("A" + P256DH[1:], AUTH, "p256dh"),  # the point at infinity, or a compressed one
        (P256DH, "", "auth"),
        (P256DH, "ä", "auth"),
        (P256DH, AUTH[:-4], "auth"),
        (P256DH, AUTH + "AAAA", "auth"),
        (P256DH, AUTH[:-1] + "*", "auth"),
    ],
)
def test_keys_that_are_none_of_a_browser_are_named_and_not_shown(
    p256dh: str, auth: str, name: str
) -> None:
    with pytest.raises(BadKeys) as refused:
        BrowserKeys.of(p256dh, auth)
    assert refused.value.name == name
    assert str(refused.value) == f"{name} is no key of a browser"


def test_keys_show_themselves_nowhere() -> None:
    assert repr(BrowserKeys.of(P256DH, AUTH)) == "BrowserKeys()"
