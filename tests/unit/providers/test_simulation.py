from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.eventually import eventually
from providers.simulation import agenda
from providers.simulation.agenda import Agenda, Handler, retry_delay
from providers.simulation.faults import Control, Fault, Faults, NextFault, OrderFault
from providers.simulation.store import Answer, Job, Store, UnusableFile


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "new folder" / "shop.sqlite3")
    yield store
    store.close()


def test_a_simulators_full_disk_is_reported_by_file_and_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(UnusableFile) as refused:
        Store(tmp_path / "shop.sqlite3")

    assert str(refused.value) == (
        f"cannot use {tmp_path / 'shop.sqlite3'}: database or disk is full; see WAYBILL_DATA_DIR"
    )


def test_retries_wait_twice_as_long_each_time_up_to_a_limit() -> None:
    assert [retry_delay(attempts) for attempts in (0, 1, 2, 3)] == [0.1, 0.2, 0.4, 0.8]
    assert retry_delay(9) == retry_delay(1000) == 30.0


def test_a_fault_occurs_as_often_as_ordered_in_its_operation_only() -> None:
    faults = Faults()
    faults.set(Control(fail_next=NextFault(operation="refund", how=Fault.UNAVAILABLE, times=2)))

    assert faults.take("capture") is None
    assert [faults.take("refund") for _ in range(3)] == [
        Fault.UNAVAILABLE,
        Fault.UNAVAILABLE,
        None,
    ]


def test_a_control_changes_only_its_fields() -> None:
    faults = Faults()
    faults.set(Control(latency_ms=50))
    faults.set(Control(fail_next=NextFault(operation="refund", how=Fault.TIMEOUT_AFTER)))

    assert faults.latency_seconds == 0.05
    faults.clear()
    assert (faults.latency_seconds, faults.take("refund")) == (0.0, None)


def of_order(order_id: str, operation: str, how: Fault) -> Control:
    return Control(fail_order=OrderFault(order_id=order_id, operation=operation, how=how))


def test_an_orders_fault_lasts_and_meets_no_other_order_and_no_other_operation() -> None:
    faults = Faults()
    faults.set(of_order("order-1", "refund", Fault.REFUSE))

    assert [faults.take("refund", "order-1") for _ in range(3)] == [Fault.REFUSE] * 3
    assert faults.take("capture", "order-1") is None
    assert faults.take("refund", "order-2") is None


def test_an_orders_fault_can_be_of_every_operation_but_those_with_their_own() -> None:
    faults = Faults()
    faults.set(of_order("order-1", "*", Fault.DOWN))
    faults.set(of_order("order-1", "refund", Fault.REFUSE))

    assert faults.take("look", "order-1") is Fault.DOWN
    assert faults.take("refund", "order-1") is Fault.REFUSE


def test_an_orders_faults_are_cleared_alone_or_with_all_others() -> None:
    faults = Faults()
    for order_id in ("order-1", "order-2"):
        faults.set(of_order(order_id, "refund", Fault.REFUSE))

    faults.clear_order("order-1")
    assert faults.take("refund", "order-1") is None
    assert faults.take("refund", "order-2") is Fault.REFUSE
    faults.clear()
    assert faults.take("refund", "order-2") is None


def test_an_orders_fault_can_spare_the_first_calls() -> None:
    faults = Faults()
    fault = OrderFault(order_id="order-1", operation="look", how=Fault.REFUSE, spares=2)
    faults.set(Control(fail_order=fault))

    met = [faults.take("look", "order-1") for _ in range(4)]

    assert met == [None, None, Fault.REFUSE, Fault.REFUSE]


def test_the_faults_that_an_order_has_met_are_counted_and_outlast_them() -> None:
    faults = Faults()
    faults.set(of_order("order-1", "refund", Fault.REFUSE))
    faults.set(of_order("order-1", "capture", Fault.TIMEOUT_AFTER))
    for operation in ("refund", "refund", "look", "capture"):
        faults.take(operation, "order-1")
    assert faults.served("order-1") == {"refund": {"refuse": 2}}

    faults.lose_answer("capture", "order-1")
    faults.clear_order("order-1")

    counted = {"refund": {"refuse": 2}, "capture": {"timeout_after": 1}}
    assert faults.served("order-1") == counted
    assert faults.served("order-2") == {}


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.record("order-1", "captured", 1000)
            store.put("payment_intent", "order-1", {"id": "pi_1"})
            raise ValueError("cut short")

    with pytest.raises(ValueError, match="cut short"):
        fail()

    assert store.effects(None) == {}
    assert store.get("payment_intent", "pi_1") is None


def test_the_simulator_counts_each_effect(store: Store) -> None:
    for amount in (300, 700):
        store.record("order-1", "refunded", amount)
    store.record("order-2", "refunded", 1)

    assert store.effects("order-1") == {"order-1": {"refunded": {"count": 2, "amount": 1000}}}
    assert set(store.effects(None)) == {"order-1", "order-2"}


def test_a_name_is_new_only_the_first_time(store: Store) -> None:
    assert [store.first_time("a"), store.first_time("a"), store.first_time("b")] == [
        True,
        False,
        True,
    ]


async def drained(store: Store, handler: Handler) -> None:
    """Run the agenda until nothing is left to do."""
    running = asyncio.create_task(Agenda(store, {"webhook": handler}).run())
    await eventually(lambda: not store.next_jobs(1), 5, every=0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_job_is_done_once(store: Store) -> None:
    done: list[str] = []

    async def succeed(job: Job) -> bool:
        done.append(job.subject)
        return True

    for number in range(40):
        store.add_job("webhook", f"evt_{number}", "{}")
    await drained(store, succeed)

    assert done == [f"evt_{number}" for number in range(40)]


async def test_the_agenda_gives_up_a_job_that_never_succeeds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda, "FIRST_RETRY_SECONDS", 0)
    tries: list[int] = []

    async def fail(job: Job) -> bool:
        tries.append(job.attempts)
        return False

    store.add_job("webhook", "evt_1", "{}")
    await drained(store, fail)

    assert tries == list(range(agenda.MAX_ATTEMPTS))


def test_an_order_meets_a_fault_as_often_as_asked() -> None:
    faults = Faults()
    fault = OrderFault(order_id="order-1", operation="create", how=Fault.ERROR_KEPT, times=2)
    faults.set(Control(fail_order=fault))

    met = [faults.take("create", "order-1") for _ in range(3)]

    assert met == [Fault.ERROR_KEPT, Fault.ERROR_KEPT, None]


def test_an_answer_is_kept_under_its_key_for_a_day(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("providers.simulation.store.time.time", lambda: now)
    store.keep_answer("key", "request", Answer(500, "{}"))

    now += 86_399
    assert store.answer("key") == ("request", Answer(500, "{}", replayed=True))

    now += 1
    assert store.answer("key") is None
    store.keep_answer("key", "another request", Answer(200, "{}"))
    assert store.answer("key") == ("another request", Answer(200, "{}", replayed=True))
