"""TLS and API keys: how Temporal and its clients prove themselves to each other."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.service import TLSConfig

from settings import Settings, SettingsError

_NEEDS: Final = (
    ("temporal_tls_ca_file", "temporal_tls"),
    ("temporal_tls_certificate_file", "temporal_tls"),
    ("temporal_tls_certificate_file", "temporal_tls_key_file"),
    ("temporal_tls_key_file", "temporal_tls_certificate_file"),
    ("temporal_api_key", "temporal_tls"),  # it would be sent in clear
)
"""Pairs of settings: the first one has no effect, or is not safe, without the second one."""


@dataclass(frozen=True)
class Security:
    """What the SDK's client takes."""

    tls: TLSConfig | bool
    api_key: str | None


def security_of(settings: Settings) -> Security:
    """Return how to connect to Temporal.

    Raises SettingsError that names the setting, and shows no value.
    """
    for name, needed in _NEEDS:
        if getattr(settings, name) and not getattr(settings, needed):
            raise SettingsError(f"{_variable(name)} needs {_variable(needed)}: set both or neither")
    if not settings.temporal_tls:
        return Security(tls=False, api_key=None)
    _check_files(settings)
    return Security(
        tls=TLSConfig(
            server_root_ca_cert=_content(settings.temporal_tls_ca_file),
            client_cert=_content(settings.temporal_tls_certificate_file),
            client_private_key=_content(settings.temporal_tls_key_file),
        ),
        api_key=settings.temporal_api_key.get_secret_value() or None,
    )


def _check_files(settings: Settings) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.temporal_tls_ca_file:
        try:
            context.load_verify_locations(settings.temporal_tls_ca_file)
        except OSError:  # also an SSLError
            raise SettingsError(
                f"{_variable('temporal_tls_ca_file')} must name a PEM file of certificates that "
                "this process can read"
            ) from None
    if settings.temporal_tls_certificate_file:
        try:
            context.load_cert_chain(
                settings.temporal_tls_certificate_file, settings.temporal_tls_key_file, password=""
            )
        except OSError:
            raise SettingsError(
                f"{_variable('temporal_tls_certificate_file')} and "
                f"{_variable('temporal_tls_key_file')} must name the PEM files of a certificate "
                "and of its key, without a password, that this process can read"
            ) from None


def _content(file: str) -> bytes | None:
    return Path(file).read_bytes() if file else None


def _variable(name: str) -> str:
    return f"WAYBILL_{name.upper()}"
