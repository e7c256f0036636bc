"""The connection to Kafka: the client's settings, and its errors as those of the bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, TopicMetadata

from eventbus.errors import BusError, BusRefusal, BusUnavailable
from settings import SettingsError

ANSWER_TIMEOUT: Final = timedelta(seconds=2)
MAX_RECONNECT_PAUSE: Final = timedelta(milliseconds=500)
PLAINTEXT: Final[Mapping[str, str]] = {}
"""The client's settings for a connection without TLS and without SASL."""
_EMERGENCIES: Final = 0
"""The level of the client's own log. It returns as an error what it would log."""

_SETTINGS: Final = {"ssl.ca.location": "WAYBILL_KAFKA_TLS_CA_FILE"}
"""The client's name of a setting that its errors mention."""

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)


class KafkaConnection:
    """Ask the brokers for what concerns no single producer or consumer."""

    def __init__(self, bootstrap: str, security: Mapping[str, str] = PLAINTEXT) -> None:
        self._bootstrap = bootstrap
        self._security = security
        self._refusal: KafkaError | None = None
        """Why the last handshake failed. The client reports it apart from what it returns."""
        self._admin: AdminClient | None = AdminClient(self.config)

    @classmethod
    async def connect(cls, bootstrap: str, security: Mapping[str, str] = PLAINTEXT) -> Self:
        """Connect and wait for an answer.

        Raises BusUnavailable within seconds, or SettingsError for a wrong name or password.
        """
        connection = cls(bootstrap, security)
        try:
            await connection.ask(known_topics)
        except BusUnavailable:
            if (refusal := connection._refusal) and refusal.code() == KafkaError._AUTHENTICATION:
                raise SettingsError(
                    "WAYBILL_KAFKA_USERNAME and WAYBILL_KAFKA_PASSWORD: "
                    f"Kafka at {bootstrap} refuses them: {_described(refusal)}"
                ) from None
            raise
        return connection

    @property
    def config(self) -> dict[str, Any]:
        """The settings that every client of these brokers has."""
        return {
            "bootstrap.servers": self._bootstrap,
            "client.id": "waybill",
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": milliseconds(MAX_RECONNECT_PAUSE),
            "socket.connection.setup.timeout.ms": milliseconds(ANSWER_TIMEOUT),
            "logger": logger,
            "log_level": _EMERGENCIES,
            "error_cb": self._report,
            **self._security,
        }

    async def ask(
        self, question: Callable[Concatenate[AdminClient, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call the function in a thread, with a client for it. Raises BusError."""
        if (admin := self._admin) is None:
            raise self.unavailable("the bus is closed")
        self._refusal = None
        try:
            return await asyncio.to_thread(question, admin, *args, **kwargs)
        except KafkaException as error:
            raise self.fault(self._explained(admin, error.args[0])) from None

    def _explained(self, admin: AdminClient, error: KafkaError) -> KafkaError:
        """Return why the last handshake failed, if the error says only that nothing answers."""
        admin.poll(0)  # it calls _report
        return self._refusal or error if error.code() < 0 else error

    def close(self) -> None:
        """Let the client go; its threads end without an answer of the brokers."""
        self._admin = None

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise BusError for every error of the client."""
        try:
            yield
        except KafkaException as error:
            raise self.fault(error.args[0]) from None

    def fault(self, error: KafkaError) -> BusError:
        """Return the error of the bus that this error of the client means."""
        if error.fatal():
            return self.unavailable(f"it refuses the producer's sequence: {error.name()}")
        if error.code() < 0 or error.retriable():
            return self.unavailable(_described(error))
        return BusRefusal(f"Kafka at {self._bootstrap} refuses: {_described(error)}")

    def unavailable(self, cause: str) -> BusUnavailable:
        return BusUnavailable(f"Kafka at {self._bootstrap} does not answer: {cause}")

    def _report(self, error: KafkaError) -> None:
        if error.code() in {KafkaError._AUTHENTICATION, KafkaError._SSL}:
            self._refusal = error
        logger.debug("Kafka at %s: %s", self._bootstrap, _described(error))


async def ask(bootstrap: str, security: Mapping[str, str] = PLAINTEXT) -> None:
    """Connect once and wait for an answer. Raises BusUnavailable within seconds, or
    SettingsError."""
    (await KafkaConnection.connect(bootstrap, security)).close()


def known_topics(admin: AdminClient) -> dict[str, TopicMetadata]:
    """Return all topics by name. It creates none. Raises KafkaException."""
    return admin.list_topics(timeout=ANSWER_TIMEOUT.total_seconds()).topics


def cluster_id(admin: AdminClient) -> str:
    """Raises KafkaException."""
    cluster = admin.describe_cluster(request_timeout=ANSWER_TIMEOUT.total_seconds()).result()
    return str(cluster.cluster_id)


def milliseconds(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)


def _described(error: KafkaError) -> str:
    text = " ".join(error.str().split())
    for name, setting in _SETTINGS.items():
        text = text.replace(name, setting)
    return f"{error.name().removeprefix('_')}: {text}"
