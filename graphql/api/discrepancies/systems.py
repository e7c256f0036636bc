"""Name the systems whose records may differ. The modules that use them import them from here."""

from __future__ import annotations

import strawberry

from domain.saga.commands import ReconciledSystem

__all__ = ["ReconciledSystem"]

strawberry.enum(
    ReconciledSystem, name="ReconciledSystem", description="The system whose records differ."
)
