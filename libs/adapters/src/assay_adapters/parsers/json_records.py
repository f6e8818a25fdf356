import json
from collections.abc import Sequence
from typing import cast

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.titles import best_title

PARSER = "json/1"

Record = dict[str, object]
_TITLE_KEYS = ("title", "name", "label", "subject", "id", "key")
_MAX_KEY_CHARS = 200
_MAX_TITLE_CHARS = 120
_MAX_COLUMNS = 40
_MIN_FILLED = 0.5
_MAX_INLINE_CHARS = 200


def parse_json(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Records as sections of `key: value` lines with dotted keys; lists of flat objects as tables.

    A file of several values, one after the other, is read as JSON Lines.

    Raises:
        Invalid: broken if it is not JSON or nested too deeply, too_large if its text is too long.
    """
    try:
        value = _loads(text)
    except json.JSONDecodeError as e:
        if e.msg == "Extra data":
            return parse_jsonl(text, name=name, limits=limits)
        raise _broken(name, f"{e.msg} at line {e.lineno}, column {e.colno}") from e
    except RecursionError as e:
        raise _too_deep(name) from e
    writer = _RecordWriter(name=name, limits=limits)
    try:
        writer.document(value)
    except RecursionError as e:
        raise _too_deep(name) from e
    return writer.finish(_title(value), "application/json")


def parse_jsonl(text: str, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """One record a block. Lines that are no JSON are passed over with a warning if most others are.

    Raises:
        Invalid: broken if fewer than half of the lines are JSON, too_large if the text is too long.
    """
    writer = _RecordWriter(name=name, limits=limits)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    bad: list[str] = []
    for number, line in lines:
        try:
            writer.block(_loads(line))
        except json.JSONDecodeError as e:
            bad.append(f"line {number}: {e.msg}")
        except RecursionError as e:
            raise _too_deep(f"{name}, line {number}") from e
    if len(bad) * 2 > len(lines):
        raise _broken(name, f"{bad[0]} ({len(bad):,} of {len(lines):,} lines are no JSON)")
    warnings = (f"{len(bad)} lines are no JSON and were left out; the first is {bad[0]}",) if bad else ()
    return writer.finish("", "application/x-ndjson", warnings)


def _loads(text: str) -> object:
    """Numbers stay as they are written: 1.10 is often a version, and long ones would not fit."""
    return json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str, parse_constant=str)


class _RecordWriter:
    def __init__(self, *, name: str, limits: ParseLimits) -> None:
        self._name = name
        self._limits = limits
        self._canvas = Canvas()
        self._lines: list[str] = []
        self._pending_chars = 0

    def document(self, value: object) -> None:
        match value:
            case dict():
                self._sections(cast("Record", value))
            case list():
                self._records(cast("list[object]", value))
            case _:
                self.block(value)

    def block(self, value: object) -> None:
        self._value("", value)
        self._flush()

    def finish(self, title: str, media_type: str, warnings: tuple[str, ...] = ()) -> ParsedDocument:
        text, elements = self._canvas.finish()
        return ParsedDocument(text, elements, best_title(title, text, elements), media_type, PARSER, None, warnings)

    def _sections(self, record: Record) -> None:
        for key, value in record.items():
            if not isinstance(value, dict | list) or _is_short_list(value):
                self._value(_short(key), value)
                continue
            self._flush()
            self._canvas.heading(_short(key), 2)
            self.block(value)
        self._flush()

    def _records(self, records: list[object]) -> None:
        if _is_table(records) or not any(isinstance(record, dict | list) for record in records):
            self.block(records)
            return
        for number, record in enumerate(records, 1):
            self._canvas.heading(_title(record) or f"Record {number}", 2)
            self.block(record)

    def _value(self, path: str, value: object) -> None:
        match value:
            case dict():
                for key, inner in cast("Record", value).items():
                    self._value(f"{path}.{_short(key)}" if path else _short(key), inner)
            case list():
                self._list(path, cast("list[object]", value))
            case _:
                if text := _scalar(value):
                    self._line(f"{path}: {text}" if path else text)

    def _list(self, path: str, values: list[object]) -> None:
        if _is_short_list(values):
            self._value(path, ", ".join(filter(None, map(_scalar, values))))
        elif _is_table(values):
            self._introduce(path)
            self._canvas.table(_rows(cast("list[Record]", values)))
        elif not any(isinstance(value, dict | list) for value in values):
            self._introduce(path)
            self._canvas.items([(0, _scalar(value)) for value in values])
        else:
            for number, value in enumerate(values, 1):
                self._value(f"{path}.{number}" if path else str(number), value)
        self._limits.check_chars(self._name, self._canvas.length)

    def _introduce(self, path: str) -> None:
        if path:
            self._line(f"{path}:")
        self._flush()

    def _line(self, line: str) -> None:
        self._lines.append(line)
        self._pending_chars += len(line) + 1
        self._limits.check_chars(self._name, self._canvas.length + self._pending_chars)

    def _flush(self) -> None:
        self._canvas.paragraph("\n".join(self._lines))
        self._lines = []
        self._pending_chars = 0


def _title(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    record = cast("Record", value)
    by_key = {key.lower(): inner for key, inner in record.items() if isinstance(inner, str) and inner.strip()}
    titles = (str(by_key[key]) for key in _TITLE_KEYS if key in by_key)
    return next((" ".join(title.split()) for title in titles if len(title) <= _MAX_TITLE_CHARS), "")


def _is_short_list(value: object) -> bool:
    if not isinstance(value, list):
        return False
    values = cast("list[object]", value)
    scalars = len(values) <= _MAX_INLINE_CHARS and not any(isinstance(inner, dict | list) for inner in values)
    return scalars and sum(len(_scalar(inner)) + 2 for inner in values) <= _MAX_INLINE_CHARS


def _is_table(values: Sequence[object]) -> bool:
    """Several flat objects that share most of their keys: otherwise most cells would stay empty."""
    if len(values) < 2 or not all(isinstance(value, dict) for value in values):
        return False
    records = cast("Sequence[Record]", values)
    if any(isinstance(inner, dict | list) for record in records for inner in record.values()):
        return False
    columns = {key for record in records for key in record}
    filled = sum(len(record) for record in records)
    return 0 < len(columns) <= _MAX_COLUMNS and filled >= _MIN_FILLED * len(columns) * len(records)


def _rows(records: Sequence[Record]) -> list[list[str]]:
    columns = list(dict.fromkeys(key for record in records for key in record))
    return [
        [_short(column) for column in columns],
        *([_scalar(record.get(column)) for column in columns] for record in records),
    ]


def _scalar(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value).strip()


def _short(key: str) -> str:
    return " ".join(key.split())[:_MAX_KEY_CHARS]


def _broken(name: str, why: str) -> Invalid:
    return Invalid(f"{name!r} is not JSON: {why}. Mend it, or upload it as text with a name in .txt", code="broken")


def _too_deep(name: str) -> Invalid:
    return Invalid(f"{name!r} is nested too deeply to be read: flatten it to less than 300 levels", code="broken")
