"""Encrypt every payload that Temporal stores, so that its database holds no readable address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from eventstore.privacy.keyring import Encrypted, Keyring

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
"""The name that Temporal's own samples use; the value is a digest of the key."""


class EncryptionCodec(PayloadCodec):
    """Encrypt with AES-256-GCM under the current key; decrypt with any key of the ring.

    Payloads of other encodings are passed through unchanged. decode() raises UnknownKey, or
    Tampered.
    """

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            self._decrypt(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    def _encrypt(self, payload: Payload) -> Payload:
        key_id, data = self._keys.encrypt(payload.SerializeToString())
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id.encode()}, data=data)

    def _decrypt(self, payload: Payload) -> Payload:
        # Payloads from before these ids name no key and use the key of that time.
        key_id = payload.metadata.get(KEY_ID, self._keys.current_id.encode())
        return Payload.FromString(
            self._keys.decrypt(Encrypted(key_id.decode(errors="replace"), payload.data))
        )
