"""Show how many connections of each pool of this process are in use, and how many wait for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from observability.work import POOL_CONNECTIONS


class PoolUse(NamedTuple):
    used: int
    waiting: int
    max: int


_pools: Final[dict[str, Callable[[], PoolUse]]] = {}


def watch(pool: str, use: Callable[[], PoolUse]) -> None:
    """Show this pool. It replaces one with the same name, which its role has closed."""
    _pools[pool] = use


def show() -> None:
    """Set the gauges to the current use of each pool."""
    for pool, use in _pools.items():
        for state, connections in use()._asdict().items():
            POOL_CONNECTIONS.labels(pool, state).set(connections)
