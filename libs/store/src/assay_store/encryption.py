"""Envelope encryption: a key per document, wrapped by the master key. Destroying the key erases the document.

Texts: AES-256-GCM, `nonce (12) || ciphertext`, bound to their place by associated data. Blobs: a stream of frames
of 1 MiB, each with the frame number and a last-frame flag in the associated data, so that frames cannot be
reordered, dropped or cut off (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
"""

import hmac
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from assay_core.documents import CollectionId, DocumentId, TenantId
from assay_core.errors import Broken, Invalid, NotFound
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_TAG_BYTES = 16
FRAME_BYTES = 1 << 20


class Key:
    """A key for the texts and blobs of one owner."""

    def __init__(self, raw: bytes) -> None:
        self._aead = AESGCM(raw)
        self._digesting = hmac.digest(raw, b"digest", "sha256")

    def digest(self, plain: str) -> str:
        """A name for something that nobody can recognise without the key: 64 hexadecimal digits."""
        return hmac.digest(self._digesting, plain.encode(), "sha256").hex()

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Encrypt bytes that belong at `place`; they cannot be opened for another place."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt what `seal` made for the same place. Raises `Broken` if it was changed or moved."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise Broken(f"The stored bytes at {place!r} do not match their key.", code="corrupt") from error

    def seal_stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Encrypt a stream of any chunk sizes; memory stays at two frames."""
        prefix = os.urandom(_NONCE_BYTES - 4)
        yield prefix
        buffer, number = bytearray(), 0
        for chunk in chunks:
            buffer += chunk
            while len(buffer) > FRAME_BYTES:
                yield self._frame(prefix, number, bytes(buffer[:FRAME_BYTES]), last=False)
                del buffer[:FRAME_BYTES]
                number += 1
        yield self._frame(prefix, number, bytes(buffer), last=True)

    def open_stream(self, source: BinaryIO) -> Iterator[bytes]:
        """Decrypt a stream frame by frame. Raises `Broken` on any change, also at a cut-off end."""
        prefix = source.read(_NONCE_BYTES - 4)
        number, current = 0, source.read(FRAME_BYTES + _TAG_BYTES)
        while True:
            following = source.read(FRAME_BYTES + _TAG_BYTES)
            last = not following
            nonce = prefix + number.to_bytes(4, "big")
            try:
                yield self._aead.decrypt(nonce, current, b"last" if last else b"more")
            except InvalidTag as error:
                raise Broken(f"Frame {number} of a stored file is damaged or cut off.", code="corrupt") from error
            if last:
                return
            number, current = number + 1, following

    def _frame(self, prefix: bytes, number: int, plain: bytes, *, last: bool) -> bytes:
        return self._aead.encrypt(prefix + number.to_bytes(4, "big"), plain, b"last" if last else b"more")


class Vault:
    """Makes and opens keys with the master key."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != 32:
            raise Invalid(f"The master key has {len(master_key)} bytes; it must have 32.", code="bad_master_key")
        self._master_key = master_key
        self._wrapping = Key(self._derive("wrap"))
        self._naming = self._derive("mac:document-names")

    def new_document_key(self, document: DocumentId) -> tuple[Key, bytes]:
        """A fresh key for a document, and its wrapped form for `document_keys`."""
        raw = os.urandom(32)
        return Key(raw), self._wrapping.seal(raw, place=_place(document))

    def document_key(self, document: DocumentId, wrapped: bytes | None) -> Key:
        """Open a document's key. Raises `NotFound` if the document was erased."""
        if wrapped is None:
            raise NotFound(f"Document {document.id!r} was erased.", code="erased")
        return Key(self._wrapping.open(wrapped, place=_place(document)))

    def tenant_key(self, tenant: TenantId, purpose: str) -> Key:
        """A key derived for one tenant and purpose (answers, cache), never stored."""
        return Key(self._derive(f"tenant:{purpose}:{tenant}"))

    def name_digest(self, collection: CollectionId, name: str) -> bytes:
        """32 bytes that stand for a document's name within its collection, to find it and to keep it unique."""
        parts = (part.encode("utf-8", "surrogatepass") for part in (*collection, name))
        return hmac.digest(self._naming, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")

    def mac_key(self, purpose: str) -> bytes:
        """32 bytes derived for signing (cursors, sessions)."""
        return self._derive(f"mac:{purpose}")

    def _derive(self, info: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(self._master_key)


def _place(document: DocumentId) -> str:
    return f"key:{document.tenant}:{document.id}"
