"""TLS and SASL by setting: what Kafka's client is given, and which combinations are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from eventbus.buses import check_settings
from eventbus.kafka.security import security_of
from settings import Bus, Environment, Settings, SettingsError
from tests.integration.connections.authority import Authority

LOGIN = {"kafka_username": "ada", "kafka_password": "a secret"}
KEY_PASSWORD = {"kafka_tls_key_password": "a secret"}
SCRAM = {"kafka_sasl_mechanism": "SCRAM-SHA-512", **LOGIN}


def settings(**changes: object) -> Settings:
    needed: dict[str, Any] = {"bus": Bus.KAFKA, "kafka_bootstrap": "kafka:9092", "_env_file": None}
    return Settings(**needed | changes)


def refusal(**changes: object) -> str:
    with pytest.raises(SettingsError) as refused:
        check_settings(settings(**changes))
    assert "a secret" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The files of a client with its own certificate."""
    authority = Authority(tmp_path, "root")
    certificate, key = authority.issue("waybill", tmp_path)
    return {
        "kafka_tls_ca_file": str(authority.root),
        "kafka_tls_certificate_file": str(certificate),
        "kafka_tls_key_file": str(key),
    }


def test_a_connection_has_neither_tls_nor_sasl_by_default() -> None:
    assert security_of(settings()) == {"security.protocol": "PLAINTEXT"}


def test_tls_alone_trusts_the_authorities_of_the_machine() -> None:
    assert security_of(settings(kafka_tls=True)) == {"security.protocol": "SSL"}


def test_the_client_gets_every_setting_of_tls_and_sasl(files: dict[str, str]) -> None:
    assert security_of(settings(kafka_tls=True, **files, **SCRAM)) == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": files["kafka_tls_ca_file"],
        "ssl.certificate.location": files["kafka_tls_certificate_file"],
        "ssl.key.location": files["kafka_tls_key_file"],
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ada",
        "sasl.password": "a secret",
    }


def test_a_key_with_a_password_is_read_with_it(files: dict[str, str]) -> None:
    file = Path(files["kafka_tls_key_file"])
    key = load_pem_private_key(file.read_bytes(), None)
    secret = BestAvailableEncryption(b"a secret")
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    config = security_of(settings(kafka_tls=True, **files, **KEY_PASSWORD))
    assert config["ssl.key.password"] == "a secret"
    for password in ({}, {"kafka_tls_key_password": "another one"}):
        assert refusal(kafka_tls=True, **files, **password).startswith(
            "WAYBILL_KAFKA_TLS_CERTIFICATE_FILE and WAYBILL_KAFKA_TLS_KEY_FILE must name the PEM"
        )


@pytest.mark.parametrize(
    ("changes", "name", "needed"),
    [
        ({"kafka_tls_ca_file": "/ca.pem"}, "TLS_CA_FILE", "TLS"),
        ({"kafka_tls_certificate_file": "/c.pem"}, "TLS_CERTIFICATE_FILE", "TLS"),
        (
            {"kafka_tls": True, "kafka_tls_certificate_file": "/c.pem"},
            *("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE"),
        ),
        (
            {"kafka_tls": True, "kafka_tls_key_file": "/k.pem"},
            *("TLS_KEY_FILE", "TLS_CERTIFICATE_FILE"),
        ),
        (
            {"kafka_tls": True, "kafka_tls_key_password": "a secret"},
            *("TLS_KEY_PASSWORD", "TLS_KEY_FILE"),
        ),
        ({"kafka_sasl_mechanism": "PLAIN"}, "SASL_MECHANISM", "USERNAME"),
        (
            {"kafka_sasl_mechanism": "PLAIN", "kafka_username": "ada"},
            *("SASL_MECHANISM", "PASSWORD"),
        ),
        ({"kafka_username": "ada"}, "USERNAME", "SASL_MECHANISM"),
        ({"kafka_password": "a secret"}, "PASSWORD", "SASL_MECHANISM"),
    ],
)
def test_a_setting_without_the_one_that_it_needs_is_refused_by_name(
    changes: dict[str, object], name: str, needed: str
) -> None:
    assert refusal(**changes) == (
        f"WAYBILL_KAFKA_{name} needs WAYBILL_KAFKA_{needed}: set both or neither"
    )


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_authorities_that_is_none_is_refused(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    assert refusal(kafka_tls=True, kafka_tls_ca_file=str(file)) == (
        "WAYBILL_KAFKA_TLS_CA_FILE must name a PEM file of certificates that this process can read"
    )


def test_a_key_of_another_certificate_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    _, other = Authority(folder, "other").issue("waybill", folder)
    said = refusal(kafka_tls=True, **files | {"kafka_tls_key_file": str(other)})
    assert said.startswith("WAYBILL_KAFKA_TLS_CERTIFICATE_FILE and WAYBILL_KAFKA_TLS_KEY_FILE must")


def test_a_password_in_clear_is_refused_in_production_alone() -> None:
    plain: dict[str, object] = {"kafka_sasl_mechanism": "PLAIN", **LOGIN}
    assert security_of(settings(**plain))["security.protocol"] == "SASL_PLAINTEXT"
    production = {"environment": Environment.PRODUCTION}
    assert refusal(**plain, **production) == (
        "WAYBILL_KAFKA_SASL_MECHANISM is PLAIN, which sends the password in clear: "
        "set WAYBILL_KAFKA_TLS=true in production"
    )
    assert security_of(settings(**plain, **production, kafka_tls=True))["sasl.mechanism"] == "PLAIN"
    assert security_of(settings(**SCRAM, **production))["security.protocol"] == "SASL_PLAINTEXT"


def test_an_unknown_mechanism_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="kafka_sasl_mechanism"):
        settings(kafka_sasl_mechanism="GSSAPI")


def test_another_bus_does_not_read_the_settings_of_kafka() -> None:
    check_settings(settings(bus=Bus.MEMORY, kafka_username="ada"))


def test_no_password_is_shown_by_the_settings() -> None:
    shown = repr(settings(**SCRAM, **KEY_PASSWORD))
    assert "a secret" not in shown
