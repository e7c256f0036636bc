"""The simulator's routes, with Stripe's paths."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from providers.payment_simulator.account import Account, printed
from providers.payment_simulator.control import add_control
from providers.payment_simulator.events import shown, signer
from providers.payment_simulator.form import Form
from providers.payment_simulator.intents import HOLD_ENDS, REFUND_FAILS, Intents
from providers.payment_simulator.methods import METHODS
from providers.payment_simulator.refunds import listed_refunds, refund_by_hand
from providers.payment_simulator.search import wanted_labels
from providers.simulation.config import SimulatorConfig
from providers.simulation.faults import Fault
from providers.simulation.refusal import Refusal
from providers.simulation.service import Simulator
from providers.simulation.store import Answer, Document, Store

_PAGE = Template(Path(__file__).with_name("authenticate.html").read_text())
_OUTCOMES = {"approve": True, "fail": False}


def payment_simulator(config: SimulatorConfig) -> FastAPI:
    simulator = Simulator(config, signer(config.webhook_secret))
    intents = Intents(simulator.store, simulator.webhooks, config.base_url, config.hold_seconds)
    simulator.handlers[REFUND_FAILS] = intents.fail_refund
    simulator.handlers[HOLD_ENDS] = intents.end_hold
    app = simulator.app()
    _add_changes(app, simulator, intents)
    _add_lookups(app, simulator, intents)
    _add_authentication(app, simulator, intents)
    _add_account(app, intents)
    _add_hold_control(app, simulator, intents)
    add_control(app, simulator, intents)
    _add_dashboard(app, simulator, intents)
    return app


def _add_changes(app: FastAPI, simulator: Simulator, intents: Intents) -> None:
    @app.post("/v1/payment_intents")
    async def create(request: Request) -> Response:
        form = await Form.of(request)
        return await simulator.change(
            request,
            "create",
            lambda: intents.create(form),
            order_id=form.group("metadata").get("order_id", ""),
        )

    @app.post("/v1/payment_intents/{reference}/confirm")
    async def confirm(request: Request, reference: str) -> Response:
        form = await Form.of(request)
        return await simulator.change(
            request,
            "confirm",
            lambda: intents.confirm(reference, form),
            _fault(simulator.store, reference, form),
            intents.order_of(reference),
        )

    @app.post("/v1/payment_intents/{reference}/capture")
    async def capture(request: Request, reference: str) -> Response:
        form = await Form.of(request)
        return await simulator.change(
            request,
            "capture",
            lambda: intents.capture(reference, form),
            order_id=intents.order_of(reference),
        )

    @app.post("/v1/payment_intents/{reference}/cancel")
    async def cancel(request: Request, reference: str) -> Response:
        form = await Form.of(request)
        return await simulator.change(
            request,
            "cancel",
            lambda: intents.cancel(reference, form),
            order_id=intents.order_of(reference),
        )

    @app.post("/v1/refunds")
    async def refund(request: Request) -> Response:
        form = await Form.of(request)
        return await simulator.change(
            request,
            "refund",
            lambda: intents.refund(form),
            order_id=intents.order_of(form.get("payment_intent", "")),
        )


def _add_lookups(app: FastAPI, simulator: Simulator, intents: Intents) -> None:
    @app.get("/v1/payment_intents/search")  # before the intents, whose path it would match
    async def search(request: Request) -> Response:
        form = await Form.of(request)
        wanted = wanted_labels(form.required("query"))
        expand = form.expands("data.latest_charge")

        def found() -> Answer:
            labelled = intents.labelled(wanted)
            return _list(
                "/v1/payment_intents/search",
                [shown(intent, with_charge=expand) for intent in labelled],
                "search_result",
            )

        return await simulator.look(request, found, wanted.get("order_id", ""))

    @app.get("/v1/payment_intents/{reference}")
    async def retrieve(request: Request, reference: str) -> Response:
        form = await Form.of(request)
        expand = form.expands("latest_charge")
        return await simulator.look(
            request,
            lambda: Answer(200, json.dumps(shown(intents.load(reference), with_charge=expand))),
            intents.order_of(reference),
        )

    @app.get("/v1/refunds")
    async def list_refunds(request: Request, payment_intent: str) -> Response:
        form = await Form.of(request)
        return await simulator.look(
            request,
            lambda: listed_refunds(simulator.store, payment_intent, form),
            intents.order_of(payment_intent),
        )


def _add_authentication(app: FastAPI, simulator: Simulator, intents: Intents) -> None:
    @app.get("/authenticate/{reference}")
    async def page(reference: str) -> HTMLResponse:
        intent = intents.load(reference)
        return HTMLResponse(
            _PAGE.substitute(amount=printed(intent["amount"], intent["currency"].upper()))
        )

    @app.post("/authenticate/{reference}")
    async def decide(request: Request, reference: str) -> HTMLResponse:
        outcome = (await Form.of(request)).required("outcome")
        if outcome not in _OUTCOMES:
            raise Refusal(400, "parameter_invalid", "Either approve or fail.", param="outcome")
        with simulator.store.transaction():
            intents.authenticate(reference, approved=_OUTCOMES[outcome])
        simulator.wake()
        return HTMLResponse("<p>Done. You may close this page.</p>")


def _add_account(app: FastAPI, intents: Intents) -> None:
    @app.put("/account", status_code=204)
    async def change(account: Account) -> None:
        intents.account = account

    @app.delete("/account", status_code=204)
    async def reset() -> None:
        intents.account = Account()


def _add_dashboard(app: FastAPI, simulator: Simulator, intents: Intents) -> None:
    @app.post("/dashboard/refunds")
    async def refund(request: Request) -> Response:
        """Refund by hand, as a person does it in the provider's dashboard."""
        form = await Form.of(request)
        with simulator.store.transaction():
            answer = refund_by_hand(intents, form)
        simulator.wake()
        return Response(answer.body, answer.status, media_type="application/json")


class HoldEnds(BaseModel):
    """The body of `POST /control/holds`: the present hold of the order ends after this time."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1)
    seconds: float = Field(0, ge=0)


def _add_hold_control(app: FastAPI, simulator: Simulator, intents: Intents) -> None:
    @app.post("/control/holds", status_code=204)
    async def end_holds(ends: HoldEnds) -> None:
        with simulator.store.transaction():
            intents.end_holds(ends.order_id, ends.seconds)
        simulator.wake()


def _fault(store: Store, reference: str, form: Form) -> Fault | None:
    """Return the fault that a test method asks for; it hangs before the effect only the first
    time."""
    method = METHODS.get(form.get("payment_method", ""))
    if method is None or method.fault is not Fault.TIMEOUT_BEFORE:
        return method.fault if method else None
    return method.fault if store.first_time(f"confirm/{reference}") else None


def _list(url: str, data: list[Document], kind: str = "list") -> Answer:
    return Answer(200, json.dumps({"object": kind, "url": url, "has_more": False, "data": data}))
