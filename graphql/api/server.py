"""Run uvicorn with the limits that it leaves to a reverse proxy.

The limits bound the duration and the size of an incomplete request, and the time for which a client
may leave a response unread. `python -m api` has these limits; `uvicorn api.app:app` does not.
"""

from __future__ import annotations

import json
from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, Final, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.errors import RequestErrorCode, as_json
from api.limits import MAX_BODY_BYTES

REQUEST_TIMEOUT_SECONDS: Final = 10.0
"""The longest time from the first byte, or from the connection, to the end of the body."""
UNREAD_TIMEOUT_SECONDS: Final = 30.0
"""The longest time for which a client may leave a response unread."""
IDLE_TIMEOUT_SECONDS: Final = 75
"""Longer than the 60 s of nginx and of AWS's load balancers, so that the balancer closes an idle
connection. A request that it sends while the server closes would end with a 502."""
MAX_HEAD_BYTES: Final = 32 * 1024
"""A request's line, headers and trailers."""
MAX_QUEUED_MESSAGES: Final = 8
"""The number of received messages of one socket that wait for handling."""
SHUTDOWN_TIMEOUT_SECONDS: Final = 2


class HeadTooLarge(Exception):
    """Stops the parsing of a refused request."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Its timers close it when the client stops during a request or a response."""

    _request_timer: TimerHandle | None = None
    _unread_timer: TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = False
    _may_be_in_trailers = False
    """True after the size of a chunk and before its body. Trailers follow the size 0."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_idle():
            self._await_request()
        began_before = self._is_in_fields()
        super().data_received(data)
        if began_before and self._is_in_fields() and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        if self._request_timer is None:
            self._await_request()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # else it is a trailer, which RFC 9110, section 6.5.1 lets us discard
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head > MAX_HEAD_BYTES:
            self._refuse_head()
            raise HeadTooLarge
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Note that httptools has read the size of a chunk, which may be 0."""
        self._may_be_in_trailers = True

    def on_body(self, body: bytes) -> None:
        self._may_be_in_trailers = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._may_be_in_trailers = False
        self._stop_request_timer()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop_timers()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_TIMEOUT_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_unread_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.BAD_REQUEST, RequestErrorCode.BAD_USER_INPUT, msg)

    def _is_in_fields(self) -> bool:
        return self._is_in_head or self._may_be_in_trailers

    def _is_idle(self) -> bool:
        """Return True if the next byte begins a request."""
        if self._request_timer is not None:
            return False
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is None or cycle.response_complete

    def _await_request(self) -> None:
        self._request_timer = self.loop.call_later(REQUEST_TIMEOUT_SECONDS, self._time_out)

    def _time_out(self) -> None:
        message = f"the request was not complete within {REQUEST_TIMEOUT_SECONDS:g} s"
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, RequestErrorCode.BAD_USER_INPUT, message)

    def _refuse_head(self) -> None:
        message = f"the headers are larger than {MAX_HEAD_BYTES} bytes: send less"
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self._refuse(status, RequestErrorCode.PAYLOAD_TOO_LARGE, message)

    def _refuse(self, status: HTTPStatus, code: RequestErrorCode, message: str) -> None:
        body = json.dumps(as_json(code, message)).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self._stop_timers()
        self.transport.write(head.encode() + body)
        self.transport.close()
        # This timer also closes the connection of a client that does not read the response.
        self._unread_timer = self.loop.call_later(UNREAD_TIMEOUT_SECONDS, self.transport.abort)

    def _stop_timers(self) -> None:
        self._stop_request_timer()
        self._stop_unread_timer()

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket. A handshake may be refused with a response of its own, such as a 401."""

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # else uvicorn logs that the application sent none


def server_config(app: Starlette | str, **options: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's
    """Return the configuration of a server for this application with every limit."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws=SocketProtocol,
        ws_max_size=MAX_BODY_BYTES,
        ws_max_queue=MAX_QUEUED_MESSAGES,
        access_log=False,
        proxy_headers=False,  # api.rate_limit finds the client's address
        server_header=False,
        timeout_keep_alive=IDLE_TIMEOUT_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS,
        **options,
    )
