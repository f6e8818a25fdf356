"""Principal tokens: who asks, signed by the gateway (Ed25519, JWT), valid for a minute.

Only the gateway and the evaluation service hold the private key; every other service can check but not make them.
"""

import time

import jwt
from assay_core.documents import TenantId
from assay_core.errors import Denied, Invalid
from assay_core.principals import Principal
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

LIFETIME_S = 120
_ALGORITHM = "EdDSA"
_AUDIENCE = "assay-internal"


class TokenMinter:
    """Makes tokens with the private key (PEM)."""

    def __init__(self, private_key_pem: str, *, issuer: str) -> None:
        self._key = _private_key(private_key_pem)
        self._issuer = issuer

    def __call__(self, principal: Principal) -> str:
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": _AUDIENCE,
            "sub": principal.id,
            "ten": principal.tenant,
            "name": principal.name,
            "roles": sorted(principal.roles),
            "iat": now,
            "exp": now + LIFETIME_S,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)


class TokenVerifier:
    """Checks tokens with the public key (PEM)."""

    def __init__(self, public_key_pem: str) -> None:
        self._key = _public_key(public_key_pem)

    def __call__(self, token: str) -> Principal:
        """The principal of a token. Raises `Denied` if it is forged, for others, or too old."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                leeway=5,
                options={"require": ["exp", "sub", "aud"]},
            )
            return Principal(TenantId(claims["ten"]), claims["sub"], claims["name"], frozenset(claims["roles"]))
        except (jwt.InvalidTokenError, KeyError) as error:
            raise Denied("The principal token is not valid.", code="bad_token") from error


def _private_key(pem: str) -> Ed25519PrivateKey:
    # Read once: reading it takes longer than signing with it.
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except ValueError as error:
        raise _no_key("private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("private")
    return key


def _public_key(pem: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise _no_key("public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("public")
    return key


def _no_key(kind: str) -> Invalid:
    return Invalid(
        f"The {kind} key of principal tokens is no Ed25519 key in PEM; look at ASSAY_SECRETS__TOKEN_{kind.upper()}"
        "_KEY_FILE.",
        code="bad_setting",
    )
