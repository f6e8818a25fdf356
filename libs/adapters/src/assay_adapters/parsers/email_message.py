import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import cast

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.attachments import (
    Attachment,
    ParseAttachment,
    write_attachments,
    write_head,
    write_html_body,
    write_plain_body,
)
from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.decoding import decode
from assay_adapters.parsers.limits import ParseLimits

PARSER = "eml/1"

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_BODIES = frozenset({"text/plain", "text/html"})
# Encodings whose bytes are all ASCII: they would pass for UTF-8.
_SHIFTING = ("iso-2022", "iso2022", "hz", "utf-7", "utf7")
_FOLD = re.compile(r"[\r\n]+[ \t]+")
_ADJACENT = re.compile(r"(\?=)\s+(=\?)")


def parse_email(
    data: bytes, *, name: str, limits: ParseLimits, parse_attachment: ParseAttachment | None = None
) -> ParsedDocument:
    """A message: its headers as first paragraph, its body, and its attachments below headings of level 2.

    Args:
        parse_attachment: parses an attachment, see `attachments.nested`; without it they are only named.

    Raises:
        Invalid: broken if it is no mail or nested too deeply, too_large if its text is too long.
    """
    from email import message_from_bytes

    try:
        message = message_from_bytes(data)
        content = _content(message)
    except RecursionError as e:
        raise _broken(name, "its parts are nested too deeply") from e
    headers = [(key, _header(message, key)) for key in _HEADERS]
    if not any(value for _, value in headers):
        raise _broken(name, "it has no From, To, Date or Subject")
    canvas = Canvas()
    write_head(canvas, headers, content.attachments)
    for part in content.bodies:
        _write_body(canvas, part, content.warnings)
        limits.check_chars(name, canvas.length)
    unread = write_attachments(canvas, content.attachments, parse=parse_attachment, name=name, limits=limits)
    text, elements = canvas.finish()
    title = " ".join(headers[-1][1].split())
    return ParsedDocument(text, elements, title, "message/rfc822", PARSER, None, (*content.warnings, *unread))


@dataclass(slots=True)
class _Content:
    bodies: list[Message] = field(default_factory=list[Message])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    warnings: list[str] = field(default_factory=list[str])


def _content(message: Message) -> _Content:
    content = _Content()
    for part in _leaves(message):
        if _is_body(part):
            content.bodies.append(part)
        elif part.get_content_type() == "message/rfc822":
            content.attachments.append(_attached_message(part))
        elif part.get_content_type() != "message/delivery-status":
            content.attachments.append(Attachment(_file_name(part), _payload(part)))
    return content


def _leaves(part: Message) -> Iterator[Message]:
    """Parts without parts, of alternatives only one; an attached message counts as one part."""
    if not part.is_multipart() or part.get_content_type() == "message/rfc822":
        yield part
        return
    parts = cast("list[Message]", part.get_payload())
    if part.get_content_type() == "multipart/alternative":
        parts = _alternative(parts)
    for inner in parts:
        yield from _leaves(inner)


def _alternative(parts: list[Message]) -> list[Message]:
    """The plain text if it says something, else what holds HTML; attachments that were put here stay."""
    plain = [part for part in parts if part.get_content_type() == "text/plain" and _payload(part).strip()]
    html = [part for part in parts if any(leaf.get_content_type() == "text/html" for leaf in part.walk())]
    chosen = plain[:1] or html[:1] or parts[:1]
    return [part for part in parts if part in chosen or not (part in plain or part in html or _is_body(part))]


def _is_body(part: Message) -> bool:
    attached = part.get_content_disposition() == "attachment" or part.get_filename()
    # A multipart without its parts is text that somebody cut.
    return (part.get_content_type() in _BODIES or part.get_content_maintype() == "multipart") and not attached


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _attached_message(part: Message) -> Attachment:
    inner = part.get_payload(0) if part.is_multipart() else None
    if not isinstance(inner, Message):
        return Attachment(_file_name(part), _payload(part))
    named = part.get_filename()
    name = _decoded(named) if named else f"{_header(inner, 'Subject')[:100] or 'message'}.eml"
    try:
        return Attachment(name, inner.as_bytes())
    except (LookupError, ValueError, TypeError, AttributeError):
        # The generator fails in all these ways on parts whose headers and payload do not agree.
        return Attachment(name, None)


def _write_body(canvas: Canvas, part: Message, warnings: list[str]) -> None:
    data = _payload(part)
    if not data.strip():
        return
    charset = part.get_content_charset()
    try:
        if charset and charset.startswith(_SHIFTING):
            data = data.decode(charset, "replace").encode("utf-8", "replace")
        text = decode(data, name="body", declared=charset).text
    except LookupError:
        text = data.decode("ascii", "replace")
    except Invalid as e:
        warnings.append(f"a part was left out: {e.message}")
        return
    if part.get_content_type() == "text/html":
        write_html_body(canvas, text)
    else:
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        write_plain_body(canvas, _unflowed(text) if flowed else text)


def _unflowed(text: str) -> str:
    """Lines that end in a blank go on in the next one (RFC 3676)."""
    lines: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        if goes_on and line and not line.startswith(">"):
            lines[-1] += line.removeprefix(" ")
        else:
            lines.append(line)
        goes_on = line.endswith(" ") and line != "-- "
    return "\n".join(lines)


def _file_name(part: Message) -> str:
    named = part.get_filename()
    return _decoded(named) if named else f"unnamed.{part.get_content_subtype()}"


def _header(message: Message, wanted: str) -> str:
    values = [value for key, value in message.raw_items() if key.lower() == wanted.lower()]
    return ", ".join(_decoded(str(value)) for value in values[:20])


def _decoded(value: str) -> str:
    """A header's text: encoded words, and bytes beyond ASCII that should not be there.

    Not by `policy.default`: its header parser raises on some damage and takes quadratic time on other.
    """
    from email.errors import HeaderParseError
    from email.header import decode_header

    value = _FOLD.sub(" ", _bytes_decoded(value.encode("utf-8", "surrogateescape"), None))
    if "=?" not in value:
        return value.strip()
    try:
        pieces = decode_header(_ADJACENT.sub(r"\1\2", value))
    except (HeaderParseError, ValueError):
        return value.strip()
    return "".join(
        piece if isinstance(piece, str) else _bytes_decoded(piece, charset) for piece, charset in pieces
    ).strip()


def _bytes_decoded(data: bytes, charset: str | None) -> str:
    for encoding in filter(None, (charset, "utf-8", "cp1252")):
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("utf-8", "replace")


def _broken(name: str, why: str) -> Invalid:
    return Invalid(f"{name!r} is no mail that can be read: {why}. Save it again as .eml", code="broken")
