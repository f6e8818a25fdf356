import pytest
from assay_core import file_types
from assay_core.errors import Invalid
from assay_gateway.documents import MAX_TEXT_CHARS, passage
from assay_testing.fuzz.seeds import seeds
from assay_wire import public

TEXT = "".join(chr(0x4E00 + n) for n in range(1000))


def window(text: str, start: int | None, end: int | None, context: int = 10) -> public.DocumentText:
    return passage(text, start, end, context=context, document="d", name="n", version=1)


@pytest.mark.parametrize(("start", "end"), [(0, 5), (500, 510), (995, 1000), (1000, 1000), (7, 7), (7, None)])
def test_a_window_holds_the_passage_at_its_offsets(start: int, end: int | None) -> None:
    found = window(TEXT, start, end)
    end = start if end is None else end
    assert found.text == TEXT[found.start : found.end]
    assert found.text[found.passage_start - found.start : found.passage_end - found.start] == TEXT[start:end]
    assert (found.start, found.end) == (max(0, start - 10), min(1000, end + 10))


def test_without_a_span_the_beginning_is_shown() -> None:
    found = window("x" * (MAX_TEXT_CHARS + 1), None, None)
    assert (found.start, found.end, found.length) == (0, MAX_TEXT_CHARS, MAX_TEXT_CHARS + 1)


def test_a_window_is_bounded() -> None:
    assert len(window("x" * 10**6, 5, 10**6).text) <= MAX_TEXT_CHARS


@pytest.mark.parametrize(("start", "end"), [(5, 4), (1001, 1002), (0, 1001), (None, 1001)])
def test_a_span_outside_of_the_text_is_refused(start: int | None, end: int | None) -> None:
    with pytest.raises(Invalid) as error:
        window(TEXT, start, end)
    assert error.value.code == "bad_span"


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (b"%PDF-1.7", "a.txt", "application/pdf"),
        (b"\r\n%PDF-1.4", "a", "application/pdf"),
        (b"# Hi", "A.MD", "text/markdown"),
        (b"<p>", "a.html", "text/html"),
        (b"MZ is how this text begins", "a.txt", "text/plain"),
        (b"BMW sells cars", "a.txt", "text/plain"),
        ("\ufeffMZ".encode("utf-16"), "a.txt", "text/plain"),
        (b"BM\x36\0\0\0", "a.bmp", "image/bmp"),
        (b"MM\0*", "scan.TIF", "image/tiff"),
        (b"RIFF\0\0\0\0WEBP", "a.webp", "image/webp"),
    ],
)
def test_documents_pass_and_get_a_first_type(head: bytes, name: str, media_type: str) -> None:
    file_types.refuse_binary(head, name)
    assert file_types.media_type(head, name) == media_type


def test_what_parsers_read_passes() -> None:
    for name, data in seeds().items():
        file_types.refuse_binary(data[: file_types.HEAD_BYTES], name)


@pytest.mark.parametrize(
    "head", [b"MZ\x90\0\x03", b"\x7fELF", b"\0\0\0\x20ftypmp42", b"x" * 257 + b"ustar", b"RIFF\0\0\0\0WAVE"]
)
def test_what_is_plainly_no_document_is_refused(head: bytes) -> None:
    with pytest.raises(Invalid) as error:
        file_types.refuse_binary(head, "a.pdf")
    assert error.value.code == "unknown_type"
    assert "PDF" in error.value.message
