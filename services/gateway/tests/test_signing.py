import pytest
from assay_core.documents import TenantId
from assay_core.errors import Invalid
from assay_core.principals import Principal
from assay_gateway.cursors import Cursors
from assay_gateway.signing import Signer

ADA = Principal(TenantId("t"), "ada", "Ada", frozenset())
BEN = Principal(TenantId("t"), "ben", "Ben", frozenset())


def test_a_value_comes_back_in_its_context_only() -> None:
    signer = Signer(bytes(32))
    signed = signer.sign("session", ["t", "key", 12])
    assert signer.open("session", signed) == ["t", "key", 12]
    assert signer.open("cursor", signed) is None
    assert Signer(bytes([1]) * 32).open("session", signed) is None


@pytest.mark.parametrize("change", [0, 5, -1])
def test_a_changed_value_does_not_open(change: int) -> None:
    signer = Signer(bytes(32))
    signed = list(signer.sign("c", ["abc"]))
    signed[change] = "A" if signed[change] != "A" else "B"
    # The last character of base64 holds unused bits: changing it must not matter more than the bytes do.
    opened = signer.open("c", "".join(signed))
    assert opened in ((["abc"], None) if change == -1 else (None,))


@pytest.mark.parametrize("signed", ["", ".", "a", "a.b", "é.é", "\ud800", "=.=", "x" * 100_000])
def test_anything_else_does_not_open(signed: str) -> None:
    assert Signer(bytes(32)).open("c", signed) is None


def test_a_cursor_belongs_to_one_listing_of_one_person() -> None:
    cursors = Cursors(Signer(bytes(32)))
    cursor = cursors.make(ADA, "documents", "b.md")
    assert cursors.read_text(ADA, "documents", cursor) == "b.md"
    assert cursors.read_text(ADA, "documents", None) is None
    for who, listing in ((BEN, "documents"), (ADA, "chunks")):
        with pytest.raises(Invalid) as error:
            cursors.read_text(who, listing, cursor)
        assert error.value.code == "bad_cursor"
