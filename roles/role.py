"""The roles of a worker by name."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    SAGAS = "sagas"
    RELAY = "relay"
    HEAD = "head"
    PROJECTIONS = "projections"
    NOTIFICATIONS = "notifications"
