"""Every answer is kept, encrypted, so that it can be shown again, replayed and evaluated."""

from collections.abc import Callable
from typing import Protocol

from assay_core.answers import Answer, AnswerRequest
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from assay_runtime.threads import Workers
from assay_store import answers
from assay_store.database import Database
from assay_store.encryption import Vault


class Recorder(Protocol):
    """Keeps answers."""

    async def record(self, principal: Principal, request: AnswerRequest, answer: Answer) -> None:
        """Store an answer with the document versions that it rests on. Raises `AssayError` if that fails."""
        ...


class SqlRecorder:
    """`Recorder` in the tables.

    Args:
        dump: the JSON in which answers travel between services.
    """

    def __init__(self, *, database: Database, vault: Vault, dump: Callable[[Answer], bytes], workers: Workers) -> None:
        self._database = database
        self._vault = vault
        self._dump = dump
        self._workers = workers

    async def record(self, principal: Principal, request: AnswerRequest, answer: Answer) -> None:
        facts = answers.AnswerFacts(
            id=answer.id,
            collection=request.collection,
            principal=principal.id,
            outcome=answer.outcome,
            model=answer.model,
            prompt_version=answer.prompt_version,
            from_cache=answer.cache == "hit",
            evidence=evidence_of(answer),
            assigned=request.assigned,
        )
        await self._workers.run(lambda: self._write(facts, self._dump(answer)))

    def _write(self, facts: answers.AnswerFacts, body: bytes) -> None:
        with self._database.transaction() as connection:
            answers.record(connection, self._vault, facts, body)


def evidence_of(answer: Answer) -> tuple[EvidenceVersion, ...]:
    """The document versions whose text is in the record, each once."""
    cited = [EvidenceVersion(citation.document, citation.version) for citation in answer.citations]
    return tuple(dict.fromkeys(cited + [EvidenceVersion(hit.document, hit.version) for hit in answer.sources]))
