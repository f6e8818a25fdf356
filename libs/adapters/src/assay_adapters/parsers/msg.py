import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.attachments import (
    MAX_ATTACHMENTS,
    MAX_DEPTH,
    Attachment,
    ParseAttachment,
    label,
    write_attachments,
    write_head,
    write_html_body,
    write_plain_body,
)
from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.codepages import code_page
from assay_adapters.parsers.html import declared_charset
from assay_adapters.parsers.inclusion import include
from assay_adapters.parsers.limits import ParseLimits

if TYPE_CHECKING:
    from olefile import OleFileIO

PARSER = "msg/1"

# Property ids of MS-OXPROPS, types of MS-OXCDATA.
_SUBJECT, _BODY, _HTML, _RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_DISPLAY_TO, _DISPLAY_CC = 0x0E04, 0x0E03
_SENT_AT, _DELIVERED_AT = 0x0039, 0x0E06
_INTERNET_CODE_PAGE, _CODE_PAGE = 0x3FDE, 0x3FFD
_NAME, _ADDRESS, _SMTP_ADDRESS, _RECIPIENT_TYPE = 0x3001, 0x3003, 0x39FE, 0x0C15
_FILE_NAME, _SHORT_FILE_NAME, _DATA = 0x3707, 0x3704, 0x3701
_TEXT, _TEXT8, _BINARY, _OBJECT = 0x001F, 0x001E, 0x0102, 0x000D
_NUMBER, _TIME = 0x0003, 0x0040
_HEADERS_BYTES = {"message": 32, "embedded": 24, "other": 8}
_TO, _CC = 1, 2
# Streams may share their sectors: what is read may be more than the file.
_MAX_TIMES_FILE = 3
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def parse_msg(
    data: bytes, *, name: str, limits: ParseLimits, parse_attachment: ParseAttachment | None = None
) -> ParsedDocument:
    """An Outlook message: headers, body (plain, else HTML, else RTF), attachments below headings of level 2.

    Args:
        parse_attachment: parses an attachment, see `attachments.nested`; without it they are only named.

    Raises:
        Invalid: broken if it is no Outlook message, too_large if its text is too long.
    """
    import olefile

    canvas = Canvas()
    warnings: list[str] = []
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            budget = _Budget(_MAX_TIMES_FILE * len(data), name)
            message = _Storage(container, (), kind="message", budget=budget)
            if not container.exists("__properties_version1.0"):
                raise _broken(name, "it has no properties of a message")
            writer = _MessageWriter(canvas, warnings, name=name, limits=limits, parse=parse_attachment)
            writer.write(message)
            title = " ".join(message.text(_SUBJECT).split())
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as e:
        # olefile raises its own OSErrors for most damage, and the others where a chain of sectors leads nowhere.
        raise _broken(name, str(e)) from e
    text, elements = canvas.finish()
    return ParsedDocument(text, elements, title, "application/vnd.ms-outlook", PARSER, None, tuple(warnings))


@dataclass(slots=True)
class _Budget:
    left_bytes: int
    name: str

    def spend(self, size_bytes: int) -> None:
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise _broken(self.name, "its parts overlap")


class _Storage:
    """The properties of a message, a recipient or an attachment: a stream each, the fixed ones in one table."""

    def __init__(self, container: "OleFileIO[str]", path: tuple[str, ...], *, kind: str, budget: _Budget) -> None:
        self._container = container
        self._budget = budget
        self.path = path
        self._fixed = dict(self._table(_HEADERS_BYTES[kind]))
        page = self.number(_CODE_PAGE) or self.number(_INTERNET_CODE_PAGE)
        self.encoding = code_page(page) if page else "cp1252"

    def binary(self, identifier: int, kind: int = _BINARY) -> bytes | None:
        return self._stream(f"__substg1.0_{identifier:04X}{kind:04X}")

    def text(self, identifier: int) -> str:
        wide = self.binary(identifier, _TEXT)
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self.binary(identifier, _TEXT8)
        return narrow.decode(self.encoding, "replace").rstrip("\0") if narrow is not None else ""

    def number(self, identifier: int) -> int:
        return self._fixed.get((identifier, _NUMBER), 0) & 0xFFFFFFFF

    def time(self, identifier: int) -> str:
        ticks = self._fixed.get((identifier, _TIME), 0)
        try:
            return f"{_EPOCH + timedelta(microseconds=ticks // 10):%Y-%m-%d %H:%M UTC}" if ticks else ""
        except OverflowError:
            return ""

    def children(self, prefix: str, *, kind: str = "other") -> "Iterator[_Storage]":
        depth = len(self.path)
        entries = self._container.listdir(streams=True, storages=True)
        names = {tuple(entry[: depth + 1]) for entry in entries if len(entry) > depth}
        for path in sorted(names):
            if path[:depth] == self.path and path[depth].startswith(prefix):
                yield _Storage(self._container, path, kind=kind, budget=self._budget)

    def embedded(self) -> "_Storage | None":
        """The message that an attachment is."""
        path = (*self.path, f"__substg1.0_{_DATA:04X}{_OBJECT:04X}")
        if not self._container.exists([*path, "__properties_version1.0"]):
            return None
        return _Storage(self._container, path, kind="embedded", budget=self._budget)

    def _table(self, header_bytes: int) -> Iterator[tuple[tuple[int, int], int]]:
        table = self._stream("__properties_version1.0") or b""
        for at in range(header_bytes, len(table) - 15, 16):
            kind, identifier, _, value = struct.unpack_from("<HHLQ", table, at)
            yield (identifier, kind), value

    def _stream(self, stream: str) -> bytes | None:
        path = [*self.path, stream]
        if not self._container.exists(path):
            return None
        self._budget.spend(self._container.get_size(path))
        with self._container.openstream(path) as opened:
            return opened.read()


class _MessageWriter:
    def __init__(
        self,
        canvas: Canvas,
        warnings: list[str],
        *,
        name: str,
        limits: ParseLimits,
        parse: ParseAttachment | None,
    ) -> None:
        self._canvas = canvas
        self._warnings = warnings
        self._name = name
        self._limits = limits
        self._parse = parse

    def write(self, message: _Storage, *, depth: int = 0) -> None:
        """The message, then the ones attached to it, then its files."""
        files: list[Attachment] = []
        messages: list[tuple[str, _Storage]] = []
        for attached in message.children("__attach_version1.0_#"):
            inner = attached.embedded()
            if inner is None:
                data = attached.binary(_DATA) if len(files) < MAX_ATTACHMENTS else None
                files.append(Attachment(_file_name(attached), data))
            else:
                messages.append((inner.text(_SUBJECT) or attached.text(_NAME) or "message", inner))
        named = [*(Attachment(subject, None) for subject, _ in messages), *files]
        write_head(self._canvas, _headers(message), named)
        self._body(message)
        self._limits.check_chars(self._name, self._canvas.length)
        if depth >= MAX_DEPTH:
            self._warnings.extend(["attached messages below the third level were not read"] if messages else [])
            messages = []
        for subject, inner in messages[:MAX_ATTACHMENTS]:
            self._canvas.heading(f"Attachment: {label(subject)}", 2 + depth)
            self.write(inner, depth=depth + 1)
        self._warnings += write_attachments(
            self._canvas, files, parse=self._parse, name=self._name, limits=self._limits
        )

    def _body(self, message: _Storage) -> None:
        if (text := message.text(_BODY)).strip():
            write_plain_body(self._canvas, _line_ends(text))
        elif (html := message.text(_HTML)).strip():
            write_html_body(self._canvas, _line_ends(html))
        elif data := message.binary(_HTML):
            page = message.number(_INTERNET_CODE_PAGE)
            encoding = code_page(page) if page else declared_charset(data) or message.encoding
            write_html_body(self._canvas, _line_ends(_decoded(data, encoding)))
        elif packed := message.binary(_RTF):
            self._rtf_body(packed)

    def _rtf_body(self, packed: bytes) -> None:
        from assay_adapters.parsers.lzfu import decompress
        from assay_adapters.parsers.rtf import parse_rtf

        try:
            parsed = parse_rtf(decompress(packed), name="body", limits=self._limits)
        except (ValueError, Invalid) as e:
            self._warnings.append(f"the body was left out: {e}")
            return
        include(self._canvas, parsed.text, parsed.elements)


def _headers(message: _Storage) -> list[tuple[str, str]]:
    sender = _address(message, _SENDER_NAME, (_SENDER_SMTP, _SENDER_ADDRESS))
    recipients = [
        (recipient.number(_RECIPIENT_TYPE), _address(recipient, _NAME, (_SMTP_ADDRESS, _ADDRESS)))
        for recipient in message.children("__recip_version1.0_#")
    ]
    to = ", ".join(filter(None, (shown for kind, shown in recipients if kind == _TO)))
    cc = ", ".join(filter(None, (shown for kind, shown in recipients if kind == _CC)))
    return [
        ("From", sender),
        ("To", to or message.text(_DISPLAY_TO)),
        ("Cc", cc or message.text(_DISPLAY_CC)),
        ("Date", message.time(_SENT_AT) or message.time(_DELIVERED_AT)),
        ("Subject", message.text(_SUBJECT)),
    ]


def _address(of: _Storage, name: int, addresses: tuple[int, ...]) -> str:
    """`Name <address>`; addresses inside an organization (`/O=…`) say nothing to people."""
    shown = of.text(name).strip()
    address = next((text for text in map(of.text, addresses) if "@" in text), "").strip()
    if not shown or shown.lower() == address.lower():
        return address or shown
    return f"{shown} <{address}>" if address else shown


def _file_name(attached: _Storage) -> str:
    return next(filter(None, map(attached.text, (_FILE_NAME, _SHORT_FILE_NAME, _NAME))), "unnamed")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\0")


def _broken(name: str, why: str) -> Invalid:
    return Invalid(f"{name!r} is no Outlook message that can be read: {why}. Save it again, or as .eml", code="broken")
