"""Let customers arrive at a shop, as locust's users: `python -m tests.load` runs it.

The arrivals do not wait for earlier customers: it is an open model. One user of locust opens the
shop and starts a greenlet for each customer. Each step ends with a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from time import perf_counter
from typing import Any, Final

import gevent
from locust import FastHttpUser, LoadTestShape, events, task

from tests.load.customer import Customer
from tests.load.plan import VARIABLE, WARM_UP_SECONDS, Plan
from tests.load.times import Times

PLAN: Final = Plan.from_json(os.environ[VARIABLE])
MAX_CONNECTIONS: Final = 2_000


class Steps(LoadTestShape):
    """Keep the one user until the last step has ended, or a step has broken a bound."""

    is_over = False

    def tick(self) -> tuple[int, float] | None:
        return None if Steps.is_over else (1, 1)


class Shop(FastHttpUser):
    host = PLAN.url
    concurrency = MAX_CONNECTIONS

    @task
    def open(self) -> None:
        arrived = self._step(0, PLAN.rates[0], min(WARM_UP_SECONDS, PLAN.step_seconds))[0]
        for rate in PLAN.rates:
            arrived, times = self._step(arrived, rate, PLAN.step_seconds)
            step = times.summary()
            sys.stdout.write(f"{json.dumps(asdict(step))}\n")
            sys.stdout.flush()
            if PLAN.has_bounds and step.breaks():
                break
        Steps.is_over = True
        gevent.sleep(PLAN.step_seconds)  # until locust ends this user

    def _step(self, arrived: int, rate: float, seconds: float) -> tuple[int, Times]:
        """Let customers arrive for these seconds; return how many have arrived in all."""
        began, times = perf_counter(), Times(rate)
        for number in range(int(rate * seconds)):
            due = began + number / rate
            gevent.sleep(max(0.0, due - perf_counter()))
            times.late(perf_counter() - due)
            gevent.spawn(Customer(self, PLAN, times, arrived + number).shop)
        gevent.sleep(max(0.0, began + seconds - perf_counter()))
        return arrived + int(rate * seconds), times


def note(
    name: str,
    response_time: float,
    exception: Exception | None,
    context: Mapping[str, Any],
    **_: object,
) -> None:
    times: Times = context["times"]
    times.record(name, response_time, exception)


events.request.add_listener(note)  # type: ignore[no-untyped-call]
