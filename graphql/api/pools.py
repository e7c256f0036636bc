"""Show the use of the API's connections to a database."""

from __future__ import annotations

from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from kit.pool import Pool
from observability.pools import PoolUse, watch


def watch_pools(prefix: str, engine: AsyncEngine, pool: Pool) -> None:
    watch(f"{prefix}queries", partial(_of_engine, engine))
    watch(f"{prefix}log", lambda: PoolUse(pool.used, pool.waiting, pool.size))


def _of_engine(engine: AsyncEngine) -> PoolUse:
    """Return the use of the engine's pool, which does not count those that wait."""
    pool = engine.pool
    assert isinstance(pool, QueuePool)  # noqa: S101 - create_engine() makes it
    return PoolUse(pool.checkedout(), 0, pool.size())
