import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime

import pytest
from assay_adapters.parsers.csv_table import parse_csv
from assay_adapters.parsers.docx import parse_docx
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.odf import parse_odf
from assay_adapters.parsers.pptx import parse_pptx
from assay_adapters.parsers.xls import parse_xls
from assay_adapters.parsers.xlsx import parse_xlsx
from assay_adapters.parsers.zip_safety import open_zip
from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid
from assay_testing.office_files import changed, odf_file, ole_file, xls_file, zipped
from openpyxl import Workbook
from openpyxl.comments import Comment

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=100_000, timeout_s=9, memory_bytes=2**30)

Parse = Callable[..., ParsedDocument]
ZIPPED: list[Parse] = [parse_docx, parse_pptx, parse_xlsx, parse_odf]


def pieces(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(e.kind.value, parsed.text[e.start : e.end]) for e in parsed.elements]


def code_of(parse: Parse, data: bytes, limits: ParseLimits = LIMITS) -> str:
    with pytest.raises(Invalid) as raised:
        parse(data, name="file", limits=limits)
    assert "'file'" in raised.value.message
    return raised.value.code


def workbook(build: Callable[[Workbook], None]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    build(book)
    book.save(out)
    return out.getvalue()


def test_sheets_are_headings_with_tables() -> None:
    def build(book: Workbook) -> None:
        book.properties.title = "Budget"
        first = book.worksheets[0]
        first.title = "Costs"
        first.append(["Item", None, "Price", "Since"])
        first.append(["Tea | milk", None, 3.0, date(2024, 5, 1)])
        first.append(["Cake", None, 0.1 + 0.2, datetime(2024, 5, 1, 12, 30)])
        other = book.create_sheet("Secret")
        other.append(["x"])
        other.sheet_state = "hidden"
        book.create_sheet("Remarks").append([True])

    parsed = parse_xlsx(workbook(build), name="file", limits=LIMITS)
    assert pieces(parsed) == [
        ("heading", "Costs"),
        (
            "table",
            "| Item | Price | Since |\n| --- | --- | --- |\n| Tea \\| milk | 3 | 2024-05-01 |\n"
            "| Cake | 0.3 | 2024-05-01 12:30:00 |",
        ),
        ("heading", "Remarks"),
        ("paragraph", "TRUE"),
    ]
    assert (parsed.title, parsed.parser) == ("Budget", "xlsx/2")
    assert {e.page for e in parsed.elements} == {None}
    assert parsed.warnings == ("sheet 'Secret' is hidden and was left out",)


def test_blank_rows_part_a_sheet_unless_the_columns_go_on() -> None:
    def build(book: Workbook) -> None:
        sheet = book.worksheets[0]
        for row in (["A title"], [], ["a", "b"], [1, 2], [], [3, 4], [], [None, "far", "away"]):
            sheet.append(row)

    kinds = pieces(parse_xlsx(workbook(build), name="file", limits=LIMITS))
    assert kinds[1:] == [
        ("paragraph", "A title"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"),
        ("table", "| far | away |"),
    ]


def test_a_merged_cell_of_a_sheet_has_its_text_in_every_place() -> None:
    def build(book: Workbook) -> None:
        sheet = book.worksheets[0]
        sheet.append(["both", None, "c"])
        sheet.append(["a", "b", "c"])
        sheet.merge_cells("A1:B1")

    assert "| both | both | c |" in parse_xlsx(workbook(build), name="file", limits=LIMITS).text


def test_comments_on_cells_are_kept() -> None:
    def build(book: Workbook) -> None:
        cell = book.worksheets[0]["A1"]
        cell.value, cell.comment = "x", Comment("why this?", "Ann")

    assert pieces(parse_xlsx(workbook(build), name="file", limits=LIMITS))[-1][1] == "Comment by Ann: why this?"


def test_a_sheet_with_far_cells_does_not_grow() -> None:
    def build(book: Workbook) -> None:
        sheet = book.worksheets[0]
        sheet["A1"], sheet["XFD9"], sheet["A90000"] = "near", "far", "deep"

    parsed = parse_xlsx(workbook(build), name="file", limits=LIMITS)
    assert [text for _, text in pieces(parsed)[1:]] == ["near", "far", "deep"]


def test_a_sheet_beyond_the_limit_of_characters_is_refused() -> None:
    def build(book: Workbook) -> None:
        for _ in range(20):
            book.worksheets[0].append(["word " * 20])

    limits = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=1000, timeout_s=9, memory_bytes=2**30)
    assert code_of(parse_xlsx, workbook(build), limits) == "too_large"


def test_old_workbooks_are_read() -> None:
    data = xls_file({(0, 0): "Item", (0, 1): "Price", (1, 0): "Caf\xe9", (1, 1): 2.5})
    parsed = parse_xls(data, name="file", limits=LIMITS)
    assert pieces(parsed)[-1] == ("table", "| Item | Price |\n| --- | --- |\n| Café | 2.5 |")
    assert parsed.media_type == "application/vnd.ms-excel"


@pytest.mark.parametrize(
    "text",
    [
        'name,remark\nAnn,"two\nlines, ""quoted"""\n',
        'name;remark\nAnn;"two\nlines, ""quoted"""\n',
        'name\tremark\r\nAnn\t"two\nlines, ""quoted"""\r\n',
        '\ufeffname|remark\n\nAnn|"two\nlines, ""quoted"""\n',
    ],
)
def test_the_delimiter_is_found(text: str) -> None:
    parsed = parse_csv(text, name="file", limits=LIMITS)
    assert pieces(parsed) == [("table", '| name | remark |\n| --- | --- |\n| Ann | two lines, "quoted" |')]


def test_decimal_commas_do_not_part_cells() -> None:
    parsed = parse_csv("a;b\n1,5;2,5\n3,5;4,5\n", name="file", limits=LIMITS)
    assert "| 1,5 | 2,5 |" in parsed.text
    assert parsed.media_type == "text/csv"


def test_a_lone_quote_does_not_swallow_rows() -> None:
    parsed = parse_csv('size,name\n"5,disk\n8,tape\n', name="file", limits=LIMITS)
    assert len(parsed.text.splitlines()) == 4


def test_rows_of_uneven_length_are_filled_up() -> None:
    assert parse_csv("a,b\n1,2,3\n", name="file", limits=LIMITS).text.startswith("| a | b |  |")


@pytest.mark.parametrize("parse", [*ZIPPED, parse_xls])
def test_a_file_behind_a_password_says_so(parse: Parse) -> None:
    assert code_of(parse, ole_file("EncryptedPackage")) == "encrypted"


@pytest.mark.parametrize("parse", [*ZIPPED, parse_xls])
@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 cut", ole_file("Contents"), zipped({"a": "b"}), zipped({"content.xml": "<a>"})]
)
def test_damage_is_told_as_damage(parse: Parse, data: bytes) -> None:
    assert code_of(parse, data) == "broken"


def test_entities_are_refused() -> None:
    text = "<office:text><text:p>&a;</text:p></office:text>"
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><office:document '
    data = changed(odf_file(text), {"content.xml": ("<office:document ", bomb)})
    assert code_of(parse_odf, data) == "broken"


def test_hostile_nesting_is_damage() -> None:
    deep = "<text:section>" * 3000 + "<text:p>x</text:p>" + "</text:section>" * 3000
    assert code_of(parse_odf, odf_file(f"<office:text>{deep}</office:text>")) == "broken"


def refused(data: bytes) -> str:
    with pytest.raises(Invalid) as raised:
        open_zip(data, name="file", limits=LIMITS)
    return raised.value.code


def test_zip_bombs_are_refused() -> None:
    assert refused(zipped({f"{n}": "" for n in range(10_001)})) == "too_large"
    assert refused(zipped({"big": bytes(2**20 + 1)})) == "too_large"


def test_an_entry_that_unpacks_to_more_than_it_says_is_refused() -> None:
    data = zipped({"big": bytes(2**20)})
    lying = data.replace(struct.pack("<I", 2**20), struct.pack("<I", 100))
    assert refused(lying) == "too_large"


def test_encrypted_and_oddly_packed_entries_are_refused() -> None:
    data = bytearray(zipped({"a": "b"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(data)) == "encrypted"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", "b")
    assert refused(out.getvalue()) == "broken"


def test_an_archive_within_its_limits_opens() -> None:
    assert open_zip(zipped({"a": "b"}), name="file", limits=LIMITS).read("a") == b"b"
