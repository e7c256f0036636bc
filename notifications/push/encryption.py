"""Encrypt a push message for one browser: RFC 8291, in one record of aes128gcm (RFC 8188)."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE: Final = ec.SECP256R1()
POINT_BYTES: Final = 65
AUTH_BYTES: Final = 16
SALT_BYTES: Final = 16
RECORD_SIZE: Final = 4096
"""Push services need not take a longer body (RFC 8030, section 7.2)."""
MAX_PLAINTEXT_BYTES: Final = 3993
"""What then remains for the message (RFC 8291, section 4)."""
PADDED_TO: Final = 1024
"""The length of a message would reveal its kind to the push service, so it is rounded up."""

_LAST_RECORD: Final = b"\x02"


class BadKeys(ValueError):
    """A key is none of a browser's subscription. The message does not show it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no key of a browser")
        self.name = name


@dataclass(frozen=True, slots=True)
class BrowserKeys:
    """The keys of a subscription. They never show themselves."""

    p256dh: bytes = field(repr=False)
    """The browser's public key, an uncompressed point of P-256."""
    auth: bytes = field(repr=False)

    @classmethod
    def of(cls, p256dh: str, auth: str) -> Self:
        """Return the keys as `PushSubscription.toJSON()` writes them. Raises BadKeys."""
        keys = cls(_bytes("p256dh", p256dh), _bytes("auth", auth))
        if len(keys.p256dh) != POINT_BYTES:
            raise BadKeys("p256dh")
        if len(keys.auth) != AUTH_BYTES:
            raise BadKeys("auth")
        _ = keys.public_key
        return keys

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, self.p256dh)
        except ValueError:  # no point of the curve
            raise BadKeys("p256dh") from None


def encrypt(
    plaintext: bytes,
    keys: BrowserKeys,
    *,
    padded_to: int = PADDED_TO,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return the body of the request. Raises ValueError for a message that is too long.

    The key and the salt are new for each message; a test passes its own.
    """
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise ValueError(f"a push message has at most {MAX_PLAINTEXT_BYTES} bytes")
    own = own or ec.generate_private_key(CURVE)
    salt = salt or os.urandom(SALT_BYTES)
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ec.ECDH(), keys.public_key)
    secret = _derived(shared, keys.auth, b"WebPush: info\0" + keys.p256dh + point, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    padded = plaintext + _LAST_RECORD + bytes(_padding(len(plaintext), padded_to))
    head = salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(point)]) + point
    return head + AESGCM(key).encrypt(nonce, padded, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _padding(length: int, padded_to: int) -> int:
    return min(-length % padded_to, MAX_PLAINTEXT_BYTES - length)


def _bytes(name: str, text: str) -> bytes:
    """Return the bytes of Base64url, with or without padding. Raises BadKeys."""
    try:
        unpadded = text.rstrip("=").encode("ascii")
        return base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise BadKeys(name) from None
