"""What the first bytes of an upload tell. Only what is plainly no document is refused here; parsers look closer."""

from pathlib import PurePosixPath

from assay_core.errors import Invalid

HEAD_BYTES = 1024
READABLE = (
    "text, Markdown, reStructuredText, Org, HTML, XML, JSON, CSV, PDF, Word, PowerPoint, Excel, OpenDocument, EPUB, "
    "RTF, notebooks, mail, pictures (PNG, JPEG, TIFF, BMP, WebP, GIF), or a ZIP of such files"
)

_PDF = b"%PDF-"
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "a program"),
    (b"\xfe\xed\xfa\xce", "a program"),
    (b"\xfe\xed\xfa\xcf", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\0asm", "a program"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\0\0\x01\0", "an icon"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"OggS", "an audio or video file"),
    (b"ID3", "an audio file"),
    (b"fLaC", "an audio file"),
    (b"\x1a\x45\xdf\xa3", "a video file"),
)
_BY_SUFFIX = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xls": "application/vnd.ms-excel",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".epub": "application/epub+zip",
    ".rtf": "application/rtf",
    ".eml": "message/rfc822",
    ".msg": "application/vnd.ms-outlook",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ipynb": "application/x-ipynb+json",
    ".rst": "text/x-rst",
    ".org": "text/org",
    ".xml": "application/xml",
    ".zip": "application/zip",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".gif": "image/gif",
}


def refuse_binary(head: bytes, name: str) -> None:
    """Raise `Invalid` if the first bytes are those of something that cannot be read."""
    what = _kind(head)
    if what is not None:
        raise Invalid(f"{name!r} is {what}, which cannot be read; upload {READABLE}.", code="unknown_type")


def media_type(head: bytes, name: str) -> str:
    """A first guess, until the parser knows better."""
    if _PDF in head[:HEAD_BYTES]:
        return "application/pdf"
    return _BY_SUFFIX.get(PurePosixPath(name.lower()).suffix, "text/plain")


def _kind(head: bytes) -> str | None:
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return what
    if head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI "):
        return "an audio or video file"
    if head[4:8] == b"ftyp":
        return "an image or video file"
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head.startswith(b"MZ") and b"\0" in head[:64]:  # a text may begin with these letters too
        return "a program"
    return None
