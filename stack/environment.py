"""Write `stack.env`: the addresses and secrets of a data folder, for every process that uses it."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from settings import STACK_ENV_FILE, DatabaseRole, Settings
from stack.build import build_id
from stack.ports import LOOPBACK, Ports
from stack.postgres import LOGINS, database_url

Environment = dict[str, str]

PREFIX = "WAYBILL_"


def _token() -> str:
    return secrets.token_urlsafe(32)


def _base64_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _vapid_key() -> str:
    """Return a private key of P-256: almost every number of 32 bytes is one."""
    return base64.urlsafe_b64encode(b"\x01" + secrets.token_bytes(31)).rstrip(b"=").decode()


def _standard_webhooks_secret() -> str:
    return f"whsec_{_base64_key()}"


SECRETS: Mapping[str, Callable[[], str]] = {
    "WAYBILL_JWT_SECRET": _token,
    "WAYBILL_PAYLOAD_KEY": _base64_key,
    "WAYBILL_MASTER_KEY": _base64_key,
    "WAYBILL_SEARCH_KEY": _base64_key,
    "WAYBILL_PAYMENT_API_KEY": lambda: f"sk_test_{secrets.token_hex(16)}",
    "WAYBILL_PAYMENT_WEBHOOK_SECRET": lambda: f"whsec_{secrets.token_hex(32)}",
    "WAYBILL_CARRIER_API_KEY": _token,
    "WAYBILL_CARRIER_WEBHOOK_SECRET": _standard_webhooks_secret,
    "WAYBILL_VAPID_PRIVATE_KEY": _vapid_key,
}
"""The function that creates each secret at the first start. Later starts keep the secret."""


OUTSIDE = (
    *("WAYBILL_PAYMENT_URL", "WAYBILL_PAYMENT_RETURN_URL", "WAYBILL_CARRIER_URL"),
    *("WAYBILL_SMTP_URL", "WAYBILL_MAIL_FROM", "WAYBILL_PUBLIC_URL", "WAYBILL_VAPID_SUBJECT"),
    *("WAYBILL_OPERATOR_EMAIL", "WAYBILL_OPERATOR_WEBHOOK_URL", "WAYBILL_OPERATOR_WEBHOOK_SECRET"),
)
"""The addresses of the providers, of the mail server and of operators, and ours for push services.
A value from the user replaces the default, even if empty."""


SHOWN = ("WAYBILL_RETURN_WINDOW",)
"""What a client in another terminal shows of the user's options: `demo.watch`, until when."""


def stack_environment(
    data_dir: Path, ports: Ports, given: Mapping[str, str] | None = None
) -> Environment:
    """Write and return the addresses on these ports and this folder's secrets, new if missing.

    Of `given`, the addresses of providers count, for another terminal must reach the same ones,
    and what clients show.
    """
    file = data_dir / STACK_ENV_FILE
    kept = _read(file)
    environment = {
        **_database_urls(kept, ports.postgres_port),
        "WAYBILL_HTTP_PORT": str(ports.http_port),
        "WAYBILL_TEMPORAL_ADDRESS": f"{LOOPBACK}:{ports.temporal_port}",
        "WAYBILL_NATS_URL": f"nats://{LOOPBACK}:{ports.nats_port}",
        "WAYBILL_PAYMENT_URL": f"http://{LOOPBACK}:{ports.payment_simulator_port}",
        "WAYBILL_PAYMENT_RETURN_URL": f"http://{LOOPBACK}:{ports.http_port}/",
        "WAYBILL_CARRIER_URL": f"http://{LOOPBACK}:{ports.carrier_simulator_port}",
        "WAYBILL_SMTP_URL": f"smtp://{LOOPBACK}:{ports.smtp_port}",
        "WAYBILL_MAIL_FROM": "Waybill <orders@waybill.example>",
        "WAYBILL_PUBLIC_URL": f"http://{LOOPBACK}:{ports.http_port}",
        "WAYBILL_OPERATOR_EMAIL": "operators@waybill.example",
        "WAYBILL_OPERATOR_WEBHOOK_URL": "",
        "WAYBILL_OPERATOR_WEBHOOK_SECRET": "",
        "WAYBILL_VAPID_SUBJECT": "mailto:orders@waybill.example",
        "WAYBILL_WORKER_BUILD_ID": build_id(),
        "WAYBILL_ALLOW_LOOPBACK_WEBHOOKS": "true",
    }
    environment |= {n: value for n, value in (given or {}).items() if n in (*OUTSIDE, *SHOWN)}
    if not environment["WAYBILL_SMTP_URL"]:  # the user has switched mails off
        environment["WAYBILL_OPERATOR_EMAIL"] = ""
    environment |= {name: kept.get(name) or make() for name, make in SECRETS.items()}
    _write(file, environment)
    return environment


def _database_urls(kept: Environment, port: int) -> Environment:
    return {
        _variable(role): database_url(role, port, _password(kept, role) or _token())
        for role in DatabaseRole
    }


def database_urls(environment: Mapping[str, str]) -> dict[DatabaseRole, str]:
    return {role: environment[_variable(role)] for role in DatabaseRole}


def _password(kept: Environment, role: DatabaseRole) -> str | None:
    """Return the password of this role's login, from any of the URLs.

    A folder that is older than the roles has only the owner's URL, in the appending role's place.
    """
    urls = (urlsplit(kept.get(_variable(any_role), "")) for any_role in DatabaseRole)
    return next((url.password for url in urls if url.username == LOGINS[role]), None)


def _variable(role: DatabaseRole) -> str:
    return f"{PREFIX}{role.setting.upper()}"


def system_environment(
    data_dir: Path, ports: Ports, given: Mapping[str, str] | None = None
) -> Environment:
    """Return the environment of every process of one system.

    It takes options, secrets and the providers' addresses from `given`.
    """
    given = given or {}
    embedded = stack_environment(data_dir, ports, given)
    webhooks = f"http://{LOOPBACK}:{ports.http_port}/webhooks"
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {
        **outside,
        "WAYBILL_PAYMENT_SIMULATOR_WEBHOOK_URL": f"{webhooks}/payments",
        "WAYBILL_CARRIER_SIMULATOR_WEBHOOK_URL": f"{webhooks}/shipping",
        **given,
        **embedded,
        **{name: given[name] for name in SECRETS if given.get(name)},
        **ports.as_environment(),
        "WAYBILL_DATA_DIR": str(data_dir.resolve()),
    }


def ports_of_user(settings: Settings) -> Ports:
    """Return the ports that the user names, or the defaults.

    The settings may hold the HTTP port of the last start, which is for clients alone.
    """
    ports = Ports.of(settings)
    named = DotEnvSettingsSource(Settings, env_file=".env")() | EnvSettingsSource(Settings)()
    if "http_port" in named:
        return ports
    return replace(ports, http_port=Settings.model_fields["http_port"].default)


def given_by_user(settings: Settings) -> Environment:
    """Return the user's variables, their secrets from any source, and their providers' addresses.

    The settings cannot distinguish the user's providers from those of the last start.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    written = DotEnvSettingsSource(Settings, env_file=".env")()
    outside = {name: written[_field(name)] for name in OUTSIDE if _field(name) in written}
    secret = {name: getattr(settings, _field(name)) for name in SECRETS}
    return outside | variables | {n: v.get_secret_value() for n, v in secret.items() if v}


def _field(name: str) -> str:
    return name.removeprefix(PREFIX).lower()


def of_the_simulators(given: Environment) -> Environment:
    """Return the variables without the providers, so that the demonstration never calls them."""
    return {name: value for name, value in given.items() if name not in OUTSIDE}


def _read(file: Path) -> Environment:
    if not file.exists():
        return {}
    lines = [line for line in file.read_text().splitlines() if "=" in line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def _write(file: Path, environment: Environment) -> None:
    """Write the file atomically, and readable only by its owner."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as output:  # noqa: PTH123 - a path cannot open a descriptor
        output.write("# The embedded stack writes this file at each start. Keep it secret.\n")
        output.writelines(f"{name}={value}\n" for name, value in environment.items())
    unfinished.replace(file)
