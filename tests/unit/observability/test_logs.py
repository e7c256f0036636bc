"""A line of the log: its form, what it belongs to, and what it never holds."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence

import pytest

from observability import trace
from observability.logs import Context, blanked, formatter


def is_refused(error: BaseException) -> bool:
    return isinstance(error, ConnectionRefusedError)


def line(text: str, *args: object, as_json: bool = False, contexts: Sequence[Context] = ()) -> str:
    record = logging.LogRecord("api.health", logging.WARNING, __file__, 1, text, args, None)
    record.created = 1_795_000_000.25
    return formatter(as_json=as_json, contexts=contexts).format(record)


def logged(name: str, error: Exception, *, as_json: bool = False) -> str:
    try:
        raise error  # noqa: TRY301 - for its traceback
    except Exception:  # noqa: BLE001 - whatever is logged
        record = logging.LogRecord(
            name, logging.ERROR, __file__, 1, "%s failed", ("it",), sys.exc_info()
        )
    return formatter(as_json=as_json, is_away=is_refused).format(record)


def test_an_unreachable_server_is_logged_in_one_line() -> None:
    line = logged("waybill.worker", ConnectionRefusedError("port 5432\nis closed"))
    assert line.endswith(
        "ERROR waybill.worker it failed: ConnectionRefusedError: port 5432 is closed"
    )


def test_a_failure_that_temporal_retries_is_one_line_with_its_cause() -> None:
    error = RuntimeError("the carrier did not answer")
    error.__cause__ = TimeoutError()
    line = logged("temporalio.activity", error)
    assert line.endswith("it failed: RuntimeError: the carrier did not answer <- TimeoutError")


def test_a_fault_in_the_read_loop_of_nats_is_one_line() -> None:
    line = logged("nats.aio.client", RuntimeError("the connection is lost"))
    assert "Traceback" not in line
    assert line.endswith("RuntimeError: the connection is lost")


def test_any_other_fault_keeps_its_traceback() -> None:
    text = logged("waybill.worker", KeyError("position"))
    assert "Traceback (most recent call last)" in text
    assert text.endswith("KeyError: 'position'")


def test_a_line_of_text_names_time_level_logger_and_what_it_belongs_to() -> None:
    order = {"workflow_id": "order-1", "order_id": "1"}
    assert line("%d steps", 2, contexts=[lambda: order]) == (
        "2026-11-18T11:06:40.250+00:00 WARNING api.health 2 steps workflow_id=order-1 order_id=1"
    )


def test_a_line_of_json_has_the_same_as_fields() -> None:
    with trace.carrying(f"00-{'a' * 32}-{'b' * 16}-01"):
        text = line("two\nlines", as_json=True, contexts=[lambda: {"order_id": "1"}])
    assert "\n" not in text
    assert json.loads(text) == {
        "time": "2026-11-18T11:06:40.250+00:00",
        "level": "WARNING",
        "logger": "api.health",
        "event": "two\nlines",
        "trace_id": "a" * 32,
        "order_id": "1",
    }


def test_a_traceback_is_a_field_of_json() -> None:
    text = logged("worker", KeyError("position"), as_json=True)
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("KeyError: 'position'")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to ada@shop.example: 550", "to [address]: 550"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [token]"),
        ("token eyJhbGciOi.eyJzdWIiOi.c2ln", "token [token]"),
        ("signed by whsec_c2VjcmV0", "signed by [secret]"),
        ("key sk_live_123abc", "key [secret]"),
        ("postgresql://user:hunter2@db:5432/waybill", "postgresql://user:[secret]@db:5432/waybill"),
        ("order-1 at 12:30, a@b", "order-1 at 12:30, a@b"),
    ],
)
def test_what_looks_like_an_address_or_a_secret_is_blanked(text: str, shown: str) -> None:
    assert blanked(text) == shown
    assert shown in line("%s", text)
