"""Encrypts what Temporal stores, so that an address never stands in clear in a history."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

ENCODING: Final = b"binary/encrypted"
NONCE_BYTES: Final = 12
"""As NIST SP 800-38D recommends for GCM."""


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM under one key; each payload is nonce, then ciphertext with its tag."""

    def __init__(self, key_base64: str) -> None:
        self._cipher = AESGCM(base64.b64decode(key_base64))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            self._decrypt(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = os.urandom(NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, payload.SerializeToString(), None)
        return Payload(metadata={"encoding": ENCODING}, data=data)

    def _decrypt(self, payload: Payload) -> Payload:
        nonce, ciphertext = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        return Payload.FromString(self._cipher.decrypt(nonce, ciphertext, None))
