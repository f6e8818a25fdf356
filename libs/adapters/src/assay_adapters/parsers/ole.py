"""OLE containers: old Office files, and new ones that are behind a password."""

import io

from assay_core.errors import Invalid

OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def stream_names(data: bytes) -> frozenset[str]:
    """The names of the streams at the top; none where the bytes are no readable OLE container."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            return frozenset(path[0] for path in container.listdir())
    except (OSError, ValueError, IndexError, TypeError, AttributeError, RecursionError):
        # olefile raises its own OSErrors for most damage, and these where a chain of sectors leads nowhere.
        return frozenset()


def refuse_encrypted(data: bytes, *, name: str) -> None:
    """Raise `Invalid` (encrypted) for an Office file behind a password (MS-OFFCRYPTO: an `EncryptedPackage`)."""
    if data.startswith(OLE_SIGNATURE) and "EncryptedPackage" in stream_names(data):
        raise encrypted(name)


def encrypted(name: str) -> Invalid:
    return Invalid(f"{name!r} is encrypted: remove the password and upload it again", code="encrypted")
