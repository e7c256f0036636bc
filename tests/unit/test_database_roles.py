"""Each process connects by the URL of its role."""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Iterator

import pytest

import settings as settings_module
from settings import DatabaseRole, Settings, SettingsError

APPEND_URL = "postgresql+asyncpg://append@db/waybill"
OTHERS = [role for role in DatabaseRole if role is not DatabaseRole.APPEND]
SECRET = base64.b64encode(os.urandom(32)).decode()
PRODUCTION = {
    "environment": "production",
    "jwt_secret": SECRET,
    "payload_key": SECRET,
    "payment_webhook_secret": SECRET,
    "carrier_webhook_secret": SECRET,
}


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WAYBILL_{name.upper()}", raising=False)
    settings_module._warn_of_fallback.cache_clear()
    yield
    settings_module._warn_of_fallback.cache_clear()


def given(**values: str) -> Settings:
    return Settings.model_validate(values)


@pytest.mark.parametrize("role", OTHERS)
def test_a_role_with_its_own_url_uses_it(
    role: DatabaseRole, caplog: pytest.LogCaptureFixture
) -> None:
    own = f"postgresql+asyncpg://{role}@db/waybill"
    urls = {"database_url": APPEND_URL, f"{role}_database_url": own}
    assert given(**urls, **PRODUCTION).url_of(role) == own
    assert given(**urls).url_of(DatabaseRole.APPEND) == APPEND_URL
    assert caplog.records == []


@pytest.mark.parametrize("role", OTHERS)
def test_a_role_without_a_url_falls_back_and_warns_once_in_production(
    role: DatabaseRole, caplog: pytest.LogCaptureFixture
) -> None:
    settings = given(database_url=APPEND_URL, **PRODUCTION)
    assert [settings.url_of(role) for _ in range(2)] == [APPEND_URL, APPEND_URL]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"WAYBILL_{role.upper()}_DATABASE_URL is not set")
    assert "db/waybill" not in record.getMessage()


def test_the_fallback_is_silent_in_development(caplog: pytest.LogCaptureFixture) -> None:
    assert given(database_url=APPEND_URL).url_of(DatabaseRole.API) == APPEND_URL
    assert caplog.records == []


@pytest.mark.parametrize("role", list(DatabaseRole))
def test_a_missing_url_is_named(role: DatabaseRole) -> None:
    with pytest.raises(SettingsError, match="WAYBILL_DATABASE_URL is not set"):
        given().url_of(role)


def test_another_roles_url_is_never_used_for_appends() -> None:
    settings = given(api_database_url="postgresql+asyncpg://api@db/waybill")
    with pytest.raises(SettingsError, match="WAYBILL_DATABASE_URL is not set"):
        settings.url_of(DatabaseRole.APPEND)
