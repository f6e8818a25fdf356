"""Sealed bytes open only with their key, at their place, whole."""

import io

import pytest
from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Broken, Invalid, NotFound
from assay_store.encryption import FRAME_BYTES, Key, Vault
from hypothesis import given, settings
from hypothesis import strategies as st

DOCUMENT = DocumentId(TenantId("t"), "d" * 32)
MASTER = bytes(range(32))


def sealed_stream(key: Key, plain: bytes, size: int = 1000) -> bytes:
    return b"".join(key.seal_stream(plain[i : i + size] for i in range(0, len(plain), size)))


def opened_stream(key: Key, sealed: bytes) -> bytes:
    return b"".join(key.open_stream(io.BytesIO(sealed)))


@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_again(plain: bytes):
    key = Key(MASTER)
    assert key.open(key.seal(plain, place="p"), place="p") == plain


def test_sealed_bytes_do_not_open_elsewhere_or_changed():
    key = Key(MASTER)
    sealed = key.seal(b"secret", place="chunk:1")
    with pytest.raises(Broken):
        key.open(sealed, place="chunk:2")
    with pytest.raises(Broken):
        key.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), place="chunk:1")


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES]), st.integers(1, 10**6))
def test_streams_of_any_length_and_chunking_open_again(length: int, size: int):
    key, plain = Key(MASTER), bytes(length)
    assert opened_stream(key, sealed_stream(key, plain, size)) == plain


def test_a_cut_off_stream_is_noticed():
    key = Key(MASTER)
    sealed = sealed_stream(key, bytes(3 * FRAME_BYTES), FRAME_BYTES)
    whole_frame = FRAME_BYTES + 16
    for cut in (sealed[: 8 + whole_frame], sealed[: 8 + 2 * whole_frame], sealed[:-5], sealed[:8]):
        with pytest.raises(Broken):
            opened_stream(key, cut)


def test_swapped_frames_are_noticed():
    key = Key(MASTER)
    sealed = sealed_stream(key, bytes(2 * FRAME_BYTES + 10), FRAME_BYTES)
    head, size = sealed[:8], FRAME_BYTES + 16
    first, second, rest = sealed[8 : 8 + size], sealed[8 + size : 8 + 2 * size], sealed[8 + 2 * size :]
    with pytest.raises(Broken):
        opened_stream(key, head + second + first + rest)


def test_a_document_key_opens_for_its_own_document_only():
    vault = Vault(MASTER)
    _, wrapped = vault.new_document_key(DOCUMENT)
    assert vault.document_key(DOCUMENT, wrapped)
    with pytest.raises(Broken):
        vault.document_key(DocumentId(TenantId("other"), DOCUMENT.id), wrapped)


def test_an_erased_document_has_no_key():
    with pytest.raises(NotFound) as caught:
        Vault(MASTER).document_key(DOCUMENT, None)
    assert caught.value.code == "erased"


def test_a_short_master_key_is_refused():
    with pytest.raises(Invalid, match="has 5 bytes; it must have 32"):
        Vault(b"short")
