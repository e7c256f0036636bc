"""Encrypt with AES-256-GCM: a random nonce, then ciphertext and tag."""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore.privacy.errors import Tampered

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""The length that NIST SP 800-38D recommends for GCM. The nonce is random, so a key is for at most
2^32 messages."""
TAG_BYTES: Final = 16


def encrypt(key: bytes, plaintext: bytes, context: bytes | None = None) -> bytes:
    """Encrypt the text. Only the same context decrypts it; the context says what and whose it
    is."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def decrypt(key: bytes, data: bytes, context: bytes | None = None) -> bytes:
    """Raises Tampered."""
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise Tampered("the ciphertext does not fit its key and its place") from None
