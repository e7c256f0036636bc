"""The ports and the addresses of the servers, and the accounts there."""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from settings_choices import Bus, SaslMechanism
from settings_values import (
    Database,
    HostAndPort,
    HostsAndPorts,
    Name,
    NatsUrl,
    OneDatabase,
    Port,
    Timeout,
)


class ServerSettings(BaseSettings):
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

    database_url: Database = SecretStr("")
    """The URL for the workers, which append. The next three are for other processes; an empty one
    falls back to this one."""
    api_database_url: Database = SecretStr("")
    projections_database_url: Database = SecretStr("")
    query_database_url: OneDatabase = SecretStr("")
    """A streaming replica from which the API's queries and subscriptions read, with the rights of
    the API. Empty means that they read from the API's own URL."""
    query_max_lag: Timeout = timedelta(seconds=10)
    """The time that the replica may be behind. After it, the primary serves all reads."""
    migration_database_url: Database = SecretStr("")
    temporal_address: HostAndPort = ""
    temporal_namespace: Name = "default"
    temporal_tls: bool = False
    """Encrypt the connections to Temporal, and check its certificate and host name."""
    temporal_tls_ca_file: str = ""
    """A PEM file of the authorities of that certificate; empty: those that the machine trusts."""
    temporal_tls_certificate_file: str = ""
    """A PEM file of this client's own certificate, as Temporal Cloud asks for with mTLS."""
    temporal_tls_key_file: str = ""
    temporal_api_key: SecretStr = SecretStr("")
    """The key of a service account of Temporal Cloud, where it is to be used instead of mTLS."""
    task_queue: Name = "waybill"
    bus: Bus = Bus.NATS
    nats_url: NatsUrl = ""
    kafka_bootstrap: HostsAndPorts = ""
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
