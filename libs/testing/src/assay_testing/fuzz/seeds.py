"""Small healthy files of every format that is read, put together here, so that each part of them can be broken."""

import struct
import zlib
from collections.abc import Mapping

from assay_testing.office_files import odf_file, ole_file, xls_file, zipped

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_SHEET = '<sheet name="S" sheetId="1" r:id="r1"/>'
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/{main}" ContentType="application/vnd.openxmlformats-officedocument.{kind}.main+xml"/>{more}'
    "</Types>"
)

HTML = """<!doctype html><html><head><meta charset="utf-8"><title>Tea</title></head><body><h1>Tea</h1><p>Hot &amp; wet.
<table><caption>Kinds</caption><thead><tr><th rowspan="2">Kind</th><th colspan="2">Leaf</th></tr><tr><th>a<th>b</tr>
</thead><tr><td>Green<td><ul><li>one<li>two</ul><td>x</table><ol start="3"><li>c<li>d</ol><pre>code
  more</pre></body></html>"""
MARKDOWN = """---
title: Tea
---
# Tea

Text with *marks* and a [link](x).

| a | b |
|---|---|
| 1 | 2\\|3 |

<table><tr><td colspan="2">x</td></tr></table>

- one
  - two

```
code
```
"""
RST = "Tea\n===\n\n+---+---+\n| a | b |\n+===+===+\n| 1     |\n+---+---+\n\n.. note:: x\n\n|s|\n\n.. |s| replace:: t\n"
ORG = "#+TITLE: Tea\n* Tea :tag:\n| a | b |\n|---+---|\n| 1 | 2 |\n#+BEGIN_SRC\nx\n#+END_SRC\n- one\n  - two\n"
XML = """<?xml version="1.0"?><article><title>Tea</title><para>Hot.</para><table><tgroup cols="2"><colspec colname="a"/>
<colspec colname="b"/><tbody><row><entry morerows="1">x</entry><entry namest="a" nameend="b">y</entry></row><row>
<entry>z</entry></row></tbody></tgroup></table><itemizedlist><listitem>one</listitem></itemizedlist></article>"""
RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset204 A;}}{\stylesheet{\s1 heading 1;}}\pard\s1 Tea\par\pard Hot "
    rb"\u8364?\'e9\par\trowd\clvmgf\cellx1\clmgf\cellx2\pard\intbl a\cell b\cell\row\pard{\footnote note}\par}"
)
EML = (
    b"From: a@x\r\nTo: b@x\r\nSubject: =?utf-8?q?T=C3=A9?=\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n'
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Hot=20water</p>\r\n--b\r\nContent-Type: text/csv\r\n"
    b'Content-Disposition: attachment; filename="a.csv"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    b"YSxiCjEsMgo=\r\n--b--\r\n"
)


def seeds() -> dict[str, bytes]:
    """Files by name; the suffix tells the format."""
    texts = {
        "a.txt": "Tea is hot.\n\n1. one\n2. two\n\nÄhnlich größer.",
        "a.md": MARKDOWN,
        "a.html": HTML,
        "a.csv": 'Kind;Price\nGreen;"1,5"\nBlack;2\n',
        "a.tsv": "Kind\tPrice\nGreen\t1\n",
        "a.json": '{"a": [{"b": 1.10, "c": null}, {"b": [1, [2, {"d": "e"}]]}], "t": "x"}',
        "a.jsonl": '{"a": 1, "b": "x"}\n{"a": 2}\n',
        "a.ipynb": '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "markdown", "source": ["# T"]}, '
        '{"cell_type": "code", "source": "x", "outputs": [{"output_type": "stream", "text": ["1"]}]}]}',
        "a.xml": XML,
        "a.rst": RST,
        "a.org": ORG,
    }
    files = {name: text.encode() for name, text in texts.items()}
    files |= {"utf16.txt": "Tea is hot. Größe".encode("utf-16"), "latin.txt": "Grüße über Österreich".encode("cp1252")}
    files |= {"a.rtf": RTF, "a.eml": EML, "a.msg": ole_file("__properties_version1.0"), "a.xls": _xls()}
    files |= {"a.docx": _docx(), "a.pptx": _pptx(), "a.xlsx": _xlsx(), "a.odt": _odt(), "a.ods": _ods()}
    files |= {"a.epub": _epub(), "a.pdf": pdf_file("Tea is hot."), "a.png": png_file(48, 16)}
    return files | {"a.zip": zipped({"leaf/a.md": MARKDOWN, "b.html": HTML, "in.zip": zipped({"c.txt": "deep"})})}


def pdf_file(words: str, *, packed: bool = True) -> bytes:
    """One page with a line of text and a ruled table, with a table of offsets."""
    rules = "".join(f"{x} 600 m {x} 640 l S {72} {y} m 272 {y} l S " for x, y in ((72, 600), (172, 620), (272, 640)))
    cells = "".join(f"BT /F1 10 Tf {x} {y} Td ({x}{y}) Tj ET " for x in (80, 180) for y in (605, 625))
    content = f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET {rules}{cells}".encode()
    stream = zlib.compress(content) if packed else content
    packing = b"/Filter /FlateDecode " if packed else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< " + packing + b"/Length " + str(len(stream)).encode() + b" >>\nstream\n" + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Outlines /Count 0 >>",
    ]
    out, offsets = b"%PDF-1.4\n", list[int]()
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode() + table
    return out + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()


def png_file(width: int, height: int) -> bytes:
    """A grey picture with stripes."""
    rows = b"".join(b"\0" + bytes((x * 37 + y * 11) % 256 for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _relations(*targets: tuple[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="r{number}" Type="{_KINDS}{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{_RELATIONS}">{inner}</Relationships>'


def _package(main: str, kind: str, parts: Mapping[str, str], more: str = "") -> bytes:
    types = _TYPES.format(main=main, kind=kind, more=more)
    return zipped({"[Content_Types].xml": types, "_rels/.rels": _relations(("officeDocument", main)), **parts})


def _docx() -> bytes:
    cell = "<w:tc><w:tcPr>{}</w:tcPr><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    rows = (
        cell.format('<w:vMerge w:val="restart"/>', "a") + cell.format('<w:gridSpan w:val="2"/>', "b"),
        cell.format("<w:vMerge/>", "") + cell.format("", "c") + cell.format("", "d"),
    )
    table = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    body = (
        '<w:p><w:pPr><w:pStyle w:val="H"/></w:pPr><w:r><w:t>Tea</w:t></w:r></w:p><w:p><w:pPr><w:numPr><w:ilvl w:val="0"'
        '/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>one</w:t><w:footnoteReference w:id="2"/></w:r></w:p>'
        f"<w:tbl>{table}</w:tbl>"
    )
    styles = '<w:style w:styleId="H"><w:name w:val="heading 1"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
    notes = '<w:footnote w:id="2"><w:p><w:r><w:t>note</w:t></w:r></w:p></w:footnote>'
    return _package(
        "word/document.xml",
        "wordprocessingml.document",
        {
            "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {_W}>{styles}</w:styles>",
            "word/footnotes.xml": f"<w:footnotes {_W}>{notes}</w:footnotes>",
            "word/_rels/document.xml.rels": _relations(("styles", "styles.xml"), ("footnotes", "footnotes.xml")),
        },
    )


def _pptx() -> bytes:
    text = "<{0}:txBody><a:p><a:r><a:t>{1}</a:t></a:r></a:p></{0}:txBody>"
    title = f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr>{text.format("p", "Tea")}</p:sp>'
    cells = f'<a:tc gridSpan="2">{text.format("a", "x")}</a:tc><a:tc hMerge="1">{text.format("a", "")}</a:tc>'
    data = f"<a:graphic><a:graphicData><a:tbl><a:tr>{cells}</a:tr></a:tbl></a:graphicData></a:graphic>"
    tree = f"<p:cSld><p:spTree>{title}<p:graphicFrame>{data}</p:graphicFrame></p:spTree></p:cSld>"
    return _package(
        "ppt/presentation.xml",
        "presentationml.presentation",
        {
            "ppt/presentation.xml": f'<p:presentation {_P} {_R}><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
            "</p:presentation>",
            "ppt/_rels/presentation.xml.rels": _relations(("slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": f"<p:sld {_P} {_A}>{tree}</p:sld>",
        },
    )


def _xlsx() -> bytes:
    cells = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>both</t></is></c></row><row r="2"><c r="A2"><v>1.5</v></c>'
        '<c r="B2" t="b"><v>1</v></c></row><row r="5"><c r="D5"><v>45000</v></c><c r="E5"><f>D5</f><v>2</v></c></row>'
    )
    sheet = f'<sheetData>{cells}</sheetData><mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells>'
    override = (
        '<Override PartName="/xl/worksheets/sheet1.xml"'
        ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    )
    return _package(
        "xl/workbook.xml",
        "spreadsheetml.sheet",
        {
            "xl/workbook.xml": f"<workbook {_S} {_R}><sheets>{_SHEET}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml")),
            "xl/worksheets/sheet1.xml": f"<worksheet {_S}>{sheet}</worksheet>",
        },
        override,
    )


def _odt() -> bytes:
    return odf_file(
        '<office:text><text:h text:outline-level="1">Tea</text:h><text:p>Hot<text:s text:c="3"/><text:note>'
        "<text:note-body><text:p>n</text:p></text:note-body></text:note></text:p><table:table><table:table-row>"
        '<table:table-cell table:number-columns-spanned="2" table:number-rows-spanned="2"><text:p>a</text:p>'
        "</table:table-cell><table:covered-table-cell/></table:table-row><table:table-row>"
        '<table:table-cell table:number-columns-repeated="3"><text:p>b</text:p></table:table-cell></table:table-row>'
        "</table:table></office:text>",
        title="Tea",
    )


def _ods() -> bytes:
    return odf_file(
        '<office:spreadsheet><table:table table:name="S"><table:table-row table:number-rows-repeated="3">'
        '<table:table-cell office:value-type="float" office:value="1.5"><text:p>1,5</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="4"><text:p>x</text:p></table:table-cell></table:table-row>'
        "</table:table></office:spreadsheet>"
    )


def _epub() -> bytes:
    container = '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
    package = (
        '<package><metadata><title>Tea</title></metadata><manifest><item id="a" href="a.xhtml"'
        ' media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
    )
    entries = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "b.opf": package}
    return zipped({**entries, "a.xhtml": HTML})


def _xls() -> bytes:
    return ole_file("Workbook", xls_file({(0, 0): "Kind", (0, 1): "Price", (1, 0): "Green", (1, 1): 1.5}))
