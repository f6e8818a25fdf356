"""Principal tokens."""

import pytest
from assay_core.documents import TenantId
from assay_core.errors import Denied, Invalid
from assay_core.principals import Principal
from assay_runtime.tokens import TokenMinter, TokenVerifier
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ANNA = Principal(TenantId("t"), "anna", "Anna", frozenset({"reader", "curator"}))


def private_pem(key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_a_principal_comes_back_out_of_its_token() -> None:
    key = Ed25519PrivateKey.generate()
    token = TokenMinter(private_pem(key), issuer="gateway")(ANNA)
    assert TokenVerifier(public_pem(key))(token) == ANNA


def test_a_token_of_another_key_or_with_another_body_is_refused() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    verify = TokenVerifier(public_pem(key))
    head, body, signature = TokenMinter(private_pem(key), issuer="gateway")(ANNA).split(".")
    forged = [TokenMinter(private_pem(other), issuer="gateway")(ANNA), f"{head}.{body[:-2]}.{signature}", "", "a.b.c"]
    for token in forged:
        with pytest.raises(Denied):
            verify(token)


@pytest.mark.parametrize("pem", ["", "no key", private_pem(generate_private_key(SECP256R1()))])
def test_a_private_key_of_another_kind_is_named_at_once(pem: str) -> None:
    with pytest.raises(Invalid, match="ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE"):
        TokenMinter(pem, issuer="gateway")


@pytest.mark.parametrize("pem", ["", "no key", public_pem(generate_private_key(SECP256R1()))])
def test_a_public_key_of_another_kind_is_named_at_once(pem: str) -> None:
    with pytest.raises(Invalid, match="ASSAY_SECRETS__TOKEN_PUBLIC_KEY_FILE"):
        TokenVerifier(pem)
