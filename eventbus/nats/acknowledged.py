"""Send messages to JetStream and take its acknowledgements, over one inbox.

The client's own `publish` takes a subscription's task for each message, and its `publish_async`
loses the answer when JetStream refuses a message (nats-py 2.16).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Final, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NoStreamResponseError

PUBLISH_TIMEOUT: Final = timedelta(seconds=5)
"""The time within which JetStream acknowledges a message."""
_NO_RESPONDERS: Final = "503"


class Acknowledgement(NamedTuple):
    sequence: int
    is_duplicate: bool
    """JetStream has a message with this id already, under this sequence."""


Answered = Callable[[Acknowledgement | Exception], None]


class _Sent(NamedTuple):
    deadline: float
    answered: Answered


class _Outgoing(NamedTuple):
    reply: str
    subject: str
    body: bytes
    headers: dict[str, str]


class Acknowledged:
    """Messages of one client on their way. One task sends them, and one timer limits their time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._numbers = count()
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[_Outgoing] = deque()
        self._sent: dict[str, _Sent] = {}
        """The messages that wait for their answers, the oldest first."""
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_subscribed = False

    def __len__(self) -> int:
        """Return the number of messages that wait for their answers."""
        return len(self._sent)

    def send(self, subject: str, body: bytes, headers: dict[str, str], answered: Answered) -> None:
        """Send the message soon, behind those before it.

        `answered` is called once: with the answer of JetStream, an error of the client, or a
        TimeoutError.
        """
        reply = f"{self._inbox}.{next(self._numbers)}"
        deadline = self._loop.time() + PUBLISH_TIMEOUT.total_seconds()
        self._sent[reply] = _Sent(deadline, answered)
        self._outgoing.append(_Outgoing(reply, subject, body, headers))
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._expire)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._outgoing:
                message = self._outgoing.popleft()
                if message.reply in self._sent:
                    await self._publish(message)
        finally:
            self._sending = None

    async def _publish(self, message: _Outgoing) -> None:
        reply, subject, body, headers = message
        try:
            if not self._is_subscribed:
                await self._client.subscribe(f"{self._inbox}.*", cb=self._receive)
                self._is_subscribed = True
            await self._client.publish(subject, body, reply=reply, headers=headers)
        except Exception as error:  # noqa: BLE001 - the sender of the message gets it
            self._answer(reply, error)

    def _expire(self) -> None:
        """Give up the messages that have waited too long."""
        now = self._loop.time()
        for reply in [reply for reply, sent in self._sent.items() if sent.deadline <= now]:
            self._answer(reply, TimeoutError())
        oldest = next(iter(self._sent.values()), None)
        self._timer = oldest and self._loop.call_at(oldest.deadline, self._expire)

    async def _receive(self, message: Msg) -> None:
        self._answer(message.subject, _read(message.headers or {}, message.data))

    def _answer(self, reply: str, answer: Acknowledgement | Exception) -> None:
        if (sent := self._sent.pop(reply, None)) is not None:
            sent.answered(answer)


def _read(headers: Mapping[str, str], body: bytes) -> Acknowledgement | Exception:
    if headers.get("Status") == _NO_RESPONDERS:
        return NoStreamResponseError()
    answer = json.loads(body)
    if "error" in answer:
        return _error(answer["error"])
    return Acknowledgement(answer["seq"], answer.get("duplicate", False))


def _error(answer: dict[str, object]) -> Exception:
    try:
        APIError.from_error(answer)
    except APIError as error:
        return error
    return APIError()
