"""The log has one line for a fault whose traceback would add nothing."""

from __future__ import annotations

import logging
import sys

import pytest

from kit.faults import BriefFormatter, one_line, origin


def is_refused(error: BaseException) -> bool:
    return isinstance(error, ConnectionRefusedError)


def logged(name: str, error: Exception) -> str:
    try:
        raise error  # noqa: TRY301 - for its traceback
    except Exception:  # noqa: BLE001 - whatever is logged
        record = logging.LogRecord(
            name, logging.ERROR, __file__, 1, "%s failed", ("it",), sys.exc_info()
        )
    return BriefFormatter(is_refused).format(record)


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


def test_a_group_is_named_by_its_first_fault() -> None:
    group = ExceptionGroup("both", [ValueError("one"), KeyError("other")])
    assert one_line(group) == "ValueError: one"


def test_a_long_message_is_cut() -> None:
    assert len(one_line(ValueError("x" * 10_000))) < 400


def test_the_origin_is_the_line_that_raised() -> None:
    with pytest.raises(ValueError, match="here") as caught:
        raise ValueError("here")
    assert origin(caught.value) == f"{__file__}:{caught.traceback[-1].lineno + 1}"
