"""A process refuses wrong secrets and providers, in these words."""

from __future__ import annotations

import base64
import os
import secrets
from typing import Final

import pytest

from api.app import REQUIRED
from notifications.mail.smtp import SmtpServer
from roles.role import Role
from settings import Bus, Environment, Settings, SettingsError
from settings_checks import check, check_simulators_allowed
from stack.environment import SECRETS
from worker import check_settings

RANDOM: Final = "must be at least 32 random characters (openssl rand -hex 32)"
ISSUED: Final = "must be the key that the provider issued"
STANDARD_WEBHOOKS: Final = (
    "must be whsec_ and the Base64 of at least 24 random bytes (openssl rand -base64 32)"
)
STAGING: Final = ": for a staging system, set WAYBILL_ALLOW_TEST_PROVIDERS=true"
ALL: Final = (*REQUIRED, "payment_api_key")
DEVELOPMENT, PRODUCTION = Environment.DEVELOPMENT, Environment.PRODUCTION


def sound(**changes: object) -> Settings:
    """Return valid production settings of every process at once, with these changes."""
    made = {name.removeprefix("WAYBILL_").lower(): make() for name, make in SECRETS.items()}
    values: dict[str, object] = {
        "environment": PRODUCTION,
        "bus": Bus.MEMORY,
        "database_url": "postgresql://u:p@127.0.0.1/d",
        "temporal_address": "127.0.0.1:7233",
        "nats_url": "nats://127.0.0.1:4222",
        "carrier_url": "https://carrier.example",
        "payment_return_url": "https://shop.example",
        "vapid_subject": "mailto:orders@shop.example",
        **made,
        "payment_api_key": f"sk_live_{secrets.token_hex(16)}",
    }
    return Settings.model_validate({**values, **changes})


def refusal(settings: Settings, *names: str) -> str:
    with pytest.raises(SettingsError) as caught:
        check(settings, *names)
    return str(caught.value)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_sound_settings_pass_in_production() -> None:
    check(sound(), *ALL)


@pytest.mark.parametrize("environment", [DEVELOPMENT, PRODUCTION])
@pytest.mark.parametrize(
    ("name", "value", "demand"),
    [
        ("jwt_secret", " " * 32, RANDOM),
        ("jwt_secret", "a" * 64, RANDOM),
        ("jwt_secret", "ab" * 32, RANDOM),
        ("jwt_secret", "abcdefgh", RANDOM),
        ("jwt_secret", "a" + " " * 40 + "b", RANDOM),
        ("jwt_secret", " " * 30 + "abcdefghijkl", RANDOM),
        ("payment_webhook_secret", "whsec_" + "x" * 32, RANDOM),
        ("payment_webhook_secret", "whsec_short", RANDOM),
        ("carrier_webhook_secret", " " * 32, STANDARD_WEBHOOKS),
        ("carrier_webhook_secret", "whsec_", STANDARD_WEBHOOKS),
        ("carrier_webhook_secret", "not Base64, but long enough for one", STANDARD_WEBHOOKS),
        ("carrier_webhook_secret", "whsec_ø" + "a" * 39, STANDARD_WEBHOOKS),
        ("carrier_webhook_secret", base64_of(bytes(range(23))), STANDARD_WEBHOOKS),
        ("carrier_webhook_secret", base64_of(bytes(32)), STANDARD_WEBHOOKS),
        ("payment_api_key", " " * 32, ISSUED),
        ("carrier_api_key", "0" * 32, ISSUED),
    ],
)
def test_a_weak_secret_is_refused_by_its_name_everywhere(
    environment: Environment, name: str, value: str, demand: str
) -> None:
    settings = sound(environment=environment, **{name: value})
    assert refusal(settings, *ALL) == f"WAYBILL_{name.upper()} {demand}"


def test_a_process_does_not_check_a_secret_that_it_does_not_use() -> None:
    worker = {"jwt_secret": " " * 32, "payment_webhook_secret": "", "carrier_webhook_secret": "?"}
    check_settings(sound(**worker), list(Role))
    api = {"database_url": "", "payment_api_key": ""}
    check(sound(**api), *REQUIRED)


def test_a_worker_without_sagas_needs_no_providers() -> None:
    settings = sound(payment_api_key="", carrier_url="", payload_key="")
    check_settings(settings, [Role.RELAY, Role.HEAD])


def test_only_a_worker_with_projections_needs_the_search_key() -> None:
    settings = sound(search_key="")
    check_settings(settings, [Role.SAGAS, Role.RELAY, Role.HEAD])
    with pytest.raises(SettingsError, match="WAYBILL_SEARCH_KEY is not set"):
        check_settings(settings, [Role.PROJECTIONS])
    with pytest.raises(SettingsError, match="WAYBILL_SEARCH_KEY holds no key"):
        check_settings(sound(search_key="short"), [Role.PROJECTIONS])
    with pytest.raises(SettingsError, match="WAYBILL_SEARCH_KEY is not set"):
        check(settings, *REQUIRED)


MAIL: Final = {
    "smtp_url": "smtps://shop:secret@mail.example",
    "mail_from": "Shop <orders@shop.example>",
    "public_url": "https://shop.example",
}


def test_a_worker_sends_mails_only_where_a_mail_server_is_set() -> None:
    check_settings(sound(search_key="", mail_from=""), [Role.NOTIFICATIONS])
    check_settings(sound(**MAIL), [Role.NOTIFICATIONS])
    for name in ("mail_from", "public_url", "search_key"):
        with pytest.raises(SettingsError, match=f"WAYBILL_{name.upper()} is not set"):
            check_settings(sound(**MAIL | {name: ""}), [Role.NOTIFICATIONS])
        check_settings(sound(**MAIL | {name: ""}), [Role.RELAY, Role.HEAD])


def test_a_worker_sends_push_messages_only_where_both_settings_are_set() -> None:
    check_settings(sound(vapid_private_key="", vapid_subject=""), [Role.NOTIFICATIONS])
    for name in ("vapid_private_key", "vapid_subject"):
        with pytest.raises(SettingsError, match=f"WAYBILL_{name.upper()} is not set"):
            check_settings(sound(**{name: ""}), [Role.NOTIFICATIONS])
        check_settings(sound(**{name: ""}), [Role.RELAY, Role.HEAD])


def test_the_links_of_mails_lead_to_https_in_production() -> None:
    plain = MAIL | {"public_url": "http://shop.example"}
    with pytest.raises(SettingsError, match="WAYBILL_PUBLIC_URL must begin with https://"):
        check_settings(sound(**plain), [Role.NOTIFICATIONS])
    check_settings(sound(**plain, allow_test_providers=True), [Role.NOTIFICATIONS])


@pytest.mark.parametrize(
    ("url", "environment", "is_tls", "must_start_tls"),
    [
        ("smtps://mail.example", PRODUCTION, True, False),
        ("smtp://mail.example", PRODUCTION, False, True),
        ("smtp://mail.example", DEVELOPMENT, False, False),
        ("smtp://shop:secret@mail.example", DEVELOPMENT, False, True),
    ],
)
def test_production_and_a_password_need_an_encrypted_connection(
    url: str, environment: Environment, is_tls: bool, must_start_tls: bool
) -> None:
    server = SmtpServer.of(sound(**MAIL | {"smtp_url": url, "environment": environment}))
    assert (server.is_tls, server.must_start_tls) == (is_tls, must_start_tls)
    assert "secret" not in repr(server)


KEY: Final = os.urandom(32)


@pytest.mark.parametrize(
    ("first", "second", "values"),
    [
        ("jwt_secret", "payload_key", (base64_of(KEY), base64_of(KEY))),
        ("payload_key", "carrier_webhook_secret", (base64_of(KEY), f"whsec_{base64_of(KEY)}")),
        ("payload_key", "master_key", (base64_of(KEY), f" {base64_of(KEY)}")),
        ("master_key", "search_key", (base64_of(KEY), base64_of(KEY))),
        ("carrier_api_key", "payment_api_key", ("key-of-both", "key-of-both")),
    ],
)
def test_one_value_for_two_secrets_is_refused_by_both_names(
    first: str, second: str, values: tuple[str, str]
) -> None:
    settings = sound(**{first: values[0], second: values[1]})
    assert refusal(settings, *ALL) == (
        f"WAYBILL_{first.upper()} and WAYBILL_{second.upper()} hold the same value: "
        "give each secret its own"
    )
    check(settings, first)
    check(settings, second)


def test_a_retired_key_that_is_another_secret_is_refused() -> None:
    settings = sound(retired_payload_keys=f"{base64_of(KEY)},", master_key=base64_of(KEY))
    assert refusal(settings, *ALL) == (
        "WAYBILL_RETIRED_PAYLOAD_KEYS and WAYBILL_MASTER_KEY hold the same value: "
        "give each secret its own"
    )


def test_a_key_may_be_among_its_own_retired_keys_while_it_changes() -> None:
    check(sound(payload_key=base64_of(KEY), retired_payload_keys=base64_of(KEY)), *ALL)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("carrier_url", "http://carrier.example", "must begin with https:// in production"),
        ("payment_url", "http://127.0.0.1:8101", "must begin with https:// in production"),
        ("payment_api_key", "sk_test_1234", "is a test key, which production does not take"),
        ("payment_api_key", "sk_org_test_1234", "is a test key, which production does not take"),
        ("payment_api_key", " rk_test_1234", "is a test key, which production does not take"),
    ],
)
def test_test_providers_are_refused_in_production_unless_they_are_allowed(
    name: str, value: str, fault: str
) -> None:
    changes = {name: value}
    assert refusal(sound(**changes), *ALL) == f"WAYBILL_{name.upper()} {fault}{STAGING}"
    check(sound(**changes, allow_test_providers=True), *ALL)
    check(sound(**changes, environment=DEVELOPMENT), *ALL)


def test_a_process_that_calls_no_provider_does_not_check_its_url() -> None:
    check(sound(payment_url="http://127.0.0.1:8101", payment_api_key="sk_test_1234"), *REQUIRED)


def test_a_simulator_is_refused_in_production_unless_it_is_allowed() -> None:
    with pytest.raises(SettingsError) as caught:
        check_simulators_allowed(sound())
    assert str(caught.value) == (
        f"WAYBILL_ENVIRONMENT is production, where no simulator may run{STAGING}"
    )
    check_simulators_allowed(sound(allow_test_providers=True))
    check_simulators_allowed(sound(environment=DEVELOPMENT))


def test_webhooks_to_loopback_are_refused_in_production_even_for_staging() -> None:
    loopback = {"allow_loopback_webhooks": True, "allow_test_providers": True}
    assert refusal(sound(**loopback), *ALL) == (
        "WAYBILL_ALLOW_LOOPBACK_WEBHOOKS is for development alone: unset it"
    )
    check(sound(**loopback, environment=DEVELOPMENT), *ALL)
