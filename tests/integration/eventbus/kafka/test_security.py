"""Kafka is reached over TLS and with a password, and what cannot be proved is refused.

noida-db has no TLS and takes any password: a proxy in front of it asks for both.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from eventbus.buses import opened_bus, require_answer
from eventbus.errors import BusUnavailable
from kit.pool import Pool
from settings import Bus, Settings, SettingsError
from tests.integration.connections.authority import Authority
from tests.support.bus_world import GROUP, World, reserved
from tests.support.consuming import CREATE, Effects
from tests.support.kafka import KafkaBroker
from tests.support.kafka_proxy import KafkaProxy, kafka_proxy

PASSWORD = "of the broker"  # noqa: S105 - of a proxy that ends with the test


@dataclass
class Guarded:
    """A broker that asks for a certificate and a password, and a client that has them."""

    proxy: KafkaProxy
    client: dict[str, Any]

    def settings(self, **changes: object) -> Settings:
        return Settings(**self.client | changes)


@pytest.fixture
async def guarded(kafka: KafkaBroker, tmp_path: Path) -> AsyncIterator[Guarded]:
    authority = Authority(tmp_path, "root")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost", tmp_path))
    context.load_verify_locations(authority.root)
    context.verify_mode = ssl.CERT_REQUIRED
    own = tmp_path / "client"
    own.mkdir()
    certificate, key = authority.issue("waybill", own)
    async with kafka_proxy(kafka.port, tls=context, password=PASSWORD) as proxy:
        client = {
            "bus": Bus.KAFKA,
            "kafka_bootstrap": proxy.bootstrap,
            "kafka_tls": True,
            "kafka_tls_ca_file": str(authority.root),
            "kafka_tls_certificate_file": str(certificate),
            "kafka_tls_key_file": str(key),
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_username": "ada",
            "kafka_password": PASSWORD,
            "_env_file": None,
        }
        yield Guarded(proxy, client)


async def test_events_are_published_and_consumed_over_tls_with_a_password(
    guarded: Guarded, kafka: KafkaBroker, pool: Pool, owner: asyncpg.Connection
) -> None:
    await owner.execute(CREATE)
    await require_answer(guarded.settings())
    async with aclosing(await opened_bus(guarded.settings(), pool)) as bus:
        await bus.subscribe("*.*", Effects(GROUP), group=GROUP)
        await bus.holdings()
        world = World(pool, bus, kafka)
        await world.publish("order-1", *reserved(3))
        await world.has_versions({"order-1": [1, 2, 3]})
    assert set(guarded.proxy.tls_versions) == {"TLSv1.3"}
    assert len(await kafka.events()) == 3


async def test_a_wrong_password_names_its_settings_and_is_not_shown(
    guarded: Guarded, pool: Pool
) -> None:
    settings = guarded.settings(kafka_password="of another broker")  # noqa: S106
    for connecting in (require_answer(settings), opened_bus(settings, pool)):
        with pytest.raises(SettingsError) as refused:
            await connecting
        assert str(refused.value).startswith(
            "WAYBILL_KAFKA_USERNAME and WAYBILL_KAFKA_PASSWORD: "
            f"Kafka at {guarded.proxy.bootstrap} refuses them: AUTHENTICATION: "
        )
        assert "of another broker" not in str(refused.value)


async def test_a_broker_of_another_authority_is_refused(
    guarded: Guarded, pool: Pool, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    said = await unavailable(guarded.settings(kafka_tls_ca_file=str(other.root)), pool)
    assert "certificate verify failed" in said
    assert "verify that WAYBILL_KAFKA_TLS_CA_FILE is correctly configured" in said
    assert guarded.proxy.tls_versions == []


async def test_a_broker_with_the_certificate_of_another_host_is_refused(
    guarded: Guarded, pool: Pool
) -> None:
    bootstrap = f"127.0.0.1:{guarded.proxy.port}"
    said = await unavailable(guarded.settings(kafka_bootstrap=bootstrap), pool)
    assert said.startswith(f"Kafka at {bootstrap} does not answer: SSL: ")
    assert guarded.proxy.tls_versions == []


@pytest.mark.parametrize(
    "missing",
    [
        {"kafka_tls_certificate_file": "", "kafka_tls_key_file": ""},
        {
            "kafka_tls": False,
            **dict.fromkeys(("kafka_tls_ca_file", "kafka_tls_certificate_file"), ""),
            "kafka_tls_key_file": "",
        },
    ],
)
async def test_a_client_without_a_certificate_or_without_tls_gets_no_answer(
    guarded: Guarded, pool: Pool, missing: dict[str, object]
) -> None:
    said = await unavailable(guarded.settings(**missing), pool)
    assert said.startswith(f"Kafka at {guarded.proxy.bootstrap} does not answer: ")


async def unavailable(settings: Settings, pool: Pool) -> str:
    with pytest.raises(BusUnavailable) as refused:
        await opened_bus(settings, pool)
    return str(refused.value)
