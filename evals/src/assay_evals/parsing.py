"""How well the platform reads files: what becomes of each, and how much of an expected text and its tables is found.

`DIR` holds manifest.jsonl with lines `{"file", "format", "expected"}`, paths relative to it; `expected` is Markdown or
empty. The text is what the platform stored, asked for through its API.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from assay_core.errors import AssayError, Exhausted, Invalid
from assay_wire import public
from assay_wire.clients import AssayClient

Progress = Callable[[str, int, int], None]
Table = list[list[str]]

_FINAL = ("ready", "failed")
_POLL_S = 0.2
_WORD = re.compile(r"[^\W_]+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_COMMENT_OR_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^>]*>", re.S)
_RULE = re.compile(r"\|?[\s:|-]+\|?")


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of a file. Shares are between 0 and 1, and None where nothing is expected."""

    file: str
    format: str
    state: str
    reason: str | None
    characters: int
    word_recall: float | None = None
    cells_expected: int = 0
    cells_found: int = 0


@dataclass(frozen=True, slots=True)
class ParsingReport:
    """The figures of a folder of files."""

    dataset: str
    outcomes: tuple[FileOutcome, ...]

    def as_json(self) -> dict[str, object]:
        recalls = [one.word_recall for one in self.outcomes if one.word_recall is not None]
        cells = sum(one.cells_expected for one in self.outcomes)
        states = Counter(one.state if one.state != "failed" else one.reason or "?" for one in self.outcomes)
        return {
            "dataset": self.dataset,
            "files": len(self.outcomes),
            "states": dict(states.most_common()),
            "word_recall_mean": round(fmean(recalls), 4) if recalls else None,
            "files_with_expected_text": len(recalls),
            "cells_found": round(sum(o.cells_found for o in self.outcomes) / cells, 4) if cells else None,
            "cells_expected": cells,
            "outcomes": [asdict(one) for one in self.outcomes],
        }


def evaluate_parsing(
    client: AssayClient, folder: Path, *, collection: str, on_progress: Progress, stall_s: float = 300.0
) -> ParsingReport:
    """Upload every file of the manifest into `collection`, wait for its end, and compare.

    Raises:
        Invalid: there is no manifest, or one of its files is missing.
        Exhausted: nothing ended for `stall_s`.
    """
    rows = list(_manifest(folder))
    client.ensure_collection(collection)
    ids = list[str | AssayError]()
    for number, row in enumerate(rows, 1):
        ids.append(_upload(client, collection, folder / row["file"]))
        on_progress("upload", number, len(rows))
    outcomes = list[FileOutcome]()
    for number, (row, sent) in enumerate(zip(rows, ids, strict=True), 1):
        found = _refused(row, sent) if isinstance(sent, AssayError) else _outcome(client, folder, row, sent, stall_s)
        outcomes.append(found)
        on_progress("read", number, len(rows))
    return ParsingReport(folder.name, tuple(outcomes))


def word_recall(expected: str, found: str) -> float:
    """The share of the words of `expected`, each as often as it stands there, that `found` has; 1 if there are none."""
    wanted, there = Counter(_words(expected)), Counter(_words(found))
    total = wanted.total()
    return (wanted & there).total() / total if total else 1.0


def cells_found(expected: Table, found: Sequence[Table]) -> int:
    """Cells with text of `expected` that stand in the right row and column of the best of the tables in `found`.

    Rows keep their order, and may have others between them; columns are counted from the left.
    """
    return max((_aligned(expected, table) for table in found), default=0)


def tables(markdown: str) -> list[Table]:
    """The pipe tables of a text, their cells evened out; rules between head and body are left out."""
    found: list[Table] = []
    inside = False
    for line in markdown.splitlines():
        row = line.strip()
        if not (row.startswith("|") and row.endswith("|") and len(row) > 1):
            inside = False
            continue
        if not inside:
            found.append([])
            inside = True
        if not _RULE.fullmatch(row):
            found[-1].append([_cell(cell) for cell in re.split(r"(?<!\\)\|", row[1:-1])])
    return [table for table in found if any(any(row) for row in table)]


def _aligned(expected: Table, table: Table) -> int:
    """The most cells that agree by an alignment of rows in order."""
    best = [0] * (len(table) + 1)
    for wanted in expected:
        row = [0]
        for at, there in enumerate(table, 1):
            same = sum(bool(a) and a == b for a, b in zip(wanted, there, strict=False))
            row.append(max(row[-1], best[at], best[at - 1] + same))
        best = row
    return best[-1]


def _cell(text: str) -> str:
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    plain = _COMMENT_OR_TAG.sub(" ", _LINK.sub(r"\1", text))
    return [word.casefold() for word in _WORD.findall(plain)]


def _manifest(folder: Path) -> Iterator[dict[str, str]]:
    path = folder / "manifest.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error.strerror}.", code="no_manifest") from error
    for number, line in enumerate(lines, 1):
        try:
            raw = json.loads(line)
            row = {key: str(raw.get(key) or "") for key in ("file", "format", "expected")}
        except (ValueError, AttributeError) as error:
            raise Invalid(f"{str(path)!r}, line {number} is no JSON object.", code="bad_manifest") from error
        if not (folder / row["file"]).is_file():
            raise Invalid(f"{str(path)!r}, line {number} names {row['file']!r}, which is not there.", code="no_file")
        yield row


def _upload(client: AssayClient, collection: str, path: Path) -> str | AssayError:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        with path.open("rb") as file:
            return client.upload(collection, file, name=path.name, metadata={"sha256": digest}).document_id
    except Invalid as error:
        return error


def _refused(row: dict[str, str], error: AssayError) -> FileOutcome:
    return FileOutcome(row["file"], row["format"], "failed", error.code, 0)


def _outcome(client: AssayClient, folder: Path, row: dict[str, str], document: str, stall_s: float) -> FileOutcome:
    ended = _await_end(client, document, stall_s)
    if ended.state != "ready":
        return FileOutcome(row["file"], row["format"], ended.state, ended.error_code, 0)
    text = _whole_text(client, document, ended.version)
    if not row["expected"]:
        return FileOutcome(row["file"], row["format"], ended.state, None, len(text))
    expected = (folder / row["expected"]).read_text(encoding="utf-8")
    there, wanted = tables(text), tables(expected)
    return FileOutcome(
        row["file"],
        row["format"],
        ended.state,
        None,
        len(text),
        word_recall=round(word_recall(expected, text), 4),
        cells_expected=sum(bool(cell) for table in wanted for line in table for cell in line),
        cells_found=sum(cells_found(table, there) for table in wanted),
    )


def _await_end(client: AssayClient, document: str, stall_s: float) -> public.DocumentDetail:
    until_s = time.monotonic() + stall_s
    while (newest := client.document(document)).state not in _FINAL:
        if time.monotonic() > until_s:
            raise Exhausted(f"{newest.name!r} is {newest.state} for {stall_s:.0f} s.", code="stalled")
        time.sleep(_POLL_S)
    return newest


def _whole_text(client: AssayClient, document: str, version: int) -> str:
    piece = client.document_text(document, version)
    text = piece.text
    while len(text) < piece.length:
        text += client.document_text(document, version, start=len(text), end=piece.length, context=0).text
    return text
