"""A worker checks its settings before it starts."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from roles.provider_clients import Providers
from settings import Settings, SettingsError

URL = "https://payments.example"


def settings(payment_url: str, return_url: str) -> Settings:
    return Settings(
        payment_url=payment_url,
        payment_return_url=return_url,
        payment_api_key=SecretStr("key-of-payments"),
        carrier_url="https://carrier.example",
        carrier_api_key=SecretStr("key-of-carrier"),
        _env_file=None,
    )


def test_stripe_is_not_called_without_a_return_url() -> None:
    with pytest.raises(SettingsError) as error:
        Providers(settings("", ""))

    assert str(error.value).startswith("WAYBILL_PAYMENT_RETURN_URL is not set")


@pytest.mark.parametrize(("url", "return_url"), [("", "https://shop.example"), (URL, "")])
async def test_stripe_with_a_return_url_and_any_replacement_are_called(
    url: str, return_url: str
) -> None:
    await Providers(settings(url, return_url)).aclose()
