"""Encrypt the secrets of webhooks at rest, under the master key."""

from __future__ import annotations

import json
from uuid import UUID

from eventstore.privacy.keyring import Encrypted, Keyring


def sealing_context(endpoint_id: UUID, secret_id: UUID) -> bytes:
    """Return what a sealed secret is bound to: it does not open in another row."""
    return json.dumps(["webhook secret", str(endpoint_id), str(secret_id)]).encode()


def seal(keys: Keyring, endpoint_id: UUID, secret_id: UUID, secret: bytes) -> Encrypted:
    return keys.encrypt(secret, sealing_context(endpoint_id, secret_id))


def unseal(keys: Keyring, endpoint_id: UUID, secret_id: UUID, sealed: Encrypted) -> bytes:
    """Raises UnknownKey or Tampered."""
    return keys.decrypt(sealed, sealing_context(endpoint_id, secret_id))
