"""A client of the public API, for the command line and for programs of others."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote

import httpx
from assay_core.errors import Broken, Exhausted, NotFound, Unavailable
from pydantic import BaseModel, ValidationError

from assay_wire import ab_tests as ab_test_models
from assay_wire import experiments as experiment_models
from assay_wire import feedback as feedback_models
from assay_wire import problems, public, sse
from assay_wire import sources as source_models

_COMPARE_TIMEOUT = httpx.Timeout(610, connect=5)

OnProgress = Callable[[int, int], None]
"""Told the bytes sent so far and the bytes in all."""

Model = TypeVar("Model", bound=BaseModel)

_EVENTS: dict[str, type[BaseModel]] = {
    "retrieval": public.Retrieval,
    "token": public.Token,
    "citation": public.Citation,
    "verdict": public.Claim,
    "done": public.Answer,
}


class AssayClient:
    """Talks to one gateway as the owner of an API key. Safe to use from several threads.

    Every method raises `assay_core.errors`: what the gateway answered, `Unavailable` if it cannot be reached, or
    `Exhausted` if it does not answer in time.

    Args:
        base_url: of the gateway, such as `http://127.0.0.1:8700`.
        timeout_s: longest silence of an ordinary request.
        answer_timeout_s: longest silence while an answer is made.
        transport: replaces the network, in tests.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout_s: float = 30.0,
        answer_timeout_s: float = 150.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._answer_timeout = httpx.Timeout(answer_timeout_s, connect=5)
        self._client = httpx.Client(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(timeout_s, connect=5),
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def me(self) -> public.Me:
        return self._ask(public.Me, "GET", "/v1/me")

    def system(self) -> public.System:
        return self._ask(public.System, "GET", "/v1/system")

    def collections(self) -> list[public.Collection]:
        return self._ask(public.CollectionList, "GET", "/v1/collections").collections

    def collection(self, name: str) -> public.Collection:
        return self._ask(public.Collection, "GET", f"/v1/collections/{_part(name)}")

    def create_collection(
        self,
        name: str,
        *,
        index_kind: str = "hnsw",
        language: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> public.Collection:
        """Make a collection; `settings` has the fields of `public.ChangeSettings`."""
        body = _checked(
            public.CreateCollection,
            {"name": name, "index_kind": index_kind, "language": language, "settings": dict(settings or {})},
        )
        return self._ask(public.Collection, "POST", "/v1/collections", json=body)

    def change_collection(self, name: str, settings: Mapping[str, Any]) -> public.Collection:
        """Change some settings, with the fields of `public.ChangeSettings`; `rechunk_due` says what they ask for."""
        body = _checked(public.ChangeCollection, {"settings": dict(settings)})
        return self._ask(public.Collection, "PATCH", f"/v1/collections/{_part(name)}", json=body)

    def rechunk_collection(self, name: str) -> Iterator[public.Rechunking]:
        """Divide the documents anew that were divided by other settings; yields after each request."""
        while True:
            begun = self._ask(public.Rechunking, "POST", f"/v1/collections/{_part(name)}/rechunk")
            yield begun
            if not begun.documents or not begun.remaining:
                return

    def ensure_collection(self, name: str, *, index_kind: str = "hnsw") -> public.Collection:
        """The collection of this name, made if there is none."""
        try:
            return self.collection(name)
        except NotFound:
            return self.create_collection(name, index_kind=index_kind)

    def pause_collection(self, name: str) -> public.Collection:
        return self._ask(public.Collection, "POST", f"/v1/collections/{_part(name)}/pause")

    def resume_collection(self, name: str) -> public.Collection:
        return self._ask(public.Collection, "POST", f"/v1/collections/{_part(name)}/resume")

    def index_generations(self, name: str) -> list[public.IndexGeneration]:
        """The generations of a collection's index, the newest first."""
        return self._ask(public.IndexGenerations, "GET", f"/v1/collections/{_part(name)}/index").generations

    def build_index(
        self, name: str, index_kind: str | None = None, *, language: str | None = None
    ) -> public.IndexGeneration:
        """Have another index built beside the one that is asked; what is None is as in that one."""
        body = _checked(public.BuildIndex, {"index_kind": index_kind, "language": language})
        return self._ask(public.IndexGeneration, "POST", f"/v1/collections/{_part(name)}/index", json=body)

    def compare_index(self, name: str, *, dataset: str | None = None, most: int = 200) -> public.IndexComparison:
        """Ask golden questions of the index and of the one beside it; takes seconds to minutes."""
        body = _checked(public.CompareIndex, {"dataset": dataset, "most": most})
        path = f"/v1/collections/{_part(name)}/index/compare"
        return self._ask(public.IndexComparison, "POST", path, json=body, timeout=_COMPARE_TIMEOUT)

    def switch_index(self, name: str, *, override_reason: str | None = None) -> public.IndexGeneration:
        """Ask the index beside the active one from now on. Raises `Conflict` if the comparison does not allow it."""
        body = _checked(public.SwitchIndex, {"override_reason": override_reason})
        return self._ask(public.IndexGeneration, "POST", f"/v1/collections/{_part(name)}/index/switch", json=body)

    def roll_back_index(self, name: str) -> public.IndexGeneration:
        """Ask the index again that was asked before the switch."""
        return self._ask(public.IndexGeneration, "POST", f"/v1/collections/{_part(name)}/index/rollback")

    def drop_index(self, name: str) -> public.IndexGeneration:
        """Have the index beside the active one removed."""
        return self._ask(public.IndexGeneration, "DELETE", f"/v1/collections/{_part(name)}/index/beside")

    def synonyms(self, name: str) -> public.SynonymGroups:
        return self._ask(public.SynonymGroups, "GET", f"/v1/collections/{_part(name)}/synonyms")

    def add_synonyms(self, name: str, terms: Sequence[str]) -> public.SynonymGroups:
        body = _checked(public.SynonymGroup, {"terms": list(terms)})
        return self._ask(public.SynonymGroups, "POST", f"/v1/collections/{_part(name)}/synonyms", json=body)

    def remove_synonym(self, name: str, term: str) -> public.SynonymGroups:
        path = f"/v1/collections/{_part(name)}/synonyms/{_part(term)}"
        return self._ask(public.SynonymGroups, "DELETE", path)

    def synonym_candidates(self, name: str) -> public.SynonymCandidates:
        return self._ask(public.SynonymCandidates, "GET", f"/v1/collections/{_part(name)}/synonyms/candidates")

    def delete_collection(self, name: str) -> public.CollectionDeletion:
        return self._ask(public.CollectionDeletion, "DELETE", f"/v1/collections/{_part(name)}")

    def upload(
        self,
        collection: str,
        source: Path | BinaryIO,
        *,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        on_progress: OnProgress | None = None,
        priority: str | None = None,
        batch: str | None = None,
    ) -> public.Upload:
        """Send a file, streaming it. `name` may hold folders with forward slashes; default: the file's own name.

        `priority` is interactive (the default) or bulk; `batch` is an id of your own for `batch_progress`.
        """
        if isinstance(source, Path):
            with source.open("rb") as file:
                return self.upload(
                    collection,
                    file,
                    name=name or source.name,
                    metadata=metadata,
                    idempotency_key=idempotency_key,
                    on_progress=on_progress,
                    priority=priority,
                    batch=batch,
                )
        fields = {key: value for key, value in {"name": name, "priority": priority, "batch": batch}.items() if value}
        if metadata:
            fields["metadata"] = json.dumps(dict(metadata))
        return self._ask(
            public.Upload,
            "POST",
            f"/v1/collections/{_part(collection)}/documents",
            data=fields,
            files={"file": (Path(name or "file").name, _Watched(source, on_progress))},
            headers=_under_key(idempotency_key),
        )

    def load_passages(
        self, collection: str, passages: Sequence[Mapping[str, object]], *, batch: str | None = None
    ) -> public.PassagesTaken:
        """Bring up to 1,000 ready passages; each has `id` and `text`, and may have `title` and `metadata`."""
        lines = [json.dumps(passage, ensure_ascii=False, separators=(",", ":")) for passage in passages]
        return self._ask(
            public.PassagesTaken,
            "POST",
            f"/v1/collections/{_part(collection)}/passages",
            params=_given(batch=batch),
            content="\n".join(lines).encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )

    def batch_progress(self, batch: str) -> public.BatchProgress:
        return self._ask(public.BatchProgress, "GET", f"/v1/batches/{_part(batch)}")

    def watch_batch(self, batch: str) -> Iterator[public.BatchProgress]:
        """How far a batch is, until nothing of it is open."""
        with self._open("GET", f"/v1/batches/{_part(batch)}/events") as response:
            for event in sse.decode_sync(_pieces(response)):
                if event.event == "failed":
                    raise _stream_error(_parse(public.Failure, event.data))
                yield _parse(public.BatchProgress, event.data)

    def documents_page(
        self, collection: str, *, limit: int = 50, cursor: str | None = None, state: str | None = None
    ) -> public.DocumentPage:
        return self._ask(
            public.DocumentPage,
            "GET",
            f"/v1/collections/{_part(collection)}/documents",
            params=_given(limit=limit, cursor=cursor, state=state),
        )

    def documents(self, collection: str, *, state: str | None = None) -> Iterator[public.DocumentSummary]:
        """All documents of a collection by name, page by page."""
        cursor: str | None = None
        while True:
            page = self.documents_page(collection, limit=200, cursor=cursor, state=state)
            yield from page.documents
            cursor = page.next_cursor
            if cursor is None:
                return

    def document(self, document_id: str) -> public.DocumentDetail:
        return self._ask(public.DocumentDetail, "GET", f"/v1/documents/{_part(document_id)}")

    def watch_document(self, document_id: str) -> Iterator[public.Progress]:
        """The way of the newest version, until its state is ready or failed."""
        with self._open("GET", f"/v1/documents/{_part(document_id)}/events") as response:
            for event in sse.decode_sync(_pieces(response)):
                yield _parse(public.Progress, event.data)

    def document_history(self, document_id: str) -> list[public.HistoryEvent]:
        """What became of a document's versions and when, oldest first."""
        path = f"/v1/documents/{_part(document_id)}/events"
        return self._ask(public.History, "GET", path, params={"history": "true"}).events

    def document_text(
        self,
        document_id: str,
        version: int,
        *,
        start: int | None = None,
        end: int | None = None,
        context: int | None = None,
    ) -> public.DocumentText:
        return self._ask(
            public.DocumentText,
            "GET",
            f"/v1/documents/{_part(document_id)}/versions/{version}/text",
            params=_given(start=start, end=end, context=context),
        )

    def document_chunks(
        self, document_id: str, version: int, *, limit: int = 50, cursor: str | None = None
    ) -> public.ChunkPage:
        return self._ask(
            public.ChunkPage,
            "GET",
            f"/v1/documents/{_part(document_id)}/versions/{version}/chunks",
            params=_given(limit=limit, cursor=cursor),
        )

    def duplicates(self, collection: str) -> Iterator[public.DuplicatePair]:
        """All pairs of documents of a collection that say nearly the same, page by page."""
        cursor: str | None = None
        while True:
            path = f"/v1/collections/{_part(collection)}/duplicates"
            page = self._ask(public.DuplicatePage, "GET", path, params=_given(cursor=cursor))
            yield from page.pairs
            cursor = page.next_cursor
            if cursor is None:
                return

    def put_document(
        self,
        document_id: str,
        source: Path,
        *,
        idempotency_key: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> public.Upload:
        """Send a new version of a document, which keeps its name."""
        with source.open("rb") as file:
            return self._ask(
                public.Upload,
                "PUT",
                f"/v1/documents/{_part(document_id)}",
                files={"file": (source.name, _Watched(file, on_progress))},
                headers=_under_key(idempotency_key),
            )

    def change_document(self, document_id: str, change: public.DocumentChange) -> public.DocumentDetail:
        """Change metadata or access; what is None stays."""
        body = change.model_dump(mode="json", exclude_unset=True)
        return self._ask(public.DocumentDetail, "PATCH", f"/v1/documents/{_part(document_id)}", json=body)

    def live_chunks(self, document_id: str) -> Iterator[public.DocumentChunk]:
        """The chunks that readers find, in order, page by page."""
        cursor: str | None = None
        while True:
            path = f"/v1/documents/{_part(document_id)}/chunks"
            page = self._ask(public.ChunkPage, "GET", path, params=_given(limit=200, cursor=cursor))
            yield from page.chunks
            if (cursor := page.next_cursor) is None:
                return

    def delete_document(self, document_id: str) -> public.Deletion:
        return self._ask(public.Deletion, "DELETE", f"/v1/documents/{_part(document_id)}")

    def delete_documents(
        self,
        collection: str,
        wanted: public.DocumentFilter,
        *,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> public.BulkDeleted:
        """Delete the documents that fit, or say which they are. If `more` fit, call again (under another key)."""
        return self._ask(
            public.BulkDeleted,
            "POST",
            f"/v1/collections/{_part(collection)}/documents/delete",
            json=public.BulkDeletion(filter=wanted, dry_run=dry_run).model_dump(mode="json"),
            headers=_under_key(idempotency_key),
        )

    def retry_document(self, document_id: str) -> public.Retry:
        return self._ask(public.Retry, "POST", f"/v1/documents/{_part(document_id)}/retry")

    def cancel_document(self, document_id: str) -> public.Cancellation:
        """Stop the work on the newest version; the live one stays."""
        return self._ask(public.Cancellation, "POST", f"/v1/documents/{_part(document_id)}/cancel")

    def erasures_page(
        self, *, open_only: bool = False, limit: int = 50, cursor: str | None = None
    ) -> public.ErasurePage:
        """Erasures, those asked for last first. Raises: see the class."""
        params = _given(open=str(open_only).lower(), limit=limit, cursor=cursor)
        return self._ask(public.ErasurePage, "GET", "/v1/erasures", params=params)

    def erasures(self, *, open_only: bool = False) -> Iterator[public.Erasure]:
        """All erasures, those asked for last first, page by page."""
        cursor: str | None = None
        while True:
            page = self.erasures_page(open_only=open_only, limit=200, cursor=cursor)
            yield from page.erasures
            cursor = page.next_cursor
            if cursor is None:
                return

    def erasure(self, erasure_id: str) -> public.Erasure:
        """One erasure with its signed receipt."""
        return self._ask(public.Erasure, "GET", f"/v1/erasures/{_part(erasure_id)}")

    def receipt_key(self) -> str:
        """The public key of receipts, as PEM."""
        return self._ask(public.PublicKey, "GET", "/v1/erasures/public-key").public_key

    def hold(self, document_id: str, *, reason: str) -> public.LegalHold:
        """Place a legal hold."""
        body = _checked(public.HoldRequest, {"reason": reason})
        return self._ask(public.LegalHold, "PUT", f"/v1/documents/{_part(document_id)}/hold", json=body)

    def holds_page(self, *, limit: int = 50, cursor: str | None = None) -> public.HoldPage:
        """Legal holds, those placed last first."""
        return self._ask(public.HoldPage, "GET", "/v1/holds", params=_given(limit=limit, cursor=cursor))

    def holds(self) -> Iterator[public.HeldDocument]:
        """All legal holds, those placed last first, page by page."""
        cursor: str | None = None
        while True:
            page = self.holds_page(limit=200, cursor=cursor)
            yield from page.holds
            if (cursor := page.next_cursor) is None:
                return

    def lift_hold(self, document_id: str) -> public.HoldLifted:
        """Lift a legal hold, and erase what was deleted under it."""
        return self._ask(public.HoldLifted, "DELETE", f"/v1/documents/{_part(document_id)}/hold")

    def jobs_page(
        self, *, state: str = "dead", limit: int = 50, cursor: str | None = None, **filters: str | None
    ) -> public.JobPage:
        """`filters` are collection, reason and batch."""
        params = _given(state=state, limit=limit, cursor=cursor, **filters)
        return self._ask(public.JobPage, "GET", "/v1/jobs", params=params)

    def jobs(self, *, state: str = "dead", **filters: str | None) -> Iterator[public.Job]:
        """All jobs in a state, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self.jobs_page(state=state, limit=200, cursor=cursor, **filters)
            yield from page.jobs
            cursor = page.next_cursor
            if cursor is None:
                return

    def replay_jobs(self, **filters: str | None) -> public.Replay:
        """Replay what was given up; `filters` are those of `public.ReplayJobs`. Ask again while there are more."""
        return self._ask(public.Replay, "POST", "/v1/jobs/replay", json=_checked(public.ReplayJobs, filters))

    def replay_job(self, job_id: str) -> public.Retry:
        return self._ask(public.Retry, "POST", f"/v1/jobs/{_part(job_id)}/replay")

    def cancel_job(self, job_id: str) -> public.Cancellation:
        return self._ask(public.Cancellation, "DELETE", f"/v1/jobs/{_part(job_id)}")

    def search(self, collection: str, query: str, **options: Any) -> public.SearchReply:
        """Search a collection; `options` are the other fields of `public.SearchQuery`."""
        body = _checked(public.SearchQuery, {"query": query, **options})
        return self._ask(public.SearchReply, "POST", f"/v1/collections/{_part(collection)}/search", json=body)

    def explain_cache(self, collection: str, query: str, **options: Any) -> public.CacheExplanation:
        """Why a search is answered from the cache, or not; `options` as with `search`."""
        body = _checked(public.SearchQuery, {"query": query, **options})
        path = f"/v1/collections/{_part(collection)}/cache/explain"
        return self._ask(public.CacheExplanation, "POST", path, json=body)

    def ask(self, collection: str, question: str, **options: Any) -> public.Answer:
        """Ask a collection; `options` are the other fields of `public.Question`.

        Raises:
            Unavailable: `extra["sources"]` holds the passages found, if only the chat model is missing.
        """
        body = _checked(public.Question, {"question": question, **options, "stream": False})
        path = f"/v1/collections/{_part(collection)}/ask"
        return self._ask(public.Answer, "POST", path, json=body, timeout=self._answer_timeout)

    def ask_events(self, collection: str, question: str, **options: Any) -> Iterator[public.AskEvent]:
        """As `ask`, event by event; the last one is an `Answer`. A stream that breaks raises its error."""
        body = _checked(public.Question, {"question": question, **options, "stream": True})
        path = f"/v1/collections/{_part(collection)}/ask"
        with self._open("POST", path, json=body, timeout=self._answer_timeout) as response:
            for event in sse.decode_sync(_pieces(response)):
                if event.event == "failed":
                    raise _stream_error(_parse(public.Failure, event.data))
                if (kind := _EVENTS.get(event.event)) is not None:
                    found: Any = _parse(kind, event.data)
                    yield found
                if event.event == "done":
                    return
        raise Unavailable("The answer broke off before its end; ask again.", code="stream_broke_off")

    def sources(self) -> list[source_models.SourceReply]:
        return self._ask(source_models.SourceList, "GET", "/v1/sources").sources

    def source(self, name: str) -> source_models.SourceReply:
        """A source by name or id."""
        return self._ask(source_models.SourceReply, "GET", f"/v1/sources/{_part(name)}")

    def create_source(
        self, name: str, collection: str, place: Mapping[str, object], **options: Any
    ) -> source_models.SourceReply:
        """Add a source; `options` are the other fields of `source_models.CreateSource`."""
        given = {"name": name, "collection": collection, "place": dict(place), **options}
        return self._ask(
            source_models.SourceReply, "POST", "/v1/sources", json=_checked(source_models.CreateSource, given)
        )

    def change_source(self, name: str, **changes: Any) -> source_models.SourceReply:
        """Change a source; `changes` are fields of `source_models.ChangeSource`."""
        return self._ask(source_models.SourceReply, "PATCH", f"/v1/sources/{_part(name)}", json=changes)

    def delete_source(self, name: str, *, delete_documents: bool) -> source_models.SourceDeletion:
        params = {"documents": "delete" if delete_documents else "keep"}
        return self._ask(source_models.SourceDeletion, "DELETE", f"/v1/sources/{_part(name)}", params=params)

    def start_source_run(self, name: str, *, confirm_removals: bool = False) -> source_models.SourceRun:
        body = {"confirm_removals": confirm_removals}
        return self._ask(source_models.SourceRun, "POST", f"/v1/sources/{_part(name)}/runs", json=body)

    def source_runs(self, name: str, *, limit: int = 20) -> list[source_models.SourceRun]:
        path = f"/v1/sources/{_part(name)}/runs"
        return self._ask(source_models.SourceRunList, "GET", path, params={"limit": limit}).runs

    def answer(self, answer_id: str) -> public.Answer:
        return self._ask(public.Answer, "GET", f"/v1/answers/{_part(answer_id)}")

    def runs(self, *, collection: str | None = None, limit: int | None = None) -> list[public.Run]:
        params = _given(collection=collection, limit=limit)
        return self._ask(public.RunList, "GET", "/v1/evaluations/runs", params=params).runs

    def run(self, run_id: str) -> public.RunDetail:
        return self._ask(public.RunDetail, "GET", f"/v1/evaluations/runs/{_part(run_id)}")

    def start_run(
        self,
        collection: str,
        dataset: str,
        *,
        judge: str = "local",
        limit: int | None = None,
        answering: Mapping[str, object] | None = None,
        dataset_version: int | None = None,
    ) -> public.Run:
        """Start a run on a version of the golden set, or the newest; `answering` (prompt, mode, rerank, top_k) is tried
        in the place of what the collection has."""
        asked = {"collection": collection, "dataset": dataset, "judge": judge, "limit": limit}
        body = _checked(public.StartRun, asked | {"answering": answering or None, "dataset_version": dataset_version})
        return self._ask(public.Run, "POST", "/v1/evaluations/runs", json=body)

    def put_dataset(
        self,
        collection: str,
        dataset: str,
        questions: Sequence[Mapping[str, object]],
        *,
        licence: str = "",
        source: str = "",
    ) -> public.GoldenSetReply:
        """Store a version of a golden set; the newest again if nothing differs from it."""
        body = _checked(public.GoldenSet, {"questions": list(questions), "licence": licence, "source": source})
        return self._ask(public.GoldenSetReply, "PUT", _dataset(collection, dataset), json=body)

    def datasets(self, collection: str) -> list[public.GoldenSetReply]:
        """The newest version of each golden set."""
        return self._ask(public.GoldenSetList, "GET", f"/v1/evaluations/datasets/{_part(collection)}").datasets

    def dataset_versions(self, collection: str, dataset: str) -> list[public.GoldenSetReply]:
        """Newest first."""
        return self._ask(public.GoldenSetList, "GET", f"{_dataset(collection, dataset)}/versions").datasets

    def dataset(self, collection: str, dataset: str, *, version: int | None = None) -> public.GoldenSetContent:
        """A version of a golden set with its questions; by default the newest."""
        return self._ask(public.GoldenSetContent, "GET", _dataset(collection, dataset), params=_given(version=version))

    def sample_traffic(
        self, collection: str, dataset: str, *, questions: int, hours: float, seed: int
    ) -> public.GoldenSetReply:
        """Draw a golden set candidate from what was asked in the last hours."""
        body = _checked(public.TrafficSample, {"questions": questions, "hours": hours, "seed": seed})
        return self._ask(public.GoldenSetReply, "POST", f"{_dataset(collection, dataset)}/sample", json=body)

    def approve_dataset(self, collection: str, dataset: str) -> public.GoldenSetReply:
        """Make a reviewed version of a candidate."""
        return self._ask(public.GoldenSetReply, "POST", f"{_dataset(collection, dataset)}/approve")

    def give_feedback(self, answer_id: str, **said: Any) -> feedback_models.Feedback:
        """Say what you think of an answer; `said` has the fields of `feedback_models.GiveFeedback`."""
        body = _checked(feedback_models.GiveFeedback, said)
        return self._ask(feedback_models.Feedback, "POST", f"/v1/answers/{_part(answer_id)}/feedback", json=body)

    def feedback(
        self, *, collection: str | None = None, state: str | None = None, limit: int | None = None
    ) -> list[feedback_models.Feedback]:
        """Newest first: all of it as an evaluator, else your own."""
        params = _given(collection=collection, state=state, limit=limit)
        return self._ask(feedback_models.FeedbackList, "GET", "/v1/feedback", params=params).feedback

    def feedback_detail(self, feedback_id: str) -> feedback_models.FeedbackDetail:
        return self._ask(feedback_models.FeedbackDetail, "GET", f"/v1/feedback/{_part(feedback_id)}")

    def review_feedback(self, feedback_id: str, **review: Any) -> feedback_models.Reviewed:
        """Accept or reject feedback; `review` has the fields of `feedback_models.Review`."""
        body = _checked(feedback_models.Review, review)
        return self._ask(feedback_models.Reviewed, "POST", f"/v1/feedback/{_part(feedback_id)}/review", json=body)

    def label_claims(self, answer_id: str, labels: Sequence[Mapping[str, object]]) -> list[feedback_models.ClaimLabel]:
        """Label sentences of an answer, in place of the labels that you gave it before."""
        body = _checked(feedback_models.ClaimLabels, {"labels": list(labels)})
        path = f"/v1/answers/{_part(answer_id)}/labels"
        return self._ask(feedback_models.ClaimLabelsReply, "PUT", path, json=body).labels

    def labelled_claims(
        self, *, collection: str | None = None, limit: int | None = None
    ) -> list[feedback_models.LabelledClaim]:
        """Labelled sentences with what judges need to judge them, latest first."""
        params = _given(collection=collection, limit=limit)
        return self._ask(feedback_models.LabelledClaims, "GET", "/v1/evaluations/labels", params=params).claims

    def nights(self, *, collection: str | None = None, limit: int | None = None) -> list[public.Night]:
        """Closed nights, newest first."""
        params = _given(collection=collection, limit=limit)
        return self._ask(public.NightList, "GET", "/v1/evaluations/nights", params=params).nights

    def night(self, collection: str, night: str) -> public.Night:
        """The report of a night, which is named by its date (YYYY-MM-DD)."""
        return self._ask(public.Night, "GET", f"/v1/evaluations/nights/{_part(collection)}/{_part(night)}")

    def begin_night(self, collection: str) -> list[public.Run]:
        """Have this day's night begin now. Returns its runs. Raises `Conflict` if it has been."""
        return self._ask(public.RunList, "POST", f"/v1/evaluations/nights/{_part(collection)}").runs

    def compare_runs(self, baseline: str, run: str) -> experiment_models.Experiment:
        """A run against another one of the same collection and golden set."""
        params = {"baseline": baseline, "run": run}
        return self._ask(experiment_models.Experiment, "GET", "/v1/evaluations/compare", params=params)

    def gate(self, baseline: str, run: str) -> experiment_models.GateDecision:
        """A run against the baseline of this name in its collection."""
        params = {"baseline": baseline, "run": run}
        return self._ask(experiment_models.GateDecision, "GET", "/v1/evaluations/gate", params=params)

    def baselines(self) -> list[experiment_models.Baseline]:
        return self._ask(experiment_models.BaselineList, "GET", "/v1/evaluations/baselines").baselines

    def name_baseline(self, name: str, run: str) -> experiment_models.Baseline:
        """Give a run a name, in place of the one that had it in its collection."""
        path = f"/v1/evaluations/baselines/{_part(name)}"
        return self._ask(
            experiment_models.Baseline, "PUT", path, json=_checked(experiment_models.NameBaseline, {"run": run})
        )

    def promote(self, run: str, *, override_reason: str | None = None) -> experiment_models.Promotion:
        """Answer from now on as this run did. Raises `Conflict` if it is worse than what is there now."""
        body = _checked(experiment_models.Promote, {"run": run, "override_reason": override_reason})
        return self._ask(experiment_models.Promotion, "POST", "/v1/promotions", json=body)

    def promotions(self, *, collection: str | None = None) -> list[experiment_models.Promotion]:
        """What was promoted, newest first."""
        params = _given(collection=collection)
        return self._ask(experiment_models.PromotionList, "GET", "/v1/promotions", params=params).promotions

    def start_ab_test(self, run: str, **options: Any) -> ab_test_models.ABTest:
        """Answer a share of the live questions as this run did; `options` are the members of `StartABTest`."""
        body = _checked(ab_test_models.StartABTest, {"run": run, **options})
        return self._ask(ab_test_models.ABTest, "POST", "/v1/ab-tests", json=body)

    def ab_tests(self, *, collection: str | None = None) -> list[ab_test_models.ABTest]:
        """A/B tests, newest first."""
        return self._ask(ab_test_models.ABTestList, "GET", "/v1/ab-tests", params=_given(collection=collection)).tests

    def ab_test(self, test: str) -> ab_test_models.ABTest:
        return self._ask(ab_test_models.ABTest, "GET", f"/v1/ab-tests/{_part(test)}")

    def stop_ab_test(self, test: str, *, reason: str | None = None) -> ab_test_models.ABTest:
        """Answer all questions as before. Raises `Conflict` if the test has ended."""
        body = _checked(ab_test_models.StopABTest, _given(reason=reason))
        return self._ask(ab_test_models.ABTest, "POST", f"/v1/ab-tests/{_part(test)}/stop", json=body)

    def _ask(self, kind: type[Model], method: str, path: str, **options: Any) -> Model:
        with self._open(method, path, **options) as response:
            return _parse(kind, _read(response))

    @contextmanager
    def _open(self, method: str, path: str, **options: Any) -> Generator[httpx.Response]:
        try:
            response = self._client.send(self._client.build_request(method, path, **options), stream=True)
        except httpx.TimeoutException as error:
            raise Exhausted(f"{self.base_url} did not answer in time.", code="deadline") from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"Nothing answers at {self.base_url}; is Assay running? Start it with `assay up`.",
                code="gateway_unavailable",
                retry_after_s=2,
            ) from error
        try:
            if response.status_code >= 400:
                raise problems.to_error(response.status_code, _problem(_read(response)))
            yield response
        finally:
            response.close()


class _Watched:
    """A file that tells how much of it has been read."""

    def __init__(self, file: BinaryIO, on_progress: OnProgress | None) -> None:
        self._file = file
        self._on_progress = on_progress
        start = file.tell()
        self._total = file.seek(0, 2) - start
        file.seek(start)
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sent += len(data)
        if self._on_progress is not None and data:
            self._on_progress(self._sent, self._total)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _dataset(collection: str, dataset: str) -> str:
    return f"/v1/evaluations/datasets/{_part(collection)}/{_part(dataset)}"


def _part(name: str) -> str:
    return quote(name, safe="")


def _under_key(idempotency_key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": idempotency_key} if idempotency_key else {}


def _given(**params: str | int | None) -> dict[str, str | int]:
    return {key: value for key, value in params.items() if value is not None}


def _checked(kind: type[BaseModel], fields: Mapping[str, object]) -> dict[str, Any]:
    """Only the fields that were given, so that the server's defaults hold; the server checks their values."""
    unknown = set(fields) - set(kind.model_fields)
    if unknown:
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    return {key: value for key, value in fields.items() if value is not None}


def _read(response: httpx.Response) -> bytes:
    try:
        return response.read()
    except httpx.TimeoutException as error:
        raise Exhausted("The gateway stopped answering in the middle.", code="deadline") from error
    except httpx.TransportError as error:
        raise Unavailable("The gateway broke off in the middle.", code="gateway_broke_off") from error


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_bytes()
    except httpx.TimeoutException as error:
        raise Exhausted("The gateway stopped answering in the middle.", code="deadline") from error
    except httpx.TransportError as error:
        raise Unavailable("The gateway broke off in the middle.", code="gateway_broke_off") from error


def _parse(kind: type[Model], raw: bytes | str) -> Model:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise Broken(
            f"The gateway answered no {kind.__name__}; is it another version, or not Assay?", code="bad_peer"
        ) from error


def _problem(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _stream_error(failure: public.Failure) -> Exception:
    return problems.to_error(
        failure.status, {"detail": failure.message, "code": failure.code, "retry_after_s": failure.retry_after_s}
    )
