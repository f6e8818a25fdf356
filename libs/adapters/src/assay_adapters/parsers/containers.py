"""What a ZIP archive or an old Office container holds, by its table of contents alone."""

import io
import zipfile

from assay_core.errors import Invalid

from assay_adapters.parsers.kinds import Kind
from assay_adapters.parsers.ole import encrypted, stream_names
from assay_adapters.parsers.zip_safety import DAMAGE

_MAX_NAMES = 20_000
_BY_ENTRY = {
    "word/document.xml": Kind.DOCX,
    "ppt/presentation.xml": Kind.PPTX,
    "xl/workbook.xml": Kind.XLSX,
}
_BY_MIMETYPE = (
    ("application/epub+zip", Kind.EPUB),
    ("application/vnd.oasis.opendocument.text", Kind.ODF),
    ("application/vnd.oasis.opendocument.spreadsheet", Kind.ODF),
    ("application/vnd.oasis.opendocument.presentation", Kind.ODF),
)
_BY_STREAM = {
    "Workbook": Kind.XLS,
    "Book": Kind.XLS,
    "__properties_version1.0": Kind.MSG,
}
_SAVED_ANEW = {
    "WordDocument": "an old Word document; save it as DOCX",
    "PowerPoint Document": "an old PowerPoint document; save it as PPTX",
    "VisioDocument": "a Visio drawing; save it as PDF",
}


def kind_of_zip(data: bytes, *, name: str) -> Kind:
    """Raises `Invalid`: broken, unknown_type, or archive for one that is no document by itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = frozenset(archive.namelist()[:_MAX_NAMES])
            mimetype = _beginning(archive, "mimetype") if "mimetype" in entries else ""
    except (*DAMAGE, RuntimeError) as e:
        raise Invalid(f"{name!r} is a damaged ZIP container: {e}. Save it again", code="broken") from e
    if found := next((kind for entry, kind in _BY_ENTRY.items() if entry in entries), None):
        return found
    if found := next((kind for start, kind in _BY_MIMETYPE if mimetype.startswith(start)), None):
        return found
    if "[Content_Types].xml" in entries or mimetype:
        what = "an Office document of a kind"
        raise Invalid(f"{name!r} is {what} that cannot be read; save it as PDF", code="unknown_type")
    raise Invalid(f"{name!r} is a ZIP archive: unpack it, and attach or upload its files", code="archive")


def _beginning(archive: zipfile.ZipFile, path: str) -> str:
    """What a healthy file has there is short; all of it might fill the memory."""
    with archive.open(path) as entry:
        return entry.read(100).decode("ascii", "replace")


def is_plain_zip(data: bytes) -> bool:
    """Whether the bytes are an archive that is no document by itself."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        kind_of_zip(data, name="")
    except Invalid as e:
        return e.code == "archive"
    return False


def kind_of_ole(data: bytes, *, name: str) -> Kind:
    """Raises `Invalid`: broken, encrypted, or unknown_type with the way out."""
    streams = stream_names(data)
    if not streams:
        raise Invalid(f"{name!r} is a damaged Office container. Save it again", code="broken")
    if "EncryptedPackage" in streams:
        raise encrypted(name)
    if found := next((kind for stream, kind in _BY_STREAM.items() if stream in streams), None):
        return found
    what = next((what for stream, what in _SAVED_ANEW.items() if stream in streams), "an unknown Office container")
    raise Invalid(f"{name!r} is {what}", code="unknown_type")
