from __future__ import annotations

import re

import pytest

from observability import trace

CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def test_a_callers_trace_continues_in_the_servers_span() -> None:
    version, trace_id, span, flags = trace.continued(CALLERS).split("-")

    assert (version, trace_id, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "00")
    assert span != "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        CALLERS.upper(),
        f"{CALLERS}-more",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
    ],
)
def test_an_invalid_trace_starts_a_new_trace(header: str | None) -> None:
    begun = trace.continued(header)

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun)
    assert begun != trace.continued(header)


def test_a_trace_is_carried_only_as_far_as_its_block() -> None:
    with trace.carrying(CALLERS):
        assert trace.current() == CALLERS
    assert trace.current() is None
