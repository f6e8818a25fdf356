import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.errors import Invalid
from assay_core.ports import UnpackedFile

_BLOCK = re.compile(r"\S(?:.*\S)?(?:\n[^\n]*\S[^\n]*)*")
_HEADING = re.compile(r"(#{1,6}) +")


class FakeParser:
    """Reads UTF-8 text: blocks between blank lines are paragraphs, `# ` starts a heading (and is not part of it).

    `failures` maps a file name to the error that parsing it raises.
    """

    def __init__(self) -> None:
        self.failures: dict[str, Invalid] = {}

    def parse(self, path: str, *, name: str) -> ParsedDocument:
        if name in self.failures:
            raise self.failures[name]
        data = Path(path).read_bytes()
        if not data.strip():
            raise Invalid(f"{name!r} is empty", code="empty")
        if data.startswith(b"PK\x03\x04"):
            raise Invalid(f"{name!r} is an archive", code="archive")
        if b"\0" in data:
            raise Invalid(f"{name!r} is of no known type", code="unknown_type")
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        elements = tuple(_element(text, match) for match in _BLOCK.finditer(text))
        title = next((text[e.start : e.end] for e in elements if e.level == 1), "")
        return ParsedDocument(text, elements, title, "text/markdown", "fake/1")

    def unpack(self, path: str, *, name: str) -> "FakeArchive":
        if name in self.failures:
            raise self.failures[name]
        return FakeArchive(path)


class FakeArchive:
    """A ZIP archive that can be trusted."""

    def __init__(self, path: str) -> None:
        self.left_out: Sequence[str] = ()
        self._path = path

    def __iter__(self) -> Iterator[UnpackedFile]:
        with zipfile.ZipFile(self._path) as archive:
            for name in archive.namelist():
                yield UnpackedFile(name, archive.read(name))


def _element(text: str, match: re.Match[str]) -> Element:
    heading = _HEADING.match(text, match.start())
    if heading is None:
        return Element(ElementKind.PARAGRAPH, match.start(), match.end())
    return Element(ElementKind.HEADING, heading.end(), match.end(), level=len(heading[1]))
