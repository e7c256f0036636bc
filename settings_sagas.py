"""The deadlines and the retries of the sagas, and what is compared with them."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings

from settings_values import NameOrNothing, Timeout, Window


class SagaSettings(BaseSettings):
    provider_timeout: Timeout = timedelta(minutes=10)
    """The time that a step on the forward path retries a provider that does not answer."""
    breaker_calls: int = Field(20, ge=20)
    """The number of the latest calls to a provider by which a process judges that it is down."""
    breaker_failure_rate: float = Field(0.5, gt=0, le=1)
    """The share of these calls without an answer (a time-out, no connection, a 5xx) that pauses all
    calls."""
    breaker_pause: Timeout = timedelta(seconds=5)
    """The shortest time from such a pause's start to the next attempt; the longest is twice as
    long."""
    undo_timeout: Timeout = timedelta(hours=1)
    """The same for a call that must succeed: then the saga parks and waits for an operator."""
    parked_retry: Timeout = timedelta(minutes=15)
    """The pause before the first retry of a parked step that was not refused. Later ones grow."""
    backorder_deadline: Window = timedelta(days=14)
    """The time that an order waits for the stock it lacks, if its customer wants that."""
    payment_window: Window = timedelta(hours=24)
    """The time that a customer has to provide a working payment, from the first attempt."""
    payment_hold: Window = timedelta(days=7)
    """The time for which a hold lasts when the payment provider does not name its end."""
    dispatch_deadline: Window = timedelta(days=3)
    delivery_deadline: Window = timedelta(days=14)
    return_window: timedelta = Field(timedelta(days=30), ge=timedelta(0), le=timedelta(days=366))
    """The time after the delivery in which a customer may return goods; 0 allows no returns."""
    return_delivery_deadline: Window = timedelta(days=21)
    """The time that the goods of a return may be on their way back."""

    projection_max_lag: Timeout = timedelta(seconds=30)
    """The lag of a projection behind the log from which the service counts as degraded."""

    worker_build_id: NameOrNothing = ""
    """The build id of this worker's code; empty means that it is not versioned.

    The embedded stack derives it from the code.
    """
    reconcile_every: timedelta = Field(
        timedelta(seconds=30), ge=timedelta(seconds=1), le=timedelta(days=1)
    )
    """The interval at which the log is compared with Temporal and the providers' records."""
    reconcile_grace: timedelta = Field(
        timedelta(seconds=10), ge=timedelta(0), le=timedelta(hours=1)
    )
    """The time that a change may take before it counts as missed."""
    reconcile_batch: int = Field(200, ge=1, le=1000)
    """The number of changed orders, at most, that one run compares at the providers. A quarter as
    many unchanged orders are compared too."""
