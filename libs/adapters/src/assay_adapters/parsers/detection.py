"""Which kind of document some bytes are: by content; the name only decides where the content leaves it open."""

import json
import re
from pathlib import PurePath

from assay_core.errors import Invalid
from assay_core.file_types import READABLE

from assay_adapters.parsers.containers import kind_of_ole, kind_of_zip
from assay_adapters.parsers.decoding import is_binary
from assay_adapters.parsers.kinds import Kind
from assay_adapters.parsers.ole import OLE_SIGNATURE

_HEAD_BYTES = 4096
_KNOWN_BINARIES = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"SQLite format 3": "a SQLite database",
    b"%!PS": "a PostScript document",
}
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_BY_NAME = {
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".mdown": Kind.MARKDOWN,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".log": Kind.TEXT,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".tab": Kind.CSV,
    ".rst": Kind.RST,
    ".rest": Kind.RST,
    ".org": Kind.ORG,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".xml": Kind.XML,
    ".json": Kind.JSON,
    ".jsonl": Kind.JSONL,
    ".ndjson": Kind.JSONL,
    ".ipynb": Kind.NOTEBOOK,
}
_MAIL_HEADER = re.compile(
    rb"^(from|to|cc|date|subject|received|return-path|delivered-to|message-id|mime-version|content-type|reply-to"
    rb"|sender|dkim-signature|x-[a-z-]+|arc-[a-z-]+):[ \t]",
    re.I | re.M,
)
_HEADER_START = re.compile(rb"(?:From \S[^\n]*\n)?[A-Za-z-]{2,40}:[ \t]")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_MAIL_SIGNS = (b"message-id", b"mime-version", b"received", b"return-path", b"delivered-to")
_HTML_START = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_XML_START = re.compile(r"\s*<\?xml\b")
_HTML_TAG = re.compile(r"</?(?:p|div|h[1-6]|table|ul|ol|span|a|title|meta|br|section|article)\b[^>]*>", re.I)
_MARKDOWN_SIGN = re.compile(
    r"^(?:#{1,6} \S|```|~~~|\|? *:?-{3,}:? *\||[-*+] \[[ x]\] )|\[[^\]\n]+\]\([^)\s]+\)|\*\*\S", re.M
)


def kind_of_bytes(data: bytes, *, name: str) -> Kind | None:
    """The kind of what is more than text; None for what may be text.

    Raises:
        Invalid: unknown_type for a format that is not supported, broken or encrypted for a container of that sort.
    """
    head = data[:_HEAD_BYTES]
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith(b"PK\x03\x04"):
        return kind_of_zip(data, name=name)
    if head.startswith(OLE_SIGNATURE):
        return kind_of_ole(data, name=name)
    if head.startswith(b"{\\rtf"):
        return Kind.RTF
    if _is_mail(head):
        return Kind.EML
    if _is_picture(head):
        return Kind.IMAGE
    for signature, what in _KNOWN_BINARIES.items():
        if head.startswith(signature):
            raise _unknown(name, what)
    if is_binary(data):
        raise _unknown(name, "a binary file")
    return None


def kind_of_text(text: str, *, name: str) -> Kind:
    """Which kind of text this is."""
    head = text[:_HEAD_BYTES]
    if _HTML_START.match(head):
        return Kind.HTML
    named = _BY_NAME.get(PurePath(name.lower()).suffix)
    has_tags = len(_HTML_TAG.findall(head)) >= 3
    if named is Kind.XML or (_XML_START.match(head) and named not in (Kind.TEXT, Kind.MARKDOWN)):
        return Kind.XML if head.lstrip().startswith("<") else Kind.TEXT
    if named in (Kind.JSON, Kind.NOTEBOOK, Kind.JSONL, None) and (data := _data_kind(text, named)):
        return data
    if named in (Kind.JSON, Kind.NOTEBOOK) or (named is Kind.HTML and not has_tags):
        named = None
    if named is not None:
        return named
    if has_tags and head.lstrip().startswith("<"):
        return Kind.HTML
    return Kind.MARKDOWN if len(_MARKDOWN_SIGN.findall(head)) >= 2 else Kind.TEXT


def _is_picture(head: bytes) -> bool:
    # "BM" may begin a text: a bitmap has two zero words and the size of its header after its own size.
    bitmap = head.startswith(b"BM") and head[6:10] == bytes(4) and head[15:18] == bytes(3)
    return head.startswith(_PICTURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP") or bitmap


def _is_mail(head: bytes) -> bool:
    """Begins with headers, of which two are known and one is of a sort that people do not write by hand."""
    headers = _BLANK_LINE.split(head, maxsplit=1)[0]
    found = {match[1].lower() for match in _MAIL_HEADER.finditer(headers)}
    return bool(_HEADER_START.match(headers)) and len(found) >= 2 and any(sign in found for sign in _MAIL_SIGNS)


def _data_kind(text: str, named: Kind | None) -> Kind | None:
    """A notebook, JSON, or one JSON object a line; None for anything else."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    first_line = text.lstrip().split("\n", 1)[0]
    if named is not Kind.NOTEBOOK and "\n" in text.strip() and _is_json(first_line):
        return Kind.JSONL
    if not _is_json(text):
        return Kind.JSONL if named is Kind.JSONL else None
    return Kind.NOTEBOOK if '"nbformat"' in text and '"cells"' in text else Kind.JSON


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unknown(name: str, what: str) -> Invalid:
    return Invalid(f"{name!r} is {what}, which cannot be read. Upload {READABLE}", code="unknown_type")
