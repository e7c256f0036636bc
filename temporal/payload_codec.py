"""Encrypts every payload that Temporal stores: whoever reads its database reads no address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from eventstore.privacy.keyring import Encrypted, Keyring

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
"""As Temporal's own samples name it; a digest of the key."""


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM under the current key; decodes what is under any key of the ring.

    Payloads of other encodings pass as they are. decode() raises UnknownKey, or Tampered.
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
        # What is older than these ids names none, and is under the key of then.
        key_id = payload.metadata.get(KEY_ID, self._keys.current_id.encode())
        return Payload.FromString(
            self._keys.decrypt(Encrypted(key_id.decode(errors="replace"), payload.data))
        )
