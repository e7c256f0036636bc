"""Decide which process of pytest-xdist runs which tests."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

END_TO_END = "tests/e2e"


class ByModule(LoadFileScheduling):  # type: ignore[misc]  # no stubs
    """Gives a process one module after another, and all end-to-end tests to one process.

    So each system, API and worker that tests share starts once, and not in every process.
    """

    def _split_scope(self, nodeid: str) -> str:
        module: str = super()._split_scope(nodeid)
        return END_TO_END if module.startswith(f"{END_TO_END}/") else module
