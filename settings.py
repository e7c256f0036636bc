"""Every setting of every process, read from `WAYBILL_*` variables, `.env` and the embedded stack.

The embedded stack writes the addresses and secrets it made to `<DATA_DIR>/stack.env`, so that
`python worker.py` or `python -m api` in another terminal finds it. Precedence, highest first: the
environment, `.env`, `stack.env`, the defaults below.
"""

from __future__ import annotations

import logging
import os
import re
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from database_url import DatabaseUrl
from settings_sources import warn_of_unknown
from settings_values import (
    AmountByCurrency,
    CurrencySet,
    Percent,
    PercentByCode,
    mailbox,
    mailboxes,
)

logger = logging.getLogger("waybill.settings")

STACK_ENV_FILE = "stack.env"

Port = Annotated[int, Field(ge=1, le=65535)]
Timeout = Annotated[timedelta, Field(ge=timedelta(milliseconds=1), le=timedelta(days=31))]
"""The time that a call is waited for or retried before an operator is needed."""
Window = Annotated[timedelta, Field(ge=timedelta(milliseconds=1), le=timedelta(days=366))]
"""The time that an order may stay in one state."""
Delay = Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=1))]
"""The time that a simulator waits."""


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Bus(StrEnum):
    MEMORY = "memory"
    NATS = "nats"
    KAFKA = "kafka"


class SaslMechanism(StrEnum):
    """Kafka's names of the ways in which a client proves its name; empty: it need not."""

    NONE = ""
    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class DatabaseRole(StrEnum):
    """The processes that connect to PostgreSQL; migration 0010 grants the rights of each."""

    APPEND = "append"
    API = "api"
    PROJECTIONS = "projections"
    MIGRATION = "migration"

    @property
    def group(self) -> str:
        """The PostgreSQL role that logins of this kind are members of; none for the owner."""
        return f"waybill_{self}"

    @property
    def setting(self) -> str:
        return "database_url" if self is DatabaseRole.APPEND else f"{self}_database_url"


class SettingsError(Exception):
    """A setting is missing or unusable; the message names it and says what to do."""


class Settings(BaseSettings):
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

    http_port: Port = 8000
    temporal_port: Port = 7233
    temporal_ui_port: Port = 8233
    postgres_port: Port = 5433
    nats_port: Port = 4223
    nats_monitor_port: Port = 8223
    payment_simulator_port: Port = 8101
    carrier_simulator_port: Port = 8102
    smtp_port: Port = 1026
    """The local mail server of the embedded stack."""
    mail_sink_port: Port = 8103
    """The page on which the mails that it took are read."""

    database_url: SecretStr = SecretStr("")
    """The URL for the workers, which append. The next three are for other processes; an empty one
    falls back to this one."""
    api_database_url: SecretStr = SecretStr("")
    projections_database_url: SecretStr = SecretStr("")
    query_database_url: SecretStr = SecretStr("")
    """A streaming replica from which the API's queries and subscriptions read, with the rights of
    the API. Empty means that they read from the API's own URL."""
    query_max_lag: Timeout = timedelta(seconds=10)
    """The time that the replica may be behind. After it, the primary serves all reads."""
    migration_database_url: SecretStr = SecretStr("")
    temporal_address: str = ""
    temporal_namespace: str = "default"
    temporal_tls: bool = False
    """Encrypt the connections to Temporal, and check its certificate and host name."""
    temporal_tls_ca_file: str = ""
    """A PEM file of the authorities of that certificate; empty: those that the machine trusts."""
    temporal_tls_certificate_file: str = ""
    """A PEM file of this client's own certificate, as Temporal Cloud asks for with mTLS."""
    temporal_tls_key_file: str = ""
    temporal_api_key: SecretStr = SecretStr("")
    """The key of a service account of Temporal Cloud, where it is to be used instead of mTLS."""
    task_queue: str = "waybill"
    bus: Bus = Bus.NATS
    nats_url: str = ""
    kafka_bootstrap: str = ""
    """Brokers of Kafka, comma-separated, each as `host:port`: the client finds the others."""
    kafka_tls: bool = False
    """Encrypt the connections to Kafka, and check the brokers' certificates and host names."""
    kafka_tls_ca_file: str = ""
    """A PEM file of the authorities of those certificates; empty: those that the machine trusts."""
    kafka_tls_certificate_file: str = ""
    """A PEM file of this client's own certificate, for brokers that ask for one."""
    kafka_tls_key_file: str = ""
    kafka_tls_key_password: SecretStr = SecretStr("")
    kafka_sasl_mechanism: SaslMechanism = SaslMechanism.NONE
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")

    rate_limit_per_principal: int = Field(100, ge=0, le=1_000_000)
    """Requests a second of one signed-in user, to one API process; 0 sets no limit."""
    rate_limit_per_address: int = Field(300, ge=0, le=1_000_000)
    """The same for one address, signed in or not. Webhooks and probes are not counted."""
    api_drain: timedelta = Field(timedelta(seconds=1), ge=timedelta(0), le=timedelta(minutes=5))
    """The time for which an API that got SIGTERM still serves requests, while `/readyz` is 503."""
    monitoring_host: str = "127.0.0.1"
    monitoring_port: int = Field(0, ge=0, le=65535)
    """The port that then serves `/healthz`, `/readyz` and `/metrics` alone; 0 means the API's
    port."""
    worker_http_port: int = Field(0, ge=0, le=65535)
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
    temporal_ui_origin: str = ""
    """The origin of Temporal's Web UI, the only one that may call the codec endpoint from a
    browser.

    Empty means the embedded stack's.
    """

    public_stock_limit: int = Field(10, ge=1, le=1_000_000)
    """The largest stock that customers see: a larger one is shown as this number or more."""

    shipping_price: AmountByCurrency = {}
    """The net price of the shipping of an order, in minor units: `EUR=490,JPY=800`.

    It is 0 in a currency that is not named.
    """
    free_shipping_from: AmountByCurrency = {}
    """The net price of the goods, after the discount, from which the shipping is free."""
    tax_percent: Percent = Decimal(0)
    """The rate of tax on the lines and the shipping. All prices are net."""
    discount_codes: PercentByCode = {}
    """The percentage by which each code reduces the price of the lines: `WELCOME=10,FRIENDS=20`."""

    payment_url: str = ""
    """Base URL of the payment provider's API; empty means the provider's own public one."""
    payment_return_url: str = ""
    """The shop's page that a customer returns to after 3-D Secure.

    Without it Stripe gives no address to send the customer to.
    """
    payment_api_key: SecretStr = SecretStr("")
    payment_webhook_secret: SecretStr = SecretStr("")
    payment_settlement_currencies: CurrencySet = frozenset()
    """The currencies that the payment provider pays out to the shop in: `EUR,USD`.

    The provider's minimums hold for orders in these currencies. Empty: each currency is paid out
    in itself.
    """
    payment_minimums: AmountByCurrency = {}
    """The smallest totals by currency, in minor units, where they differ from the provider's own.

    0 leaves the decision to the provider.
    """
    payment_maximums: AmountByCurrency = {}
    """The largest totals by currency, in minor units, where they differ from the provider's own."""
    carrier_url: str = ""
    carrier_api_key: SecretStr = SecretStr("")
    carrier_webhook_secret: SecretStr = SecretStr("")
    """Base64 of random bytes, as Standard Webhooks requires; `whsec_` may precede it."""

    smtp_url: SecretStr = SecretStr("")
    """The mail server: smtp://user:password@host:587 or smtps://. Empty: no mail is sent."""
    mail_from: str = ""
    """The sender of all mails, such as `Shop <shop@example.com>`."""
    public_url: str = ""
    """The URL at which the customers reach the API, for the links to unsubscribe."""
    vapid_private_key: SecretStr = SecretStr("")
    """Base64url of a private key of P-256: signs the requests to push services (RFC 8292).

    Without it and the next one, no push message is sent.
    """
    vapid_subject: str = ""
    """The contact of the operator for push services: `mailto:` and an address, or `https://`."""

    operator_email: str = ""
    """The addresses, comma-separated, of the operators who are notified by mail. Empty: none."""
    operator_webhook_url: SecretStr = SecretStr("")
    """The URL that is notified of what needs an operator. Empty: none."""
    operator_webhook_secret: SecretStr = SecretStr("")
    """The secret that signs these webhooks, as that of the carrier."""
    operator_remind_after: Timeout = timedelta(hours=1)
    """The time after which an open notice that no operator has acknowledged is said once more."""

    simulator_host: str = "127.0.0.1"
    """The address that the simulators listen on: they trust every client."""
    payment_simulator_webhook_url: str = ""
    """The URL that the simulators send their webhooks to; empty means none."""
    carrier_simulator_webhook_url: str = ""
    carrier_dispatch_after: Delay = timedelta(seconds=3)
    """The time from the creation of a parcel to its dispatch by the carrier simulator."""
    carrier_deliver_after: Delay = timedelta(seconds=6)
    """The time from the dispatch of a parcel to its delivery by the carrier simulator."""
    simulator_hang: Delay = timedelta(seconds=12)
    """The time that the simulator delays an answer that is meant to time out."""

    provider_timeout: Timeout = timedelta(minutes=10)
    """The time that a step on the forward path retries a provider that does not answer."""
    breaker_calls: int = Field(20, ge=20)
    """The number of the latest calls to a provider by which a process judges that it is down."""
    breaker_failure_rate: float = Field(0.5, gt=0, le=1)
    """The share of these calls without an answer (a time-out, no connection, a 5xx) that pauses all
    calls."""
    breaker_pause: Timeout = timedelta(seconds=5)
    """The shortest time from such a pause's start to the next attempt; the longest is twice as
    long."""
    undo_timeout: Timeout = timedelta(hours=1)
    """The same for a call that must succeed: then the saga parks and waits for an operator."""
    parked_retry: Timeout = timedelta(minutes=15)
    """The pause before the first retry of a parked step that was not refused. Later ones grow."""
    backorder_deadline: Window = timedelta(days=14)
    """The time that an order waits for the stock it lacks, if its customer wants that."""
    payment_window: Window = timedelta(hours=24)
    """The time that a customer has to provide a working payment, from the first attempt."""
    payment_hold: Window = timedelta(days=7)
    """The time for which a hold lasts when the payment provider does not name its end."""
    dispatch_deadline: Window = timedelta(days=3)
    delivery_deadline: Window = timedelta(days=14)
    return_window: timedelta = Field(timedelta(days=30), ge=timedelta(0), le=timedelta(days=366))
    """The time after the delivery in which a customer may return goods; 0 allows no returns."""
    return_delivery_deadline: Window = timedelta(days=21)
    """The time that the goods of a return may be on their way back."""

    projection_max_lag: Timeout = timedelta(seconds=30)
    """The lag of a projection behind the log from which the service counts as degraded."""

    worker_build_id: str = ""
    """The build id of this worker's code; empty means that it is not versioned.

    The embedded stack derives it from the code.
    """
    reconcile_every: timedelta = Field(
        timedelta(seconds=30), ge=timedelta(seconds=1), le=timedelta(days=1)
    )
    """The interval at which the log is compared with Temporal and the providers' records."""
    reconcile_grace: timedelta = Field(
        timedelta(seconds=10), ge=timedelta(0), le=timedelta(hours=1)
    )
    """The time that a change may take before it counts as missed."""
    reconcile_batch: int = Field(200, ge=1, le=1000)
    """The number of changed orders, at most, that one run compares at the providers. A quarter as
    many unchanged orders are compared too."""

    @field_validator("*")
    @classmethod
    def _database_url_is_usable(cls, value: object, info: ValidationInfo) -> object:
        is_url = (info.field_name or "").endswith("database_url")
        if is_url and isinstance(value, SecretStr) and value:
            DatabaseUrl.parse(value.get_secret_value())
        return value

    @field_validator("query_database_url")
    @classmethod
    def _names_one_replica(cls, value: SecretStr) -> SecretStr:
        if value and len(DatabaseUrl.parse(value.get_secret_value()).servers) > 1:
            # One statement could read the head of a replica and the next one an older replica.
            raise ValueError("must name one server: replicas are not equally far")
        return value

    @field_validator(
        "payment_url",
        "payment_return_url",
        "carrier_url",
        "payment_simulator_webhook_url",
        "carrier_simulator_webhook_url",
        "public_url",
        "temporal_ui_origin",
    )
    @classmethod
    def _is_http_url(cls, value: str) -> str:
        return _url(value, "http", "https")

    @field_validator("nats_url")
    @classmethod
    def _is_nats_url(cls, value: str) -> str:
        return _url(value, "nats", "tls", "ws", "wss")

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp_url(cls, value: SecretStr) -> SecretStr:
        _url(value.get_secret_value(), "smtp", "smtps")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_mailbox(cls, value: str) -> str:
        if value:
            mailbox(value)
        return value

    @field_validator("operator_email")
    @classmethod
    def _is_list_of_mailboxes(cls, value: str) -> str:
        try:
            mailboxes(value)
        except ValueError:
            raise ValueError(
                "must be an address such as ops@example.com, or several of them with commas between"
            ) from None
        return value

    @field_validator("vapid_subject")
    @classmethod
    def _is_contact(cls, value: str) -> str:
        if value.startswith("mailto:"):
            mailbox(value.removeprefix("mailto:"))
            return value
        try:
            return _url(value, "https")
        except ValueError:
            raise ValueError("must be mailto: and an address, or begin with https://") from None

    @field_validator("temporal_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not _names_port(value):
            raise ValueError("must be host:port")
        return value

    @field_validator("kafka_bootstrap")
    @classmethod
    def _is_list_of_addresses(cls, value: str) -> str:
        addresses = [address.strip() for address in value.split(",")]
        if value and not all(map(_names_port, addresses)):
            raise ValueError("must be host:port, or several of them with commas between")
        return ",".join(addresses)

    @field_validator("task_queue", "temporal_namespace", "simulator_host", "worker_build_id")
    @classmethod
    def _is_name(cls, value: str, info: ValidationInfo) -> str:
        if not (value or info.field_name == "worker_build_id"):
            raise ValueError("must not be empty")
        if not _NAME.fullmatch(value):
            raise ValueError("must be at most 200 letters, digits, and any of . _ : / -")
        return value

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

_NAME = re.compile(r"[\w.:/-]{0,200}", re.ASCII)


def _url(value: str, *schemes: str) -> str:
    """Return the value if it is empty or a URL of one of these schemes. Raises ValueError
    otherwise."""
    scheme, _, rest = value.partition(":")
    if value and (scheme not in schemes or not _has_host(rest)):
        raise ValueError(f"must be a URL that begins with {schemes[0]}://")
    return value


def _names_port(address: str) -> bool:
    """Return whether the text is host:port, and nothing else such as a password."""
    url = f"//{address}"
    return (
        _has_host(url)
        and urlsplit(url).port is not None
        and urlsplit(url).netloc == address
        and "@" not in address
    )


def _has_host(url: str) -> bool:
    """Return whether the URL names a host and no invalid port."""
    try:
        return urlsplit(url).port != 0 and urlsplit(url).hostname is not None and " " not in url
    except ValueError:
        return False


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
