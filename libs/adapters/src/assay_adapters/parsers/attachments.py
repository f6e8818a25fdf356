"""What mail formats share: the head of a message, its body, and the files that travel with it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import dedent

from assay_core.documents import ElementKind, ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.html import parse_html
from assay_adapters.parsers.inclusion import include
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.plain_text import parse_text

MAX_ATTACHMENTS = 50
MAX_DEPTH = 3
_MAX_NAME_CHARS = 200
_MAX_WARNING_CHARS = 300

ParseAttachment = Callable[[bytes, str], ParsedDocument]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message; `data` is None where its bytes could not be taken out."""

    name: str
    data: bytes | None


def nested(
    parse: Callable[[bytes, str, ParseAttachment | None], ParsedDocument], *, depth: int = MAX_DEPTH
) -> ParseAttachment | None:
    """A callback for attachments, which hands itself on to attached messages; None below the last level."""
    if depth <= 0:
        return None
    inner = nested(parse, depth=depth - 1)
    return lambda data, name: parse(data, name, inner)


def write_head(canvas: Canvas, headers: Iterable[tuple[str, str]], attachments: Sequence[Attachment]) -> None:
    """The headers that are there and the names of the attachments, as one paragraph."""
    names = [label(attachment.name) for attachment in attachments[:MAX_ATTACHMENTS]]
    if len(attachments) > MAX_ATTACHMENTS:
        names.append(f"{len(attachments) - MAX_ATTACHMENTS} more")
    shown = [*headers, ("Attachments", ", ".join(names))]
    lines = [f"{key}: {' '.join(value.split())}" for key, value in shown if value.strip()]
    canvas.paragraph("\n".join(lines))


def write_plain_body(canvas: Canvas, text: str) -> None:
    """Text as people type it in mail: what looks like a heading there seldom is one."""
    parsed = parse_text(text)
    for element in parsed.elements:
        kind = ElementKind.PARAGRAPH if element.kind is ElementKind.HEADING else element.kind
        # From the start of its line: the first item of an indented list is indented like the others.
        start = parsed.text.rfind("\n", 0, element.start) + 1
        canvas.block(kind, dedent(parsed.text[start : element.end]))


def write_html_body(canvas: Canvas, text: str) -> None:
    parsed = parse_html(text)
    include(canvas, parsed.text, parsed.elements)


def write_attachments(
    canvas: Canvas,
    attachments: Sequence[Attachment],
    *,
    parse: ParseAttachment | None,
    name: str,
    limits: ParseLimits,
) -> tuple[str, ...]:
    """The text of each attachment that can be read, below a heading with its name. Returns a warning for the others."""
    warnings: list[str] = []
    if len(attachments) > MAX_ATTACHMENTS:
        warnings.append(f"only the first {MAX_ATTACHMENTS} of {len(attachments):,} attachments were read")
    if parse is None:
        if attachments:
            warnings.append(f"attachments below {MAX_DEPTH} levels of attachments were not read")
        return tuple(warnings)
    for attachment in attachments[:MAX_ATTACHMENTS]:
        try:
            parsed = _parsed(attachment, parse)
        except Invalid as e:
            warnings.append(f"attachment not read: {e.message}"[:_MAX_WARNING_CHARS])
            continue
        canvas.heading(f"Attachment: {label(attachment.name)}", 2)
        include(canvas, parsed.text, parsed.elements, deeper=2)
        warnings.extend(parsed.warnings)
        limits.check_chars(name, canvas.length)
    return tuple(warnings)


def label(name: str) -> str:
    """A name as it can be shown: one line, of a bounded length."""
    return " ".join(name.split())[:_MAX_NAME_CHARS] or "unnamed"


def _parsed(attachment: Attachment, parse: ParseAttachment) -> ParsedDocument:
    if attachment.data is None:
        raise Invalid(f"{attachment.name!r} is damaged: its bytes cannot be taken out", code="broken")
    return parse(attachment.data, label(attachment.name))
