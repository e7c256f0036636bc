"""The settings have bounds, and their sources are checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from settings import Settings, SettingsError, load_settings
from settings_sources import _warn
from stack.run import DEMO_DEADLINES, DEMO_PRICES

DURATIONS = sorted(
    name for name, field in Settings.model_fields.items() if isinstance(field.default, timedelta)
)
PORTS = sorted(name for name in Settings.model_fields if name.endswith("_port"))


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the variables of the shell and any `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WAYBILL_{name.upper()}", raising=False)
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    _warn.cache_clear()
    yield
    load_settings.cache_clear()


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", ["-PT1S", "P4000D", "P999999999999D", "nan", "soon", ""])
def test_an_absurd_duration_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"WAYBILL_{name.upper()}", value)
    assert refusal().startswith(f"WAYBILL_{name.upper()}: Input should be ")


def test_the_message_names_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYBILL_PAYMENT_WINDOW", "P367D")
    assert refusal() == "WAYBILL_PAYMENT_WINDOW: Input should be less than or equal to 366 days"


@pytest.mark.parametrize("name", sorted(set(DURATIONS) - {"reconcile_every"}))
def test_milliseconds_are_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"WAYBILL_{name.upper()}", "PT0.001S")
    assert getattr(load_settings(), name) == timedelta(milliseconds=1)


def test_the_deadlines_of_the_demonstration_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DEMO_DEADLINES.items():
        monkeypatch.setenv(name, value)
    assert load_settings().return_window == timedelta(seconds=5)


def test_prices_are_free_of_shipping_tax_and_discounts_by_default() -> None:
    settings = load_settings()
    assert (settings.shipping_price, settings.free_shipping_from) == ({}, {})
    assert (settings.tax_percent, settings.discount_codes) == (Decimal(0), {})


def test_amounts_and_percentages_are_listed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYBILL_SHIPPING_PRICE", " EUR=490, JPY = 800 ,")
    monkeypatch.setenv("WAYBILL_TAX_PERCENT", "7.7")
    monkeypatch.setenv("WAYBILL_DISCOUNT_CODES", "WELCOME=10,FRIENDS-2=12.5")
    settings = load_settings()
    assert settings.shipping_price == {"EUR": 490, "JPY": 800}
    assert settings.tax_percent == Decimal("7.7")
    assert settings.discount_codes == {"WELCOME": Decimal(10), "FRIENDS-2": Decimal("12.5")}


def test_the_prices_of_the_demonstration_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DEMO_PRICES.items():
        monkeypatch.setenv(name, value)
    assert load_settings().discount_codes == {"WELCOME": Decimal("7.5")}


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SHIPPING_PRICE", "490", "must be a list such as EUR=490,JPY=800"),
        ("SHIPPING_PRICE", "EUR=490,EUR=500", "must hold each name once"),
        ("SHIPPING_PRICE", "EUR=4.90", "Input should be a valid integer"),
        ("SHIPPING_PRICE", "EUR=-1", "Input should be greater than or equal to 0"),
        ("SHIPPING_PRICE", "eur=490", "String should match pattern"),
        ("FREE_SHIPPING_FROM", "EUR=", "Input should be a valid integer"),
        ("FREE_SHIPPING_FROM", "EUR=1000000000001", "Input should be less than or equal to"),
        ("TAX_PERCENT", "-1", "Input should be greater than or equal to 0"),
        ("TAX_PERCENT", "100.01", "Input should be less than or equal to 100"),
        ("TAX_PERCENT", "19.00001", "Decimal input should have no more than 4 decimal places"),
        ("TAX_PERCENT", "NaN", "Input should be a finite number"),
        ("TAX_PERCENT", "19%", "Input should be a valid decimal"),
        ("DISCOUNT_CODES", "WELCOME", "must be a list such as EUR=490,JPY=800"),
        ("DISCOUNT_CODES", "WELCOME=101", "Input should be less than or equal to 100"),
        ("DISCOUNT_CODES", "TWO WORDS=10", "String should match pattern"),
        ("DISCOUNT_CODES", "=10", "String should match pattern"),
    ],
)
def test_a_price_that_is_none_is_refused_by_name(
    name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"WAYBILL_{name}", value)
    assert refusal().startswith(f"WAYBILL_{name}: {fault}")


def test_a_list_of_replicas_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAYBILL_QUERY_DATABASE_URL", "postgresql://u:secret@a,b/waybill")
    assert refusal() == (
        "WAYBILL_QUERY_DATABASE_URL: must name one server: replicas are not equally far"
    )


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("value", ["0", "-1", "65536", "http", ""])
def test_a_port_out_of_range_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in {"monitoring_port", "worker_http_port"} and value == "0":
        value = "-2"  # 0 means that there is no separate port
    monkeypatch.setenv(f"WAYBILL_{name.upper()}", value)
    assert refusal().startswith(f"WAYBILL_{name.upper()}: Input should be ")


@pytest.mark.parametrize("name", ["task_queue", "temporal_namespace", "simulator_host"])
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "must not be empty"),
        (" ", "must be at most 200 letters, digits, and any of . _ : / -"),
        ("a\nb", "must be at most 200 letters, digits, and any of . _ : / -"),
        ("a" * 201, "must be at most 200 letters, digits, and any of . _ : / -"),
    ],
)
def test_a_name_that_no_server_would_take_is_refused(
    name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"WAYBILL_{name.upper()}", value)
    assert refusal() == f"WAYBILL_{name.upper()}: {fault}"


def test_a_stack_env_is_refused_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack.env").write_text("WAYBILL_JWT_SECRET=of-development\n")
    monkeypatch.setenv("WAYBILL_ENVIRONMENT", "production")
    monkeypatch.setenv("WAYBILL_ALLOW_TEST_PROVIDERS", "true")
    assert refusal() == (
        f"WAYBILL_ENVIRONMENT is production, and {tmp_path / 'stack.env'} holds the secrets of a "
        "development stack: remove that file, or set WAYBILL_DATA_DIR to another folder"
    )


@pytest.mark.parametrize("source", ["environment", ".env", "stack.env"])
def test_a_mistyped_variable_is_a_warning_with_the_closest_name(
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if source == "environment":
        monkeypatch.setenv("WAYBILL_HTPP_PORT", "hidden")
    else:
        (tmp_path / source).write_text("WAYBILL_HTPP_PORT=hidden\nOTHER=1\n")

    assert load_settings().http_port == 8000

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            "WAYBILL_HTPP_PORT is not a setting and has no effect: did you mean WAYBILL_HTTP_PORT?",
        )
    ]


def test_an_unknown_variable_warns_and_names_the_list_of_settings(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WAYBILL_0123456789ABCDEFXYZ", "1")
    load_settings()
    (message,) = caplog.messages
    assert message == (
        "WAYBILL_0123456789ABCDEFXYZ is not a setting and has no effect: "
        "see .env.example for all settings"
    )


def test_settings_in_any_case_and_compose_passwords_cause_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("waybill_http_port", "8001")
    (tmp_path / ".env").write_text("WAYBILL_POSTGRES_PASSWORD=x\nWAYBILL_BUS=memory\n")
    assert load_settings().http_port == 8001
    assert caplog.messages == []


def test_the_variables_of_the_command_line_cause_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WAYBILL_URL", "https://waybill.example")
    monkeypatch.setenv("WAYBILL_TOKEN", "a.token")
    load_settings()
    assert caplog.messages == []


def test_a_file_that_is_no_text_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"WAYBILL_JWT_SECRET=\xff\xfe\n")
    assert refusal() == f".env or {tmp_path / 'stack.env'} is not UTF-8: write it anew"
