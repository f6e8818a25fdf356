"""A client that uploads, edits and deletes by a seeded plan, and sends again until it has an answer."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
from assay_core.principals import EVERYONE

from assay_testing.crash.ledger import Ledger, Written, content

PROBLEM = "application/problem+json"
OUTSIDER = "outsider"
_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each kind of write is made, as weights; the first `documents` new names bound the uploads."""

    documents: int
    upload: float = 5.0
    edit: float = 3.0
    same: float = 0.5
    delete: float = 1.5


class Driver:
    """Sends each write until it is answered, under one idempotency key. `refusals` counts statuses on the way.

    Args:
        patience_s: how long one write is tried; then it is an error.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        collection: str,
        ledger: Ledger,
        seed: int,
        prefix: str,
        patience_s: float = 300.0,
    ) -> None:
        self._client = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=httpx.Timeout(15.0, connect=2.0)
        )
        self._collection = collection
        self._ledger = ledger
        self._random = random.Random(seed)
        self._seed = seed
        self._prefix = prefix
        self._patience_s = patience_s
        self._names = 0
        self._writes = 0
        self.refusals = Counter[str]()
        self.slowest_s = 0.0

    def close(self) -> None:
        self._client.close()

    def uploads_left(self, mix: Mix) -> bool:
        """Whether new names are still to come."""
        return self._names < mix.documents

    def step(self, mix: Mix) -> None:
        """One write of the plan."""
        mine = [w for w in self._ledger.kept() if w.name.startswith(self._prefix)]
        kinds = ["upload"] * (self._names < mix.documents) + ["edit", "same", "delete"] * bool(mine)
        kind = self._random.choices(kinds, [getattr(mix, kind) for kind in kinds])[0] if kinds else "idle"
        match kind:
            case "upload":
                self.upload()
            case "edit":
                self.edit(self._random.choice(mine))
            case "same":
                chosen = self._random.choice(mine)
                self.put(chosen.name, chosen.editions[chosen.newest])
            case "delete":
                self.delete(self._random.choice(mine))
            case _:
                time.sleep(_PAUSE_S)

    def upload(self) -> Written:
        """A new document."""
        self._names += 1
        return self.put(f"{self._prefix}{self._names}", 1)

    def edit(self, written: Written) -> Written:
        """A new version of a document."""
        return self.put(written.name, written.editions[written.newest] + 1)

    def put(self, name: str, edition: int, text: str | None = None) -> Written:
        """Upload an edition of a document until it is acknowledged."""
        plain = (content(name, edition) if text is None else text).encode()
        answer = self._sent(
            "POST",
            f"/v1/collections/{self._collection}/documents",
            accepted={200, 202},
            files={"file": (f"{name}.md", plain, "text/markdown")},
        )
        body = answer.json()
        self._ledger.note_upload(name, body["document_id"], body["version"], edition, body["job"])
        written = self._ledger.get(body["document_id"])
        written.own_text = text
        return written

    def change_access(self, written: Written) -> None:
        """Keep someone out of a document, or let them in again."""
        denied = () if written.denied else (OUTSIDER,)
        rules = {"allow": [EVERYONE], "deny": list(denied)}
        self._sent("PATCH", f"/v1/documents/{written.document}", accepted={200}, json={"access": rules})
        self._ledger.note_denied(written.document, denied)

    def delete(self, written: Written) -> None:
        """Delete a document; one that is gone already is deleted."""
        self._ledger.note_delete_sent(written.document)
        self._sent("DELETE", f"/v1/documents/{written.document}", accepted={202, 404})
        self._ledger.note_deleted(written.document)

    def retry_failed(self, document: str) -> None:
        """Ask for another try at a document that was given up."""
        written = self._ledger.get(document)
        answer = self._sent("POST", f"/v1/documents/{document}/retry", accepted={202, 409})
        if answer.status_code == 202:
            body = answer.json()
            edition = written.editions[written.newest]
            self._ledger.note_upload(written.name, document, body["version"], edition, body["job"])

    def _sent(self, method: str, path: str, *, accepted: set[int], **request: Any) -> httpx.Response:
        self._writes += 1
        headers = {"Idempotency-Key": f"{self._prefix}-{self._seed}-{self._writes}"}
        until_s = time.monotonic() + self._patience_s
        while True:
            started_s = time.monotonic()
            try:
                answer = self._client.request(method, path, headers=headers, **request)
            except httpx.TransportError as error:
                self.refusals[type(error).__name__] += 1
            else:
                self.slowest_s = max(self.slowest_s, time.monotonic() - started_s)
                if answer.status_code in accepted:
                    return answer
                self._check_refusal(answer)
            if time.monotonic() > until_s:
                raise AssertionError(f"{method} {path} was not answered within {self._patience_s:.0f} s")
            time.sleep(_PAUSE_S)

    def _check_refusal(self, answer: httpx.Response) -> None:
        """Anything but "try again later", said as a problem, is a fault of its own."""
        self.refusals[str(answer.status_code)] += 1
        kind = answer.headers.get("content-type", "")
        if answer.status_code not in (409, 429, 503) or not kind.startswith(PROBLEM):
            raise AssertionError(f"{answer.request.method} was answered by {answer.status_code} {kind}: {answer.text}")
