"""Values that clients hold for us and cannot change: cursors and session cookies."""

import base64
import binascii
import hashlib
import hmac
import json

_LONGEST = 8_192


class Signer:
    """Signs JSON values with HMAC-SHA256. What is signed in one context cannot be used in another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, context: str, value: object) -> str:
        raw = json.dumps(value, separators=(",", ":")).encode()
        return f"{_encode(raw)}.{_encode(self._mac(context, raw))}"

    def open(self, context: str, signed: str) -> object | None:
        """The value, or None if it was not signed here for this context."""
        if len(signed) > _LONGEST:
            return None
        body, _, mac = signed.partition(".")
        try:
            raw, given = _decode(body), _decode(mac)
        except (ValueError, binascii.Error):
            return None
        return json.loads(raw) if hmac.compare_digest(given, self._mac(context, raw)) else None

    def _mac(self, context: str, raw: bytes) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(context.encode()).digest() + raw, "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
