"""Multipart bodies read piece by piece. Nothing is kept but small fields, and nothing is written to disk."""

from collections.abc import Iterator
from dataclasses import dataclass

from assay_core.errors import Invalid
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_FIELDS = 8
MAX_FIELD_BYTES = 32 << 10
_MAX_HEADER_BYTES = 16 << 10


@dataclass(frozen=True, slots=True)
class Field:
    """A whole small field."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class FileStart:
    """A file begins; its bytes follow."""

    filename: str


@dataclass(frozen=True, slots=True)
class FileData:
    """Some bytes of the file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file is whole."""


Event = Field | FileStart | FileData | FileEnd


class MultipartReader:
    """Turns pieces of a body into events. Accepts up to `MAX_FIELDS` fields and then one file.

    Raises:
        Invalid: the body is not such a form; the message says what is wrong.
    """

    def __init__(self, content_type: str) -> None:
        media_type, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if media_type != b"multipart/form-data" or not boundary:
            raise Invalid(
                f"The Content-Type is {content_type[:100]!r}; send multipart/form-data with the part 'file'.",
                code="unsupported_media_type",
            )
        self._events = list[Event]()
        self._headers = dict[bytes, bytes]()
        self._header = [b"", b""]
        self._field: str | None = None
        self._value = b""
        self._fields = 0
        self._in_file = self._had_file = self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_count=8,
                max_header_size=_MAX_HEADER_BYTES,
            )
        except FormParserError as error:
            raise _malformed(str(error)) from error

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that `piece` brings."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed(str(error)) from error
        events, self._events = self._events, []
        return iter(events)

    def finish(self) -> None:
        """Check that the form came to its end and had a file."""
        if not self._ended:
            raise _malformed("it ends too early")
        if not self._had_file:
            raise _malformed("it has no part 'file'")

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._header = [b"", b""]

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if disposition != b"form-data" or not name:
            raise _malformed("a part has no name")
        if self._had_file:
            raise _malformed("something follows the file; send fields before it, and one file a request")
        if name == "file":
            self._in_file = self._had_file = True
            self._events.append(FileStart(options.get(b"filename", b"").decode("utf-8", "replace")))
            return
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise _malformed(f"it has more than {MAX_FIELDS} fields")
        self._field, self._value = name, b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._events.append(FileData(data[start:end]))
            return
        self._value += data[start:end]
        if len(self._value) > MAX_FIELD_BYTES:
            raise _malformed(f"the field {self._field!r} is larger than {MAX_FIELD_BYTES:,} bytes")

    def _on_part_end(self) -> None:
        if self._in_file:
            self._in_file = False
            self._events.append(FileEnd())
        elif self._field is not None:
            self._events.append(Field(self._field, self._value))
            self._field = None

    def _on_end(self) -> None:
        self._ended = True


def _malformed(why: str) -> Invalid:
    return Invalid(f"The form cannot be read: {why}.", code="bad_form")
