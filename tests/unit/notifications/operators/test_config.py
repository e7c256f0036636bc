"""Each channel to operators is off unless it is set, and a wrong setting is refused by its name."""

from __future__ import annotations

import base64
import os

import pytest
from pydantic import SecretStr, ValidationError

from notifications.operators import config
from notifications.webhooks.client import WebhookClient
from roles.notifications import operator_channels
from roles.role import Role
from settings import Settings, SettingsError
from worker import check_settings as check_worker

SECRET = f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
URL = "https://hooks.example.com/ops?token=hidden"
MAIL = {"smtp_url": "smtp://mail.example", "mail_from": "shop@shop.example"}
KEYS = {name: base64.b64encode(os.urandom(32)).decode() for name in ("master_key", "search_key")}


def given(**values: object) -> Settings:
    return Settings.model_validate(values)


@pytest.fixture
async def client() -> WebhookClient:
    return WebhookClient(may_be_loopback=False)


async def test_without_settings_each_channel_is_off_and_says_so(
    client: WebhookClient, caplog: pytest.LogCaptureFixture
) -> None:
    config.check_settings(given())
    with caplog.at_level("INFO"):
        assert operator_channels(given(), client) == []
    assert caplog.messages == [
        "operators get no mail: WAYBILL_OPERATOR_EMAIL is not set",
        "operators get no webhook: WAYBILL_OPERATOR_WEBHOOK_URL is not set",
    ]


async def test_each_address_is_a_target_of_its_own_that_shows_no_address(
    client: WebhookClient,
) -> None:
    settings = given(
        operator_email="ops@a.example, On call <oncall@b.example>,OPS@a.example",
        operator_webhook_url=SecretStr(URL),
        operator_webhook_secret=SecretStr(SECRET),
        **MAIL,
    )
    config.check_settings(settings)
    first, second, webhook = [channel.target for channel in operator_channels(settings, client)]
    assert first != second
    assert webhook == "webhook"
    assert "ops" not in first
    assert "example" not in first + second


@pytest.mark.parametrize("value", ["ops", "ops@a.example,", "a@b.example;c@d.example", "a b@c.d,x"])
def test_what_is_no_list_of_addresses_is_refused(value: str) -> None:
    with pytest.raises(ValidationError) as error:
        given(operator_email=value)
    [fault] = error.value.errors(include_input=False)
    assert fault["loc"] == ("operator_email",)
    assert "must be an address such as ops@example.com" in fault["msg"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"operator_email": "ops@a.example"},
            "WAYBILL_SMTP_URL is not set: WAYBILL_OPERATOR_EMAIL needs it",
        ),
        (
            {"operator_email": "ops@a.example", "smtp_url": "smtp://mail.example"},
            "WAYBILL_MAIL_FROM is not set: WAYBILL_OPERATOR_EMAIL needs it",
        ),
        (
            {"operator_email": "ops@-.example", **MAIL},
            "WAYBILL_OPERATOR_EMAIL: the domain of an address is none",
        ),
        (
            {"operator_webhook_url": URL},
            "WAYBILL_OPERATOR_WEBHOOK_SECRET is not set: WAYBILL_OPERATOR_WEBHOOK_URL needs it",
        ),
        (
            {"operator_webhook_secret": SECRET},
            "WAYBILL_OPERATOR_WEBHOOK_URL is not set: WAYBILL_OPERATOR_WEBHOOK_SECRET signs",
        ),
        (
            {"operator_webhook_url": URL, "operator_webhook_secret": "whsec_c2hvcnQ="},
            "WAYBILL_OPERATOR_WEBHOOK_SECRET must be whsec_ and the Base64",
        ),
        (
            {"operator_webhook_url": "http://a.example", "operator_webhook_secret": SECRET},
            "WAYBILL_OPERATOR_WEBHOOK_URL: requests are sent by https only",
        ),
        (
            {"operator_webhook_url": "https://u:p@a.example", "operator_webhook_secret": SECRET},
            "WAYBILL_OPERATOR_WEBHOOK_URL: leave user and password out",
        ),
        (
            {"operator_webhook_url": "https://10.0.0.1/x", "operator_webhook_secret": SECRET},
            "WAYBILL_OPERATOR_WEBHOOK_URL: the address is not public",
        ),
        (
            {"operator_webhook_url": "http://127.0.0.1/x", "operator_webhook_secret": SECRET},
            "WAYBILL_OPERATOR_WEBHOOK_URL: requests are sent by https only",
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(values: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as error:
        config.check_settings(given(**values))
    assert str(error.value).startswith(says)


def test_loopback_is_accepted_where_it_is_allowed() -> None:
    config.check_settings(
        given(
            operator_webhook_url="http://127.0.0.1:9000/hook",
            operator_webhook_secret=SECRET,
            allow_loopback_webhooks=True,
        )
    )


def test_the_worker_refuses_a_secret_that_it_has_already() -> None:
    settings = given(
        database_url="postgresql://append@db/waybill",
        **KEYS,
        operator_webhook_url=URL,
        operator_webhook_secret=KEYS["master_key"],
    )
    with pytest.raises(SettingsError) as error:
        check_worker(settings, [Role.NOTIFICATIONS])
    assert "WAYBILL_OPERATOR_WEBHOOK_SECRET hold the same value" in str(error.value)


def test_no_error_and_no_setting_shows_the_url_or_the_secret() -> None:
    settings = given(operator_webhook_url=URL, operator_webhook_secret=SECRET)
    assert "hidden" not in repr(settings)
    assert SECRET not in repr(settings)
