"""Idempotency keys, by the rules that Stripe publishes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from providers.simulation.refusal import Refusal
from providers.simulation.store import Answer, Store

Effect = Callable[[], Answer]
"""Read, decide and write, all within one transaction; raise Refusal to write nothing."""


class Idempotency:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: set[str] = set()

    async def once(
        self,
        key: str | None,
        fingerprint: str,
        effect: Effect,
        pause: Callable[[], Awaitable[None]],
    ) -> Answer:
        """Return the answer stored under `key`, or run `effect` after `pause` and store its answer.

        Raises Refusal: the key belongs to another request (400), or that one still runs (409).
        """
        if key is None:
            await pause()
            return self._run(effect, None, fingerprint)
        if kept := self._kept(key, fingerprint):
            return kept
        self._running.add(key)
        try:
            await pause()
            return self._run(effect, key, fingerprint)
        finally:
            self._running.discard(key)

    def _kept(self, key: str, fingerprint: str) -> Answer | None:
        if key in self._running:
            raise Refusal(
                409,
                "idempotency_key_in_use",
                "A request with this idempotency key is still running; try again shortly.",
            )
        kept = self._store.answer(key)
        if kept and kept[0] != fingerprint:
            raise Refusal(
                400,
                "idempotency_error",
                "This idempotency key was used with other parameters; use another key.",
                type="idempotency_error",
            )
        return kept[1] if kept else None

    def _run(self, effect: Effect, key: str | None, fingerprint: str) -> Answer:
        try:
            with self._store.transaction():
                answer = effect()
                if key is not None:
                    self._store.keep_answer(key, fingerprint, answer)
        except Refusal as refusal:
            if refusal.kept and key is not None:
                self._store.keep_answer(key, fingerprint, refusal.answer)
            raise
        return answer
