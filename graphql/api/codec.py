"""Serve `/codec`: decrypt payloads that Temporal's Web UI and CLI show, encrypt those they send.

Temporal's remote codec protocol: https://docs.temporal.io/remote-data-encoding. A POST of
`{"payloads": [...]}` to `/decode` or `/encode` answers with the same, decoded or encoded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from google.protobuf.json_format import MessageToDict, Parse, ParseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads

from api.auth import Authenticator, Unauthenticated
from api.codec_access import CodecAccess, Forbidden, origins
from api.errors import RequestErrorCode, as_json
from eventstore.privacy.errors import PrivacyError
from eventstore.privacy.keyring import Keyring
from settings import Settings
from temporal.payload_codec import EncryptionCodec

Recode = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


class NoPayloads(Exception):
    def __init__(self) -> None:
        super().__init__('send JSON like {"payloads": [{"metadata": {...}, "data": "..."}]}')


def codec_app(settings: Settings, authenticator: Authenticator) -> Starlette:
    """Return a separate application, so that its error responses also carry the CORS headers."""
    codec = EncryptionCodec(Keyring.of(settings, "payload_key"))
    access = CodecAccess(settings, authenticator)

    def endpoint(recode: Recode) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            access.check(request)
            payloads = await recode(_payloads(await request.body()))
            return JSONResponse(MessageToDict(Payloads(payloads=payloads)))

        return answer

    return Starlette(
        routes=[
            Route("/decode", endpoint(codec.decode), methods=["POST"]),
            Route("/encode", endpoint(codec.encode), methods=["POST"]),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=origins(settings),
                allow_methods=["POST"],
                allow_headers=["authorization", "content-type", "x-namespace"],
            )
        ],
        exception_handlers={
            Unauthenticated: _answering(401, RequestErrorCode.UNAUTHENTICATED),
            Forbidden: _answering(403, RequestErrorCode.FORBIDDEN),
            NoPayloads: _answering(400, RequestErrorCode.BAD_USER_INPUT),
            PrivacyError: _answering(400, RequestErrorCode.BAD_USER_INPUT),
        },
    )


def _payloads(body: bytes) -> Sequence[Payload]:
    try:
        return Parse(body, Payloads()).payloads
    except (ParseError, UnicodeDecodeError):
        raise NoPayloads from None


def _answering(status: int, code: RequestErrorCode) -> Callable[[Request, Exception], Response]:
    def answer(_: Request, error: Exception) -> Response:
        return JSONResponse(as_json(code, str(error)), status_code=status)

    return answer
