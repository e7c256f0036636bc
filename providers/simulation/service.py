"""Assemble a simulator, with the routes that every simulator has."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from kit.listening import require_port
from providers.simulation import webhooks
from providers.simulation.agenda import Agenda, Handler
from providers.simulation.config import SimulatorConfig
from providers.simulation.faults import Control, Fault, Faults
from providers.simulation.idempotency import Effect, Idempotency
from providers.simulation.refusal import Refusal
from providers.simulation.store import Answer, Store
from providers.simulation.webhooks import Sign, Webhooks

LOOK: Final = "look"
"""The operation of every look-up."""
_UNAVAILABLE: Final = {Fault.TIMEOUT_BEFORE, Fault.UNAVAILABLE, Fault.DOWN}


def _refuse() -> Answer:
    raise Refusal(400, "refused_on_request", "Refused, as /control requests.", kept=True)


def _break_off() -> Answer:
    raise _BROKEN_OFF


def _broken_off_after(effect: Effect) -> Effect:
    """Return an effect that happens although its answer, which is kept, says that it failed."""

    def run() -> Answer:
        effect()
        return _BROKEN_OFF.answer

    return run


_BROKEN_OFF: Final = Refusal(
    500, "internal_error", "Something went wrong.", kept=True, type="api_error"
)


_BREAKING_OFF: Final = {Fault.REFUSE_KEPT: _refuse, Fault.ERROR_KEPT: _break_off}
"""Run instead of the effect, and stored like one."""


class Simulator:
    def __init__(self, config: SimulatorConfig, sign: Sign) -> None:
        self.config = config
        self.store = Store(config.file)
        self.webhooks = Webhooks(self.store, config.webhook_url, sign)
        self.handlers: dict[str, Handler] = {webhooks.JOB: self.webhooks.deliver}
        self._agenda = Agenda(self.store, self.handlers)
        self._faults = Faults()
        self._idempotency = Idempotency(self.store)

    async def change(
        self,
        request: Request,
        operation: str,
        effect: Effect,
        fault: Fault | None = None,
        order_id: str = "",
    ) -> Response:
        """Answer a request that changes something; `fault` is the one its test token requests."""
        self.authorize(request)
        fault = self._faults.take(operation, order_id) or fault
        await self._fail_before(fault)
        key = request.headers.get("idempotency-key")
        fingerprint = f"{request.url.path}\n{(await request.body()).decode()}"
        if fault is Fault.ERROR_KEPT_AFTER:
            effect = _broken_off_after(effect)
        effect = _BREAKING_OFF.get(fault, effect) if fault else effect
        answer = await self._idempotency.once(key, fingerprint, effect, self._pause)
        if fault is Fault.TIMEOUT_AFTER and not answer.replayed:
            self._faults.lose_answer(operation, order_id)
            self.wake()
            await self._hang()
        return self._response(answer)

    async def look(
        self,
        request: Request,
        answer: Callable[[], Answer],
        order_id: str = "",
        operation: str = LOOK,
    ) -> Response:
        """Answer a request that changes nothing. Each `operation` meets the faults of LOOK too."""
        self.authorize(request)
        operations = dict.fromkeys((operation, LOOK))
        found = (self._faults.take(each, order_id) for each in operations)
        fault = next((each for each in found if each is not None), None)
        await self._fail_before(fault)
        await self._pause()
        if fault is Fault.TIMEOUT_AFTER:
            self._faults.lose_answer(LOOK, order_id)
            await self._hang()
        return self._response(answer())

    def authorize(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.config.api_key}".encode()):
            raise Refusal(401, "api_key_invalid", "Send the API key as a bearer token.")

    def wake(self) -> None:
        """Run due jobs now: call it after a change made by other means."""
        self._agenda.wake()

    def respond_to_refusal(self, _: Request, refusal: Exception) -> Response:
        if not isinstance(refusal, Refusal):
            raise refusal
        return self._response(refusal.answer)

    def _response(self, answer: Answer) -> Response:
        # Wake the agenda once the answer is sent, so that its effects do not overtake the answer.
        return Response(
            answer.body,
            answer.status,
            {"Idempotent-Replayed": "true"} if answer.replayed else None,
            "application/json",
            BackgroundTask(self._wake_afterwards),
        )

    async def _wake_afterwards(self) -> None:
        self.wake()

    async def _pause(self) -> None:
        if self._faults.latency_seconds:
            await asyncio.sleep(self._faults.latency_seconds)

    async def _fail_before(self, fault: Fault | None) -> None:
        """Fail for a fault that leaves no effect. Raises Refusal."""
        if fault is Fault.TIMEOUT_BEFORE:
            await self._hang()
        if fault in _UNAVAILABLE:
            raise Refusal(503, "api_unavailable", "Unavailable; try again later.", type="api_error")
        if fault is Fault.KEY_REVOKED:
            raise Refusal(401, "api_key_expired", "Expired API key provided.")
        if fault is Fault.NOT_PERMITTED:
            raise Refusal(403, None, "The API key has no permission for this request.")
        if fault is Fault.MISSING:
            raise Refusal(404, "resource_missing", "This account has no such object.")
        if fault is Fault.REFUSE:
            raise Refusal(400, "refused_on_request", "Refused, as /control requests.")

    async def _hang(self) -> None:
        await asyncio.sleep(self.config.hang_seconds)

    @asynccontextmanager
    async def _running(self, _: FastAPI) -> AsyncIterator[None]:
        agenda = asyncio.create_task(self._agenda.run())
        try:
            yield
        finally:
            agenda.cancel()
            with suppress(asyncio.CancelledError):
                await agenda
            await self.webhooks.close()
            self.store.close()

    def app(self) -> FastAPI:
        """Return an application with the routes for tests and checks: /healthz, /effects and
        /control."""
        app = FastAPI(lifespan=self._running, openapi_url=None)
        app.add_exception_handler(Refusal, self.respond_to_refusal)

        @app.get("/healthz")
        async def healthz() -> Mapping[str, str]:
            return {"status": "ok"}

        @app.get("/effects")
        async def effects(order_id: str | None = None) -> JSONResponse:
            return JSONResponse({"orders": self.store.effects(order_id)})

        @app.post("/control", status_code=204)
        async def control(change: Control) -> None:
            self._faults.set(change)

        @app.get("/control")
        async def served(order_id: str) -> Mapping[str, Mapping[str, int]]:
            return self._faults.served(order_id)

        @app.delete("/control", status_code=204)
        async def reset(order_id: str | None = None) -> None:
            if order_id is None:
                self._faults.clear()
            else:
                self._faults.clear_order(order_id)

        return app


def serve(app: FastAPI, host: str, port: int, setting: str) -> None:
    """Serve until SIGINT or SIGTERM; an answer that hangs is cut off after a second.

    Raises CannotListen, which names the setting of the port.
    """
    require_port(setting, host, port)
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
