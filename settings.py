"""Every setting of every process, read from `WAYBILL_*` variables, `.env` and the embedded stack.

The embedded stack writes the addresses and secrets it made to `<DATA_DIR>/stack.env`, so that
`python worker.py` or `python -m api` in another terminal finds it. Precedence, highest first: the
environment, `.env`, `stack.env`, the defaults below.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, SettingsConfigDict

from settings_choices import Bus, DatabaseRole, Environment, LogLevel, SaslMechanism
from settings_sagas import SagaSettings
from settings_servers import ServerSettings
from settings_shop import ShopSettings
from settings_sources import warn_of_unknown
from settings_values import HttpUrl, OptionalPort

__all__ = [
    "STACK_ENV_FILE",
    "Bus",
    "DatabaseRole",
    "Environment",
    "LogLevel",
    "SaslMechanism",
    "Settings",
    "SettingsError",
    "load_settings",
]

logger = logging.getLogger("waybill.settings")

STACK_ENV_FILE = "stack.env"


class SettingsError(Exception):
    """A setting is missing or unusable; the message names it and says what to do."""


class Settings(ServerSettings, ShopSettings, SagaSettings):
    model_config = SettingsConfigDict(
        env_prefix="WAYBILL_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    allow_test_providers: bool = False
    """Accept test keys, http:// providers and simulators in production: for a staging system."""
    allow_loopback_webhooks: bool = False
    """Send webhooks to this machine too, also without TLS: for development and tests."""
    data_dir: Path = Path(".waybill")
    log_level: LogLevel = LogLevel.INFO
    """Lines below it are not written. In production each line is JSON, else text."""

    rate_limit_per_principal: int = Field(100, ge=0, le=1_000_000)
    """Requests a second of one signed-in user, to one API process; 0 sets no limit."""
    rate_limit_per_address: int = Field(300, ge=0, le=1_000_000)
    """The same for one address, signed in or not. Webhooks and probes are not counted."""
    api_drain: timedelta = Field(timedelta(seconds=1), ge=timedelta(0), le=timedelta(minutes=5))
    """The time for which an API that got SIGTERM still serves requests, while `/readyz` is 503."""
    monitoring_host: str = "127.0.0.1"
    monitoring_port: OptionalPort = 0
    """The port that then serves `/healthz`, `/readyz` and `/metrics` alone; 0 means the API's
    port."""
    worker_http_port: OptionalPort = 0
    """The port on which a worker serves the same; 0 means none. Its address is that of
    `monitoring_host`."""
    trusted_proxies: str = ""
    """Networks, comma-separated, whose `X-Forwarded-For` names the client's address."""

    jwt_secret: SecretStr = SecretStr("")
    payload_key: SecretStr = SecretStr("")
    """Base64 of 32 random bytes: encrypts what Temporal stores (AES-256-GCM).

    The key that encrypts the positions of the API is derived from it.
    """
    retired_payload_keys: SecretStr = SecretStr("")
    """The previous payload keys, comma-separated: they still decrypt."""
    master_key: SecretStr = SecretStr("")
    """Base64 of 32 random bytes: wraps the keys that encrypt personal data.

    The workers seal by it, and the API opens by it what a viewer may see.
    """
    retired_master_keys: SecretStr = SecretStr("")
    """The previous master keys, comma-separated, until `python -m eventstore.privacy rotate`."""
    search_key: SecretStr = SecretStr("")
    """Base64 of 32 random bytes: makes the digests by which staff find personal data.

    The workers write the digests of orders, and the API makes that of a search.
    """
    temporal_ui_origin: HttpUrl = ""
    """The origin of Temporal's Web UI, the only one that may call the codec endpoint from a
    browser.

    Empty means the embedded stack's.
    """

    @property
    def is_strict(self) -> bool:
        """True in production, except for a staging system."""
        return self.environment is Environment.PRODUCTION and not self.allow_test_providers

    def url_of(self, role: DatabaseRole) -> str:
        """Return the database URL of this role, or the appending role's where it has none.

        Raises SettingsError when both are empty.
        """
        own: SecretStr = getattr(self, role.setting)
        if not own:
            self.require("database_url")
            if self.environment is Environment.PRODUCTION:
                _warn_of_fallback(role)
        return (own or self.database_url).get_secret_value()

    def require(self, *names: str) -> None:
        """Raise SettingsError naming the first of these settings that is empty."""
        for name in names:
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            if not text:
                raise SettingsError(f"WAYBILL_{name.upper()} is not set: {self._remedy(name)}")

    def _remedy(self, name: str) -> str:
        if name in _NOT_OF_THE_STACK:
            return "set it"
        stack_env = self.data_dir / STACK_ENV_FILE
        return f"set it, or start the embedded stack with `make run` (it writes {stack_env})"


_NOT_OF_THE_STACK = frozenset({"kafka_bootstrap"})
"""What the embedded stack does not have, so that it writes no setting for it."""


@cache
def _warn_of_fallback(role: DatabaseRole) -> None:
    """Warn once in each process."""
    logger.warning(
        "WAYBILL_%s is not set: this process connects by WAYBILL_DATABASE_URL, with the rights of "
        "another role",
        role.setting.upper(),
    )


@cache
def load_settings() -> Settings:
    """Return the settings of this process. Raises SettingsError, which never holds a value."""
    stack_env = Path(os.environ.get("WAYBILL_DATA_DIR", ".waybill")) / STACK_ENV_FILE
    files = (stack_env, ".env")
    try:
        written = DotEnvSettingsSource(Settings, env_file=files).env_vars
        warn_of_unknown([*os.environ, *written], Settings.model_fields)
        settings = Settings(_env_file=files)
    except ValidationError as error:
        raise SettingsError("; ".join(_describe(error))) from None
    except UnicodeDecodeError:
        raise SettingsError(f".env or {stack_env} is not UTF-8: write it anew") from None
    except OSError as error:
        raise SettingsError(f"{error.filename} cannot be read: {error.strerror}") from None
    if settings.environment is Environment.PRODUCTION and stack_env.exists():
        raise SettingsError(
            f"WAYBILL_ENVIRONMENT is production, and {stack_env} holds the secrets of a "
            "development stack: remove that file, or set WAYBILL_DATA_DIR to another folder"
        )
    return settings


def _describe(error: ValidationError) -> list[str]:
    return [
        " ".join(
            filter(
                None,
                [
                    f"WAYBILL_{e['loc'][0]}".upper() + ":" if e["loc"] else "",
                    e["msg"].removeprefix("Value error, "),
                ],
            )
        )
        for e in error.errors(include_input=False, include_context=False)
    ]
