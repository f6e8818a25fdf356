from pathlib import Path

import pytest
from assay_core.documents import ElementKind
from assay_core.errors import Invalid
from assay_core.ports import Parser

MARKDOWN = "# Leave policy\r\n\r\nYou get *20* days.\r\nAsk Zoë.\r\n\r\n## Exceptions\r\n\r\nNone.\r\n"


class ParserContract:
    """Override `parser`."""

    @pytest.fixture
    def parser(self) -> Parser:
        raise NotImplementedError

    def test_elements_are_ordered_spans_of_the_text(self, parser: Parser, tmp_path: Path) -> None:
        file = tmp_path / "upload"
        file.write_bytes(MARKDOWN.encode())
        parsed = parser.parse(str(file), name="leave.md")
        pieces = [parsed.text[e.start : e.end] for e in parsed.elements]
        assert pieces == ["Leave policy", "You get *20* days.\nAsk Zoë.", "Exceptions", "None."]
        assert [e.kind for e in parsed.elements] == [ElementKind.HEADING, ElementKind.PARAGRAPH] * 2
        assert [e.level for e in parsed.elements] == [1, 0, 2, 0]
        assert parsed.title == "Leave policy"
        assert parsed.parser

    @pytest.mark.parametrize(
        ("data", "code"), [(b"", "empty"), (b" \n\t\n", "empty"), (b"\0\1\2\3" * 100, "unknown_type")]
    )
    def test_what_cannot_be_parsed_is_refused(self, parser: Parser, tmp_path: Path, data: bytes, code: str) -> None:
        file = tmp_path / "upload"
        file.write_bytes(data)
        with pytest.raises(Invalid) as raised:
            parser.parse(str(file), name="strange.bin")
        assert raised.value.code == code
        assert "strange.bin" in raised.value.message
