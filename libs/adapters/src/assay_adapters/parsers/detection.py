import re
from enum import StrEnum
from pathlib import PurePath

from assay_core.errors import Invalid

from assay_adapters.parsers.decoding import is_binary

_HEAD_BYTES = 4096


class Kind(StrEnum):
    PDF = "pdf"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"


_KNOWN_BINARIES = {
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"SQLite format 3": "a SQLite database",
    b"%!PS": "a PostScript document",
}
_BY_NAME = {
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".mdown": Kind.MARKDOWN,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".log": Kind.TEXT,
    ".csv": Kind.TEXT,
    ".rst": Kind.TEXT,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
}
_HTML_START = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_HTML_TAG = re.compile(r"</?(?:p|div|h[1-6]|table|ul|ol|span|a|title|meta|br|section|article)\b[^>]*>", re.I)
_MARKDOWN_SIGN = re.compile(
    r"^(?:#{1,6} \S|```|~~~|\|? *:?-{3,}:? *\||[-*+] \[[ x]\] )|\[[^\]\n]+\]\([^)\s]+\)|\*\*\S", re.M
)


def kind_of_bytes(data: bytes, *, name: str) -> Kind | None:
    """PDF by its signature, None for what may be text.

    Raises:
        Invalid: unknown_type for a format that is not supported.
    """
    head = data[:_HEAD_BYTES]
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    for signature, what in _KNOWN_BINARIES.items():
        if head.startswith(signature):
            raise _unknown(name, what)
    if is_binary(data):
        raise _unknown(name, "a binary file")
    return None


def kind_of_text(text: str, *, name: str) -> Kind:
    """Which kind of text this is; the name only decides where the content leaves it open."""
    head = text[:_HEAD_BYTES]
    if _HTML_START.match(head):
        return Kind.HTML
    named = _BY_NAME.get(PurePath(name.lower()).suffix)
    has_tags = len(_HTML_TAG.findall(head)) >= 3
    if named is Kind.HTML and not has_tags:
        named = None
    if named is not None:
        return named
    if has_tags and head.lstrip().startswith("<"):
        return Kind.HTML
    return Kind.MARKDOWN if len(_MARKDOWN_SIGN.findall(head)) >= 2 else Kind.TEXT


def _unknown(name: str, what: str) -> Invalid:
    return Invalid(f"{name!r} is {what}, which cannot be read. Upload text, Markdown, HTML or PDF", code="unknown_type")
