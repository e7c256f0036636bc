"""TLS and SASL: how Kafka's brokers and their clients prove themselves to each other."""

from __future__ import annotations

import ssl
from typing import Final

from settings import Environment, SaslMechanism, Settings, SettingsError

_NEEDS: Final = (
    ("kafka_tls_ca_file", "kafka_tls"),
    ("kafka_tls_certificate_file", "kafka_tls"),
    ("kafka_tls_certificate_file", "kafka_tls_key_file"),
    ("kafka_tls_key_file", "kafka_tls_certificate_file"),
    ("kafka_tls_key_password", "kafka_tls_key_file"),
    ("kafka_sasl_mechanism", "kafka_username"),
    ("kafka_sasl_mechanism", "kafka_password"),
    ("kafka_username", "kafka_sasl_mechanism"),
    ("kafka_password", "kafka_sasl_mechanism"),
)
"""Pairs of settings: the first one has no effect without the second one."""


def security_of(settings: Settings) -> dict[str, str]:
    """Return the client's settings for TLS and SASL.

    Raises SettingsError that names the setting, and shows no value.
    """
    for name, needed in _NEEDS:
        if getattr(settings, name) and not getattr(settings, needed):
            raise SettingsError(f"{_variable(name)} needs {_variable(needed)}: set both or neither")
    _check_mechanism(settings)
    _check_files(settings)
    mechanism = settings.kafka_sasl_mechanism
    transport = "SSL" if settings.kafka_tls else "PLAINTEXT"
    config = {
        "security.protocol": f"SASL_{transport}" if mechanism else transport,
        "ssl.ca.location": settings.kafka_tls_ca_file,
        "ssl.certificate.location": settings.kafka_tls_certificate_file,
        "ssl.key.location": settings.kafka_tls_key_file,
        "ssl.key.password": settings.kafka_tls_key_password.get_secret_value(),
        "sasl.mechanism": mechanism.value,
        "sasl.username": settings.kafka_username,
        "sasl.password": settings.kafka_password.get_secret_value(),
    }
    return {name: value for name, value in config.items() if value}


def _check_mechanism(settings: Settings) -> None:
    if (
        settings.kafka_sasl_mechanism is SaslMechanism.PLAIN
        and not settings.kafka_tls
        and settings.environment is Environment.PRODUCTION
    ):
        raise SettingsError(
            f"{_variable('kafka_sasl_mechanism')} is PLAIN, which sends the password in clear: "
            f"set {_variable('kafka_tls')}=true in production"
        )


def _check_files(settings: Settings) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.kafka_tls_ca_file:
        try:
            context.load_verify_locations(settings.kafka_tls_ca_file)
        except OSError:  # also an SSLError
            raise SettingsError(
                f"{_variable('kafka_tls_ca_file')} must name a PEM file of certificates that this "
                "process can read"
            ) from None
    if settings.kafka_tls_certificate_file:
        certificate, key = settings.kafka_tls_certificate_file, settings.kafka_tls_key_file
        try:
            context.load_cert_chain(
                certificate, key, settings.kafka_tls_key_password.get_secret_value()
            )
        except OSError:
            raise SettingsError(
                f"{_variable('kafka_tls_certificate_file')} and {_variable('kafka_tls_key_file')} "
                "must name the PEM files of a certificate and of its key that this process can "
                f"read, with the key's password in {_variable('kafka_tls_key_password')}"
            ) from None


def _variable(name: str) -> str:
    return f"WAYBILL_{name.upper()}"
