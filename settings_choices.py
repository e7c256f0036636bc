"""The values of settings that are one of a few names."""

from __future__ import annotations

from enum import StrEnum


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
