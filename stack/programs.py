"""Define Waybill's programs for the embedded stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from settings import Settings
from stack.http import answers
from stack.ports import LOOPBACK, Ports
from stack.processes import Program, Tier
from stack.temporal import worked_for

_PYTHON = sys.executable
_TASK_QUEUE = str(Settings.model_fields["task_queue"].default)

Environment = Mapping[str, str]


def payment_simulator(ports: Ports, environment: Environment) -> Program:
    return _simulator("payment", ports.payment_simulator_port, environment)


def carrier_simulator(ports: Ports, environment: Environment) -> Program:
    return _simulator("carrier", ports.carrier_simulator_port, environment)


def mail_sink(ports: Ports, environment: Environment) -> Program:
    return Program(
        name="mail-sink",
        command=(_PYTHON, "-m", "stack.mail_sink"),
        tier=Tier.SIMULATOR,
        environment=environment,
        is_ready=answers(f"http://{LOOPBACK}:{ports.mail_sink_port}/healthz"),
        stop_within=1.5,
    )


def api(ports: Ports, environment: Environment) -> Program:
    return Program(
        name="api",
        command=(_PYTHON, *api_command(ports.http_port)),
        environment=environment,
        is_ready=answers(f"http://{LOOPBACK}:{ports.http_port}/healthz"),
    )


def api_command(port: int) -> tuple[str, ...]:
    """Return the arguments of Python for the API."""
    return ("-m", "api", "--host", LOOPBACK, "--port", str(port))


def worker(number: int, http_port: int, environment: Environment) -> Program:
    return Program(
        name=f"worker-{number}",
        command=(_PYTHON, "worker.py"),
        environment={**environment, "WAYBILL_WORKER_HTTP_PORT": str(http_port)},
        is_ready=worked_for(
            environment["WAYBILL_TEMPORAL_ADDRESS"],
            environment.get("WAYBILL_TASK_QUEUE", _TASK_QUEUE),
            environment["WAYBILL_WORKER_BUILD_ID"],
        ),
        stop_within=5.5,  # all tiers together have 10 s
    )


def catalogue(environment: Environment) -> Program:
    """Return the program that fills the catalogue, and changes no existing product or stock."""
    command = (_PYTHON, "-m", "demo.catalogue")
    return Program(name="catalogue", command=command, environment=environment)


def demo(environment: Environment) -> Program:
    command = (_PYTHON, "-m", "demo")
    return Program(name="demo", command=command, environment=environment, in_terminal=True)


def _simulator(provider: str, port: int, environment: Environment) -> Program:
    return Program(
        name=f"{provider}-simulator",
        command=(_PYTHON, "-m", f"providers.{provider}_simulator"),
        tier=Tier.SIMULATOR,
        environment=environment,
        is_ready=answers(f"http://{LOOPBACK}:{port}/healthz"),
        stop_within=1.5,
    )
