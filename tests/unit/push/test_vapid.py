"""A request to a push service is signed as RFC 8292 says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr, ValidationError

from notifications.push.config import vapid_of
from notifications.push.encryption import CURVE
from notifications.push.vapid import origin_of
from settings import Settings, SettingsError
from stack.environment import SECRETS
from tests.support.push import VAPID_KEY, VAPID_SUBJECT, a_vapid
from tests.unit.push.test_encryption import P256DH, read

RFC_PRIVATE_KEY = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
"""The key of the browser in RFC 8291, whose public key the text shows."""
KEYS = {
    "master_key": SecretStr("TWFzdGVyS2V5TWFzdGVyS2V5QWJjZGVmZ2hpamtsbW4="),
    "search_key": SecretStr("U2VhcmNoS2V5U2VhcmNoS2V5QWJjZGVmZ2hpamtsbW4="),
}


def settings(**given: object) -> Settings:
    return Settings.model_validate({**KEYS, **given})


def test_the_public_key_belongs_to_the_private_one() -> None:
    assert a_vapid(RFC_PRIVATE_KEY).public_key == P256DH


def test_the_header_holds_a_token_for_the_origin_that_the_public_key_verifies() -> None:
    vapid = a_vapid()
    scheme, _, rest = vapid.authorization("https://push.example:8443/a/b?c=d").partition(" ")
    token, key = (part.strip().partition("=")[2] for part in rest.split(","))
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, read(key))
    claims = jwt.decode(token, public, ["ES256"], audience="https://push.example:8443")

    assert (scheme, key) == ("vapid", vapid.public_key)
    assert claims["sub"] == VAPID_SUBJECT
    lifetime = datetime.fromtimestamp(claims["exp"], UTC) - datetime.now(UTC)
    assert timedelta(hours=11) < lifetime <= timedelta(hours=12)
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "ES256"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://push.example/a", "https://push.example"),
        ("HTTPS://Push.Example:443/a", "https://push.example"),
        ("https://push.example:8443/a", "https://push.example:8443"),
        ("http://127.0.0.1:80/a", "http://127.0.0.1"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443"),
    ],
)
def test_an_origin_has_neither_path_nor_default_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_push_is_off_without_both_settings() -> None:
    assert vapid_of(settings()) is None


def test_the_settings_of_push_switch_it_on() -> None:
    vapid = vapid_of(settings(vapid_private_key=VAPID_KEY, vapid_subject=VAPID_SUBJECT))
    assert vapid is not None
    assert vapid.public_key == a_vapid().public_key


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"vapid_private_key": VAPID_KEY}, "WAYBILL_VAPID_SUBJECT"),
        ({"vapid_subject": VAPID_SUBJECT}, "WAYBILL_VAPID_PRIVATE_KEY"),
    ],
)
def test_one_setting_of_push_alone_is_refused(given: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{named} is not set"):
        vapid_of(settings(**given))


@pytest.mark.parametrize(
    "key", ["no key", "A" * 43, VAPID_KEY[:-4], VAPID_KEY + "AAAA", "_" * 43, P256DH]
)
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^WAYBILL_VAPID_PRIVATE_KEY must be") as refused:
        vapid_of(settings(vapid_private_key=key, vapid_subject=VAPID_SUBJECT))
    assert key not in str(refused.value)


def test_a_key_that_is_another_secret_too_is_refused() -> None:
    with pytest.raises(SettingsError, match="hold the same value"):
        vapid_of(
            settings(
                vapid_private_key=KEYS["master_key"].get_secret_value(),
                vapid_subject=VAPID_SUBJECT,
            )
        )


@pytest.mark.parametrize("subject", ["ops@shop.example", "http://shop.example", "mailto:", "x"])
def test_a_subject_that_is_no_contact_is_refused(subject: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        settings(vapid_subject=subject)


def test_the_embedded_stack_makes_a_key_that_is_taken() -> None:
    for _ in range(50):
        assert a_vapid(SECRETS["WAYBILL_VAPID_PRIVATE_KEY"]()).public_key
