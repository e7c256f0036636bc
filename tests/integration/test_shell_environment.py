"""The tests give the same result whatever the shell has exported."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

from settings import Settings
from settings_sources import PREFIX
from stack.processes import ROOT

PART: Final = (
    "tests/unit/test_settings_checks.py",
    "tests/unit/stack/test_stack_environment.py",
)
"""Quick tests that read settings."""

KEY: Final = base64.b64encode(b"a key of the shell, 32 bytes ok.").decode()
TEXTS: Final = {
    "database_url": "postgresql://elsewhere.example/other",
    "temporal_address": "elsewhere.example:7233",
    "nats_url": "nats://elsewhere.example:4222",
    "smtp_url": "smtps://elsewhere.example",
    "mail_from": "Shop <shop@elsewhere.example>",
    "url": "https://elsewhere.example/",
    "origin": "https://elsewhere.example",
    "proxies": "192.0.2.0/24",
    "host": "127.0.0.2",
    "key": KEY,
    "keys": KEY,
    "secret": f"whsec_{KEY}",
    "namespace": "elsewhere",
    "queue": "elsewhere",
    "build_id": "elsewhere",
    "shipping_price": "EUR=490",
    "shipping_from": "EUR=5000",
    "minimums": "EUR=100",
    "maximums": "EUR=100000",
    "currencies": "EUR,USD",
    "percent": "19",
    "codes": "WELCOME=10",
    "_bootstrap": "kafka.example:9092",
    "_file": "elsewhere.pem",
    "username": "elsewhere",
    "password": "elsewhere",
    "subject": "mailto:operators@elsewhere.example",
    "email": "operators@elsewhere.example",
    "failure_rate": "0.25",
}
"""The texts by the end of the setting's name; the first that fits is used."""


def another_value(name: str, default: object) -> str:
    """Return a valid value of the setting that is not its default."""
    match default:
        case bool():
            return str(not default)
        case StrEnum():
            return next(other for other in type(default) if other is not default)
        case int():
            return str(default + 1)
        case timedelta():
            return f"PT{int(default.total_seconds()) + 1}S"
        case Path():
            return "elsewhere"
        case _:
            return next(text for end, text in TEXTS.items() if name.endswith(end))


def every_setting_changed() -> dict[str, str]:
    return {
        f"{PREFIX}{name.upper()}": another_value(name, field.default)
        for name, field in Settings.model_fields.items()
    }


def test_every_setting_has_another_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in every_setting_changed().items():
        monkeypatch.setenv(name, value)
    changed = Settings()

    same = [
        name
        for name, field in Settings.model_fields.items()
        if getattr(changed, name) == field.default
    ]
    assert same == []


def test_the_tests_pass_where_the_shell_has_exported_every_setting() -> None:
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *PART],
        cwd=ROOT,
        env={**os.environ, **every_setting_changed()},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
