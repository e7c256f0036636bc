"""How PostgreSQL is told to treat our connections."""

from __future__ import annotations

import pytest

from eventstore.pool import Pool


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("transaction_timeout", "15s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("tcp_keepalives_idle", "20"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "50000"),
    ],
)
async def test_whoever_is_gone_holds_nothing_for_longer_than_a_minute(
    pool: Pool, setting: str, value: str
) -> None:
    assert await pool.fetchval("SELECT current_setting($1)", setting) == value
