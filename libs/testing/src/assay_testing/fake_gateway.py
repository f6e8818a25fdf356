"""A gateway in memory, behind the same HTTP as the real one: for tests of clients."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

import httpx
from assay_core.collection_settings import CollectionSettings
from assay_core.synonyms import with_group, without_term
from assay_wire import problems

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC).isoformat()
API_KEY = "assay_test"


def _generation(number: int, kind: str, state: str) -> dict[str, Any]:
    return {"number": number, "index_kind": kind, "state": state, "began_at": NOW, "changed_at": NOW}


@dataclass
class FakeGateway:
    """Collections of documents that get on each time that someone looks at them.

    fail: names of documents whose ingestion fails, and the error code that it ends with.
    busy: so many uploads are refused first.
    looks: after so many looks a document is through.
    due: so many documents are divided by other settings.
    paused: names of collections. jobs: as the API shows them (see `add_job`).
    holds: as the API shows them.
    answers: what `search`, `ask`, `explain` and `stream` give, and `METHOD runs` or `METHOD datasets` (a list: one each
        time).
    requests: all that were sent.
    """

    collections: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict[str, dict[str, dict[str, Any]]])
    generations: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    fail: dict[str, str] = field(default_factory=dict[str, str])
    busy: int = 0
    looks: int = 2
    settings: dict[str, CollectionSettings] = field(default_factory=dict[str, CollectionSettings])
    due: int = 0
    paused: set[str] = field(default_factory=set[str])
    jobs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    holds: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])

    def handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if request.headers["Authorization"] != f"Bearer {API_KEY}":
            return problem(401, "denied", "This API key is not known.")
        path = request.url.path.removeprefix("/v1")
        for pattern, method, handler in self._routes():
            found = re.fullmatch(pattern, path)
            if found and request.method in method.split("|"):
                return handler(request, *found.groups())
        return problem(404, "not_found", f"There is nothing at {path!r}.")

    def add_job(self, document: str, *, state: str = "dead", code: str | None = "encrypted") -> None:
        """A job about a document of this name."""
        self.jobs.append(
            {
                "id": f"job-{document}",
                "document_id": f"id-{document}",
                "document_name": document,
                "collection": "docs",
                "version": 1,
                "batch": None,
                "state": state,
                "priority": "interactive",
                "attempts": 1,
                "error_code": code,
                "error": "It cannot be read." if code else None,
                "created_at": NOW,
                "updated_at": NOW,
                "not_before": NOW,
            }
        )

    def _routes(self) -> list[tuple[str, str, Callable[..., httpx.Response]]]:
        return [
            ("/collections", "GET", self._list),
            ("/collections", "POST", self._create),
            ("/collections/([^/]+)", "GET", self._collection),
            ("/collections/([^/]+)", "DELETE", self._delete_collection),
            ("/collections/([^/]+)", "PATCH", self._change),
            ("/collections/([^/]+)/rechunk", "POST", self._rechunk),
            ("/collections/([^/]+)/(pause|resume)", "POST", self._pause),
            ("/collections/([^/]+)/passages", "POST", self._load),
            ("/batches/([^/]+)", "GET", self._batch),
            ("/jobs", "GET", self._jobs),
            ("/jobs/replay", "POST", self._replay_jobs),
            ("/jobs/([^/]+)(?:/replay)?", "POST|DELETE", self._job),
            ("/collections/([^/]+)/documents", "GET", self._documents),
            ("/collections/([^/]+)/documents", "POST", self._upload),
            ("/documents/([^/]+)", "GET", self._document),
            ("/documents/([^/]+)", "DELETE", self._delete),
            ("/documents/([^/]+)", "PATCH", self._change_document),
            ("/documents/([^/]+)", "PUT", self._put),
            ("/collections/([^/]+)/documents/delete", "POST", self._delete_many),
            ("/collections/([^/]+)/duplicates", "GET", self._duplicates),
            ("/holds", "GET", lambda _: httpx.Response(200, json={"holds": self.holds, "next_cursor": None})),
            ("/documents/([^/]+)/retry", "POST", self._retry),
            ("/documents/([^/]+)/versions/1/chunks", "GET", self._chunks),
            ("/documents/([^/]+)/chunks", "GET", self._chunks),
            ("/collections/([^/]+)/(search|ask)", "POST", self._answer),
            ("/collections/([^/]+)/synonyms/candidates", "GET", self._candidates),
            ("/collections/([^/]+)/synonyms(?:/([^/]+))?", "GET|POST|DELETE", self._synonyms),
            ("/collections/([^/]+)/index(?:/([^/]+))?", "GET|POST|DELETE", self._index),
            ("/collections/([^/]+)/cache/(explain)", "POST", self._answer),
            (
                "/(?:evaluations/)?(runs|datasets|nights|compare|gate|baselines|promotions|ab-tests).*",
                "GET",
                self._evaluations,
            ),
            (
                "/(?:evaluations/)?(runs|datasets|nights|compare|gate|baselines|promotions|ab-tests).*",
                "POST",
                self._evaluations,
            ),
            ("/evaluations/(runs|datasets|compare|gate|baselines).*", "PUT", self._evaluations),
        ]

    def _list(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"collections": [self._shown(name) for name in self.collections]})

    def _shown(self, name: str) -> dict[str, Any]:
        documents = self.collections[name]
        return {
            "name": name,
            "id": name,
            "documents": len(documents),
            "chunks": 3 * len(documents),
            "epoch": 1,
            "index_kind": "hnsw",
            "created_at": NOW,
            "settings": self.settings.get(name, CollectionSettings()).as_json(),
            "rechunk_due": self.due,
            "paused_at": NOW if name in self.paused else None,
        }

    def _load(self, request: httpx.Request, collection: str) -> httpx.Response:
        if self.busy:
            self.busy -= 1
            return problem(429, "queue_full", "Too many documents wait.", retry_after_s=0.1)
        held = self.collections[collection]
        counts = {"received": 0, "created": 0, "changed": 0, "unchanged": 0}
        for line in request.content.splitlines():
            passage = json.loads(line)
            counts["received"] += 1
            before = held.get(passage["id"])
            what = "created" if before is None else "unchanged" if before["data"] == line else "changed"
            counts[what] += 1
            held[passage["id"]] = self._fresh(collection, passage["id"], line)
        return httpx.Response(202, json={**counts, "refused": []})

    def _batch(self, _request: httpx.Request, batch: str) -> httpx.Response:
        ready = sum(len(documents) for documents in self.collections.values())
        body = {"id": batch, "collection": "docs", "created_at": NOW, "documents": ready, "open": 0}
        body |= {"states": {"ready": ready}, "pages": 0, "chunks": ready, "chunks_done": ready, "progress": 1.0}
        return httpx.Response(200, json={**body, "documents_per_s": 1.0, "chunks_per_s": 1.0, "left_s": 0.0})

    def _pause(self, _request: httpx.Request, name: str, what: str) -> httpx.Response:
        (self.paused.add if what == "pause" else self.paused.discard)(name)
        return httpx.Response(200, json=self._shown(name))

    def _jobs(self, request: httpx.Request) -> httpx.Response:
        state = request.url.params.get("state", "dead")
        return httpx.Response(200, json={"jobs": [j for j in self.jobs if j["state"] == state], "next_cursor": None})

    def _replay_jobs(self, request: httpx.Request) -> httpx.Response:
        wanted = json.loads(request.content)
        chosen = [
            job for job in self.jobs if job["state"] == "dead" and wanted.get("reason") in (None, job["error_code"])
        ]
        for job in chosen[:2]:
            job["state"] = "done"
        return httpx.Response(202, json={"replayed": len(chosen[:2]), "more": len(chosen) > 2})

    def _job(self, request: httpx.Request, identity: str) -> httpx.Response:
        job = next((job for job in self.jobs if job["id"] == identity), None)
        if job is None:
            return problem(404, "job_not_found", f"There is no job {identity!r}.")
        job["state"] = "cancelled" if request.method == "DELETE" else "done"
        return httpx.Response(202, json={"document_id": job["document_id"], "version": 1, "job": "next"})

    def _change(self, request: httpx.Request, name: str) -> httpx.Response:
        before = self.settings.get(name, CollectionSettings())
        self.settings[name] = before.changed(json.loads(request.content)["settings"])
        return httpx.Response(200, json=self._shown(name))

    def _rechunk(self, _request: httpx.Request, name: str) -> httpx.Response:
        begun = min(self.due, 2)
        self.due -= begun
        return httpx.Response(202, json={"collection": name, "documents": begun, "remaining": self.due})

    def _create(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        name = body["name"]
        if name in self.collections:
            return problem(409, "conflict", f"There is a collection {name!r} already.")
        self.collections[name] = {}
        self.settings[name] = CollectionSettings().changed(body.get("settings", {}))
        return httpx.Response(201, json=self._shown(name))

    def _collection(self, _request: httpx.Request, name: str) -> httpx.Response:
        if name not in self.collections:
            return problem(404, "not_found", f"There is no collection {name!r}.")
        return httpx.Response(200, json=self._shown(name))

    def _synonyms(self, request: httpx.Request, name: str, term: str | None) -> httpx.Response:
        before = self.settings.get(name, CollectionSettings())
        groups = before.synonyms
        if request.method == "POST":
            groups = with_group(groups, json.loads(request.content)["terms"])
        elif term:
            groups = without_term(groups, unquote(term))
        self.settings[name] = before.changed({"synonyms": groups})
        return httpx.Response(200, json={"groups": groups})

    def _candidates(self, _request: httpx.Request, _name: str) -> httpx.Response:
        found = {"short": "PTO", "long": "paid time off", "passages": 2}
        return httpx.Response(200, json={"candidates": [found]})

    def _index(self, request: httpx.Request, name: str, step: str | None) -> httpx.Response:
        """An index that is built at the second look, and is always a little worse than the one that is there."""
        there = self.generations.setdefault(name, [_generation(1, "hnsw", "active")])
        match request.method, step:
            case "GET", _:
                shown = [dict(one) for one in there]
                for one in there:
                    one["state"] = "ready" if one["state"] == "building" else one["state"]
                return httpx.Response(200, json={"generations": shown})
            case "POST", None:
                there.insert(0, _generation(2, json.loads(request.content)["index_kind"], "building"))
                return httpx.Response(202, json=there[0])
            case "POST", "compare":
                dataset = json.loads(request.content)["dataset"]
                found = {"old": 0.81, "new": 0.8, "low": -0.018, "high": 0.004, "passed": True, "compared_at": NOW}
                return httpx.Response(200, json=found | {"dataset": dataset, "questions": 40})
            case "DELETE", _:
                there[0]["state"] = "leaving"
                return httpx.Response(202, json=there[0])
            case _:
                new, old = there if step == "switch" else reversed(there)
                new["state"], old["state"] = "active", "kept"
                return httpx.Response(200, json=new)

    def _delete_collection(self, _request: httpx.Request, name: str) -> httpx.Response:
        return httpx.Response(202, json={"collection": name, "documents": len(self.collections.pop(name))})

    def _documents(self, request: httpx.Request, collection: str) -> httpx.Response:
        wanted = request.url.params.get("state")
        documents = [d for _, d in sorted(self.collections[collection].items()) if wanted in (None, d["state"])]
        counts: dict[str, int] = {}
        for document in self.collections[collection].values():
            counts[document["state"]] = counts.get(document["state"], 0) + 1
        return httpx.Response(
            200, json={"documents": [self._look(d) for d in documents], "next_cursor": None, "counts": counts}
        )

    def _upload(self, request: httpx.Request, collection: str) -> httpx.Response:
        if self.busy:
            self.busy -= 1
            return problem(429, "queue_full", "Too many uploads wait.", retry_after_s=0.1)
        name, data = form_of(request)
        if not data:
            return problem(400, "empty", f"{name!r} is empty.")
        documents = self.collections[collection]
        unchanged = name in documents and documents[name]["data"] == data
        if not unchanged:
            edited = name in documents
            documents[name] = self._fresh(collection, name, data)
            kept, removed = (2, 4) if edited else (0, 0)
            counts = {"chunks_kept": kept, "chunks_added": 3 - kept, "chunks_removed": removed}
            documents[name]["changes"] = counts
        return httpx.Response(
            200 if unchanged else 202,
            json={
                "document_id": documents[name]["id"],
                "name": name,
                "version": 1,
                "job": None if unchanged else "job",
                "unchanged": unchanged,
                "sha256": "0" * 64,
                "size_bytes": len(data),
                "state": documents[name]["state"],
            },
        )

    def _fresh(self, collection: str, name: str, data: bytes) -> dict[str, Any]:
        return {
            "id": f"id-{name}",
            "name": name,
            "data": data,
            "looks": self.looks,
            "collection": collection,
            "live_version": None,
            "version": 1,
            "state": "received",
            "progress": 0.0,
            "error_code": None,
            "error": None,
            "size_bytes": len(data),
            "media_type": "text/plain",
            "pages": None,
            "chunks": None,
            "created_at": NOW,
            "updated_at": NOW,
            "metadata": {},
        }

    def _look(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document gets on a bit each time that someone looks at it."""
        document["looks"] -= 1
        if document["looks"] <= 0 and document["name"] in self.fail:
            document |= {"state": "failed", "error_code": self.fail[document["name"]], "error": "It cannot be read."}
        elif document["looks"] <= 0:
            document |= {"state": "ready", "chunks": 3, "live_version": 1, "progress": 1.0, **document["changes"]}
        return {key: value for key, value in document.items() if key not in ("data", "looks", "changes")}

    def _by_id(self, identity: str) -> dict[str, Any] | None:
        everything = (d for documents in self.collections.values() for d in documents.values())
        return next((d for d in everything if d["id"] == identity), None)

    def _document(self, _request: httpx.Request, identity: str) -> httpx.Response:
        document = self._by_id(identity)
        if document is None:
            return problem(404, "not_found", f"There is no document {identity!r}.")
        return httpx.Response(200, json={**self._look(document), "versions": []})

    def _delete(self, _request: httpx.Request, identity: str) -> httpx.Response:
        document = self._by_id(identity)
        assert document
        del self.collections[document["collection"]][document["name"]]
        return httpx.Response(202, json={"document_id": identity, "job": "job"})

    def _change_document(self, request: httpx.Request, identity: str) -> httpx.Response:
        document = self._by_id(identity)
        assert document
        asked = json.loads(request.content)
        merged = {**document["metadata"], **asked.get("metadata", {})}
        document["metadata"] = {key: value for key, value in merged.items() if value is not None}
        access = asked.get("access")
        return httpx.Response(200, json={**self._look(document), "versions": [], "access": access})

    def _put(self, request: httpx.Request, identity: str) -> httpx.Response:
        document = self._by_id(identity)
        assert document
        unchanged = document["data"] == form_of(request)[1]
        reply = {
            "document_id": identity,
            "name": document["name"],
            "version": 1 if unchanged else 2,
            "job": None,
            "unchanged": unchanged,
            "sha256": "0" * 64,
            "size_bytes": 1,
            "state": "received",
        }
        return httpx.Response(200 if unchanged else 202, json=reply)

    def _duplicates(self, request: httpx.Request, collection: str) -> httpx.Response:
        """The first two documents, on the second page."""
        if "cursor" not in request.url.params:
            return httpx.Response(200, json={"pairs": [], "next_cursor": "more"})
        first = sorted(self.collections[collection])[:2]
        both = [{"document_id": f"id-{name}", "name": name, "similarity": 0.9} for name in first]
        return httpx.Response(200, json={"pairs": [{"documents": both, "similarity": 0.9}], "next_cursor": None})

    def _delete_many(self, request: httpx.Request, collection: str) -> httpx.Response:
        """By name only, two at a time."""
        asked = json.loads(request.content)
        documents, patterns = self.collections[collection], asked["filter"]["names"]
        fitting = [d for name, d in sorted(documents.items()) if any(fnmatchcase(name, p) for p in patterns)]
        first = fitting if asked["dry_run"] else fitting[:2]
        selected = [{"document_id": d["id"], "name": d["name"] if asked["dry_run"] else None} for d in first]
        if not asked["dry_run"]:
            for document in first:
                del documents[document["name"]]
        more = len(fitting) > len(first)
        reply = {"dry_run": asked["dry_run"], "count": len(fitting), "more": more, "documents": selected}
        return httpx.Response(200 if asked["dry_run"] else 202, json=reply)

    def _retry(self, _request: httpx.Request, identity: str) -> httpx.Response:
        document = self._by_id(identity)
        assert document
        if document["state"] != "failed":
            return problem(409, "not_failed", f"{document['name']!r} did not fail.")
        document |= {"state": "ready", "version": 2, "error_code": None, "error": None}
        return httpx.Response(202, json={"document_id": identity, "version": 2, "job": "job"})

    def _chunks(self, _request: httpx.Request, identity: str) -> httpx.Response:
        chunk = {
            "chunk_id": "c",
            "ordinal": 0,
            "text": f"The document {identity} says something of some length.",
            "heading": "",
            "page": None,
            "start": 0,
            "end": 10,
            "tokens": 8,
        }
        return httpx.Response(200, json={"chunks": [chunk], "next_cursor": None})

    def _answer(self, request: httpx.Request, collection: str, what: str) -> httpx.Response:
        if collection not in self.collections:
            return problem(404, "not_found", f"There is no collection {collection!r}.")
        answer = self.answers["stream" if json.loads(request.content).get("stream") else what]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def _evaluations(self, request: httpx.Request, what: str) -> httpx.Response:
        answer = self.answers[f"{request.method} {what}"]
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer.pop(0) if isinstance(answer, list) else answer)


def problem(status: int, code: str, detail: str, *, retry_after_s: float | None = None) -> httpx.Response:
    """An error as the gateway answers it."""
    body = problems.problem(status, code, detail, retry_after_s=retry_after_s)
    return httpx.Response(status, json=body.model_dump(), headers={"Content-Type": problems.MEDIA_TYPE})


def form_of(request: httpx.Request) -> tuple[str, bytes]:
    """Name and bytes of an upload."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts: dict[object, Message] = {
        part.get_param("name", header="content-disposition"): part
        for part in BytesParser().parsebytes(head + request.content).walk()
        if not part.is_multipart()
    }
    name = _bytes(parts["name"]).decode() if "name" in parts else "?"
    return name, _bytes(parts["file"])


def _bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data
