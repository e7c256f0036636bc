"""Build the schema with a key that has no meaning."""

from __future__ import annotations

from typing import Final

from api.schema import Schema, build_schema
from eventstore.positions import PositionCodec
from eventstore.privacy.keyring import Keyring

POSITIONS: Final = PositionCodec(Keyring(b"t" * 32, setting="payload_key"))


def a_schema(*, introspection: bool = True) -> Schema:
    return build_schema(POSITIONS, introspection=introspection)
