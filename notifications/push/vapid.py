"""Identify this installation to the push services: VAPID (RFC 8292)."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifications.push.encryption import CURVE
from settings import Settings, SettingsError
from settings_checks import is_weak

TOKEN_LIFETIME: Final = timedelta(hours=12)
"""RFC 8292 allows 24 hours; a clock may be wrong."""
KEY_BYTES: Final = 32

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class Vapid:
    """The key pair of this installation, and the contact that push services may write to."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, subject: str) -> None:
        self._key = key
        self._subject = subject
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key: Final = base64.urlsafe_b64encode(point).rstrip(b"=").decode()
        """The `applicationServerKey` of the browsers' subscriptions, as Base64url."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises SettingsError when the key is none."""
        text = settings.vapid_private_key.get_secret_value().strip().rstrip("=")
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
            if len(raw) != KEY_BYTES or is_weak(raw):
                raise ValueError  # noqa: TRY301 - the same message for every fault
            key = ec.derive_private_key(int.from_bytes(raw, "big"), CURVE)
        except (ValueError, binascii.Error):
            raise SettingsError(
                "WAYBILL_VAPID_PRIVATE_KEY must be the Base64url of a private key of P-256, which"
                " has 32 bytes (openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')"
            ) from None
        return cls(key, settings.vapid_subject)

    def authorization(self, endpoint: str) -> str:
        """Return the header for a request to this endpoint."""
        claims = {
            "aud": origin_of(endpoint),
            "exp": datetime.now(UTC) + TOKEN_LIFETIME,
            "sub": self._subject,
        }
        token = jwt.encode(claims, self._key, algorithm="ES256")
        return f"vapid t={token}, k={self.public_key}"


def origin_of(url: str) -> str:
    """Return the origin of a checked URL, as RFC 6454 writes it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_default = parts.port in (None, _DEFAULT_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{host}" if is_default else f"{parts.scheme}://{host}:{parts.port}"
