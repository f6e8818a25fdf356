"""Signed receipts of erasures: a JWS (EdDSA, RFC 8037) that can be checked without Assay, for good."""

from collections.abc import Mapping
from typing import Any

import jwt
from assay_core.errors import Invalid
from cryptography.hazmat.primitives import serialization

_ALGORITHM = "EdDSA"
# Not that of principal tokens, which the same key signs: neither can pass as the other.
AUDIENCE = "assay-erasure-receipt"


class ReceiptSigner:
    """Signs receipts with the gateway's private key (PEM)."""

    def __init__(self, private_key_pem: str) -> None:
        self._key = private_key_pem
        loaded = serialization.load_pem_private_key(private_key_pem.encode(), password=None)
        self.public_key_pem = (
            loaded.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def sign(self, claims: Mapping[str, Any]) -> str:
        """`claims` must be JSON. A receipt never expires."""
        headers = {"typ": "erasure-receipt+jwt"}
        return jwt.encode({"iss": "assay", "aud": AUDIENCE, **claims}, self._key, algorithm=_ALGORITHM, headers=headers)


def read_receipt(receipt: str, public_key_pem: str) -> dict[str, Any]:
    """What a receipt says. Raises `Invalid` if it was not signed with this key, or was changed."""
    try:
        return jwt.decode(
            receipt.strip(), public_key_pem, algorithms=[_ALGORITHM], audience=AUDIENCE, options={"require": ["sub"]}
        )
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise Invalid(
            f"The receipt is not signed with this key, or was changed ({error}).", code="bad_receipt"
        ) from error
