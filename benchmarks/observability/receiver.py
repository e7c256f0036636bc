"""Accept every batch of spans and forget it: `python -m benchmarks.observability.receiver PORT`."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kit.command import run_command
from stack.ports import LOOPBACK


async def accept(request: Request) -> Response:
    await request.body()
    return Response(media_type="application/x-protobuf")


app = Starlette(routes=[Route("/v1/traces", accept, methods=["GET", "POST"])])

if __name__ == "__main__":
    run_command(lambda: uvicorn.run(app, host=LOOPBACK, port=int(sys.argv[1]), access_log=False))
