"""Publish messages and wait for the acknowledgements of JetStream, over one inbox.

The client's own `publish` takes a subscription's task for each message, and its `publish_async`
loses the answer when JetStream refuses a message (nats-py 2.16).
"""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from eventbus.nats.names import STREAM

_NO_RESPONDERS: Final = "503"


class Acknowledged:
    """Messages of one client on their way."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._numbers = count()
        self._waiting: dict[str, asyncio.Future[PubAck]] = {}
        self._subscribing: asyncio.Task[object] | None = None

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> PubAck:
        """Wait for the acknowledgement, without a time limit. Raises errors of the client."""
        await self._subscribed()
        reply = f"{self._inbox}.{next(self._numbers)}"
        waiting: asyncio.Future[PubAck] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = waiting
        try:
            sent = headers | {"Nats-Expected-Stream": STREAM}
            await self._client.publish(subject, body, reply=reply, headers=sent)
            return await waiting
        finally:
            del self._waiting[reply]

    async def _subscribed(self) -> None:
        if self._subscribing is None:
            self._subscribing = asyncio.create_task(
                self._client.subscribe(f"{self._inbox}.*", cb=self._receive)
            )
        if not self._subscribing.done():
            await asyncio.wait({self._subscribing})
        self._subscribing.result()

    async def _receive(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting is None or waiting.done():
            return
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            waiting.set_exception(NoStreamResponseError())
            return
        answer = json.loads(message.data)
        if "error" in answer:
            waiting.set_exception(_error(answer["error"]))
        else:
            waiting.set_result(PubAck.from_response(answer))


def _error(answer: dict[str, object]) -> Exception:
    try:
        APIError.from_error(answer)
    except APIError as error:
        return error
    return APIError()
