"""Readers that search all the time, and note what no reader may ever see."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from assay_core.documents import CollectionId
from assay_core.errors import Exhausted, Unavailable
from assay_core.ports import Retriever
from assay_core.principals import Principal
from assay_core.search import (
    CacheUse,
    Hit,
    Mode,
    SearchRequest,
    SearchResult,
)

from assay_testing.crash.ledger import SECTIONS, Ledger, Written, marker

_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Incident:
    """Something in an answer that must not be; `invariant` as in `oracle`."""

    invariant: str
    subject: str
    detail: str


class Readers:
    """Search for documents of the ledger while entered. `answers` counts them; `seen` holds (document, version)."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        principal: Principal,
        collection: CollectionId,
        ledger: Ledger,
        seed: int,
        readers: int = 2,
        pause_s: float = 0.03,
    ) -> None:
        self._retriever = retriever
        self._principal = principal
        self._collection = collection
        self._ledger = ledger
        self._random = random.Random(seed)
        self._readers = readers
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="readers", daemon=True)
        self._visible: set[str] = set()
        self.answers = Counter[str]()
        self.seen: set[tuple[str, int]] = set()
        self.incidents: list[Incident] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._read() for _ in range(self._readers)))

    async def _read(self) -> None:
        while not self._stop.is_set():
            kept = self._ledger.documents()
            if kept:
                await self._search(self._random.choice(kept))
            await asyncio.sleep(self._pause_s)

    async def _search(self, wanted: Written) -> None:
        request = SearchRequest(
            self._collection,
            wanted.name,
            mode=self._random.choice([Mode.HYBRID, Mode.HYBRID, Mode.LEXICAL]),
            cache=self._random.choice([CacheUse.USE, CacheUse.BYPASS]),
            rerank=False,
            deadline_s=_DEADLINE_S,
        )
        was_visible, started_s = wanted.document in self._visible, time.monotonic()
        try:
            result = await self._retriever.search(self._principal, request)
        except (Unavailable, Exhausted) as error:
            self.answers[error.code] += 1
            return
        except Exception as error:  # noqa: BLE001 (the edge of a reader: whatever it is, it is a finding)
            self._note("reader", wanted.name, f"{type(error).__name__}: {error}")
            return
        self.answers[f"cache {result.cache}" if not result.degraded else "degraded"] += 1
        self._check(wanted, result, was_visible=was_visible, started_s=started_s)

    def _check(self, wanted: Written, result: SearchResult, *, was_visible: bool, started_s: float) -> None:
        self.seen |= {(hit.document.id, hit.version) for hit in result.hits}
        self.incidents += check_answer(self._ledger, result.hits, started_s=started_s)
        found = any(hit.document.id == wanted.document for hit in result.hits)
        if found:
            self._visible.add(wanted.document)
        elif was_visible and wanted.delete_sent_s is None and not result.degraded:
            self._note("R13", wanted.name, f"no version of it was visible ({request_kind(result)})")

    def _note(self, invariant: str, subject: str, detail: str) -> None:
        self.incidents.append(Incident(invariant, subject, detail))


def request_kind(result: SearchResult) -> str:
    """How an answer came about, for a report."""
    return f"cache {result.cache}, {len(result.hits)} hits"


def check_answer(ledger: Ledger, hits: Sequence[Hit], *, started_s: float) -> list[Incident]:
    """What is wrong with one answer: I3 no passage twice, I6 one version a document, nothing that was deleted."""
    incidents = [
        Incident("I3", chunk, f"{n} times in one answer")
        for chunk, n in Counter(h.chunk.id for h in hits).items()
        if n > 1
    ]
    by_document: dict[str, list[Hit]] = {}
    for hit in hits:
        by_document.setdefault(hit.document.id, []).append(hit)
    for document, own in by_document.items():
        versions = {hit.version for hit in own}
        if len(versions) > 1:
            incidents.append(Incident("I6", document, f"versions {sorted(versions)} in one answer"))
        written = ledger.find(document)
        if written is None:
            continue  # its acknowledgement may be on its way; phantoms are looked for at the end
        if written.deleted_s is not None and written.deleted_s < started_s:
            incidents.append(Incident("deleted", document, "in an answer after its deletion was acknowledged"))
        incidents += [
            Incident("I6", document, f"version {hit.version} has a passage of another one")
            for hit in own
            if not _is_of_its_version(written, hit)
        ]
    return incidents


def _is_of_its_version(written: Written, hit: Hit) -> bool:
    edition = written.editions.get(hit.version)
    return edition is None or any(marker(written.name, s, edition) in hit.text for s in range(SECTIONS))
