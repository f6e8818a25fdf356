"""Principal tokens: who asks, signed by the gateway (Ed25519, JWT), valid for a minute.

Only the gateway and the evaluation service hold the private key; every other service can check but not make them.
"""

import time

import jwt
from assay_core.documents import TenantId
from assay_core.errors import Denied
from assay_core.principals import Principal

LIFETIME_S = 120
_ALGORITHM = "EdDSA"
_AUDIENCE = "assay-internal"


class TokenMinter:
    """Makes tokens with the private key (PEM)."""

    def __init__(self, private_key_pem: str, *, issuer: str) -> None:
        self._key = private_key_pem
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
        self._key = public_key_pem

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
