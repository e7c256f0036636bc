"""List every benchmark and every count in the order in which they run."""

from __future__ import annotations

from typing import Final

from benchmarks.eventbus import consume, relay
from benchmarks.eventbus import latency as bus_latency
from benchmarks.eventbus import memory as bus_memory
from benchmarks.eventstore import append, counted, growth, read_all, tail_latency
from benchmarks.measure import Benchmark, Count
from benchmarks.observability import cpu_cost
from benchmarks.projections import lag, memory, pages, rebuild
from benchmarks.saga import counted as saga_counted
from benchmarks.saga import cpu, latency, throughput
from benchmarks.stock import contended

BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    *append.BENCHMARKS,
    *read_all.BENCHMARKS,
    *growth.BENCHMARKS,
    *tail_latency.BENCHMARKS,
    *contended.BENCHMARKS,
    *throughput.BENCHMARKS,
    *latency.BENCHMARKS,
    *cpu.BENCHMARKS,
    *cpu_cost.BENCHMARKS,
    *rebuild.BENCHMARKS,
    *lag.BENCHMARKS,
    *pages.BENCHMARKS,
    *relay.BENCHMARKS,
    *consume.BENCHMARKS,
    *bus_latency.BENCHMARKS,
    *bus_memory.BENCHMARKS,
)
COUNTS: Final[tuple[Count, ...]] = (
    *counted.COUNTS,
    *contended.COUNTS,
    *saga_counted.COUNTS,
    *memory.COUNTS,
)
