"""Imports all that parsing imports: a confined process cannot open a module's file.

What libraries import by name, at the first file that needs it, is listed; a small file of each kind finds the rest.
"""

import codecs
import importlib
import io
import zipfile
from collections.abc import Iterator

from assay_core.errors import Invalid

from assay_adapters.parsers.decoding import GUESSED
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.ocr_models import model_files
from assay_adapters.parsers.parse import parse_bytes

_ENCODINGS = (
    *("utf-8", "utf-7", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "latin-1", "ascii", "cp437"),
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp932", "cp936"),
    *("cp949", "cp950", "koi8-r", "koi8-u", "mac-roman", "iso-2022-jp", "iso-2022-kr", "hz", "big5", "gb18030"),
    *("euc-jp", "euc-kr", "shift-jis", "idna", "raw-unicode-escape", "unicode-escape"),
    *(f"iso8859-{number}" for number in (*range(1, 12), 13, 14, 15, 16)),
)
_LOADED_BY_NAME = (
    *("olefile", "xlrd", "xlrd.biffh", "xlrd.compdoc", "xlrd.xldate", "xlrd.formatting", "xlrd.formula"),
    *("defusedxml.ElementTree", "defusedxml.common", "openpyxl", "email.mime.message", "email.header", "quopri"),
    *("docutils.parsers.rst", "docutils.languages.en", "docutils.parsers.rst.languages.en"),
    *(
        f"docutils.parsers.rst.directives.{name}"
        for name in ("admonitions", "body", "html", "images", "misc", "parts", "references", "tables")
    ),
)
# What Pillow, NumPy and the runtime of the models import with the first picture; they may not be installed.
_FOR_PICTURES = (
    *("numpy.ma.extras", "onnxruntime", "PIL.ImageFile", "PIL.ImageOps", "PIL.ImageSequence", "PIL.ExifTags"),
    *(f"PIL.{name}ImagePlugin" for name in ("Png", "Jpeg", "Mpo", "Tiff", "Bmp", "WebP", "Gif")),
)
_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 30>>stream
BT /F 9 Tf 9 9 Td (warm) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF"""
_MAIL = b"""From: =?iso-8859-1?q?J=F6rg?= <a@example.org>
To: b@example.org
Date: Mon, 2 Nov 2026 10:00:00 +0100
Subject: =?utf-8?b?V8OkcmU=?=
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

warm=C3=A4
--x
Content-Type: text/html

<p>warm</p>
--x
Content-Type: text/csv
Content-Disposition: attachment; filename="a.csv"
Content-Transfer-Encoding: base64

YSxiCjEsMgo=
--x--
"""
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DOCX = {
    "[Content_Types].xml": "<Types/>",
    "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body><w:p><w:r><w:t>warm</w:t></w:r></w:p></w:body>'
    "</w:document>",
}
_ODT = {
    "mimetype": "application/vnd.oasis.opendocument.text",
    "content.xml": '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text><text:p>warm</text:p>'
    "</office:text></office:body></office:document-content>",
}
_EPUB = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="a.opf"/></rootfiles></container>',
    "a.opf": '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="a.xhtml" '
    'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>',
    "a.xhtml": "<html><body><p>warm</p></body></html>",
}
_RST = b"Warm\n====\n\n* list\n\n.. note:: warm\n\n.. csv-table::\n\n   a, b\n\n:term:`warm` |sub|_ ``x`` [1]_\n"


def warm_up() -> None:
    """Read a small file of each kind, whatever comes of it."""
    limits = ParseLimits(max_bytes=1 << 20, max_pages=9, max_chars=1 << 20, timeout_s=9, memory_bytes=1)
    for encoding in (*GUESSED, *_ENCODINGS):
        codecs.lookup(encoding)
    for module in _LOADED_BY_NAME:
        importlib.import_module(module)
    if model_files():
        for module in _FOR_PICTURES:
            importlib.import_module(module)
        importlib.import_module("PIL.Image").preinit()
    for name, data in _samples():
        try:
            parse_bytes(data, name=name, limits=limits)
        except Invalid:
            continue


def _samples() -> Iterator[tuple[str, bytes]]:
    yield "warm.txt", b"plain text"
    yield "warm.md", b"# Title\n\n- list\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    yield "warm.html", b"<html><body><h1>Title</h1><table><tr><th>a</th></tr></table></body></html>"
    yield "warm.cp1252", "Wärme für die Größe der Straße überall".encode("cp1252")
    yield "warm.pdf", _PDF
    yield "warm.eml", _MAIL
    yield "warm.rtf", rb"{\rtf1\ansi\ansicpg1252 warm\par}"
    yield "warm.csv", b"a;b\n1;2\n"
    yield "warm.json", b'{"a": [{"b": 1.10}]}'
    yield "warm.jsonl", b'{"a": 1}\n{"a": 2}\n'
    yield "warm.ipynb", b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x", "outputs": []}]}'
    yield "warm.rst", _RST
    yield "warm.org", b"* warm\n- list\n"
    yield "warm.xml", b"<?xml version='1.0'?><a><title>warm</title><p>warm</p></a>"
    yield "warm.docx", _zipped(_DOCX)
    yield "warm.odt", _zipped(_ODT)
    yield "warm.epub", _zipped(_EPUB)
    yield "warm.xlsx", _workbook()


def _zipped(entries: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in entries.items():
            archive.writestr(path, content)
    return out.getvalue()


def _workbook() -> bytes:
    from openpyxl import Workbook

    out, book = io.BytesIO(), Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = "warm"
    book.save(out)
    return out.getvalue()
