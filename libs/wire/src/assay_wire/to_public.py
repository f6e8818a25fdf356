"""From the domain to the public API. Offsets, scores and texts are passed on as they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from assay_core import answers, documents, search
from assay_core.evaluation import EvaluationRun, GoldenQuestion, NightReport
from assay_core.golden_sets import GoldenSet
from assay_core.index_generations import GenerationComparison, IndexGeneration
from assay_core.jobs import ListedJob
from assay_core.metadata_filter import as_json
from assay_core.spelling import respelled

from assay_wire import public

HEADING_SEPARATOR = " › "


def heading(path: Iterable[str]) -> str:
    """Headings above a passage as one line."""
    return HEADING_SEPARATOR.join(path)


def collection(found: documents.Collection) -> public.Collection:
    return public.Collection(
        name=found.name,
        id=found.id.id,
        documents=found.documents,
        chunks=found.chunks,
        epoch=found.epoch,
        index_kind=found.index_kind,
        created_at=found.created_at,
        settings=public.CollectionSettings.model_validate(found.settings.as_json()),
        rechunk_due=found.rechunk_due,
        paused_at=found.paused_at,
    )


def index_generation(found: IndexGeneration) -> public.IndexGeneration:
    comparison = found.comparison
    return public.IndexGeneration(
        number=found.number,
        index_kind=found.index_kind,
        state=found.state,
        began_at=found.began_at,
        changed_at=found.changed_at,
        changed_by=found.changed_by,
        kept_until=found.kept_until,
        comparison=None if comparison is None else index_comparison(comparison),
        reason=found.reason,
    )


def index_comparison(found: GenerationComparison) -> public.IndexComparison:
    return public.IndexComparison(**asdict(found), passed=found.passed)


def job(found: ListedJob) -> public.Job:
    return public.Job(
        id=found.id,
        document_id=found.document.id,
        document_name=found.document_name,
        collection=found.collection,
        version=found.version,
        batch=found.batch,
        state=found.state,
        priority=found.priority.name.lower(),
        attempts=found.attempts,
        error_code=found.error_code,
        error=found.error,
        created_at=found.created_at,
        updated_at=found.updated_at,
        not_before=found.not_before,
    )


def document_summary(
    found: documents.Document, newest: documents.Version, collection_name: str
) -> public.DocumentSummary:
    return public.DocumentSummary.model_validate(_summary(found, newest, collection_name))


def document_detail(
    found: documents.Document,
    versions: list[documents.Version],
    collection_name: str,
    *,
    access: public.Access | None = None,
    near_duplicates: Sequence[public.NearDuplicate] = (),
    held: bool | None = None,
    hold: public.LegalHold | None = None,
) -> public.DocumentDetail:
    """`versions` newest first, at least one."""
    return public.DocumentDetail.model_validate(
        _summary(found, versions[0], collection_name)
        | {
            "versions": [_version(v) for v in versions],
            "access": access,
            "near_duplicates": list(near_duplicates),
            "held": held,
            "hold": hold,
        }
    )


def progress(version: documents.Version) -> public.Progress:
    return public.Progress(
        state=version.state,
        progress=version.progress,
        version=version.version,
        pages=version.pages,
        chunks=version.chunks,
        error_code=version.error_code,
        error=version.error,
        **_pace(version),
    )


def _pace(version: documents.Version) -> dict[str, Any]:
    """How much of a version is done, and how fast; what is not known yet is None."""
    state = documents.VersionState
    parsed = version.state not in (state.RECEIVED, state.PARSING)
    done = version.chunks if version.state in (state.INDEXING, state.READY) else version.chunks_done
    found: dict[str, Any] = {"pages_done": version.pages if parsed else None, "chunks_done": done}
    if version.state is not state.EMBEDDING or not done or not version.chunks or version.stage_at is None:
        return found
    seconds = (version.updated_at - version.stage_at).total_seconds()
    if seconds < 1:
        return found
    rate = done / seconds
    return found | {"chunks_per_s": round(rate, 2), "left_s": round((version.chunks - done) / rate, 1)}


def hit(found: search.Hit, *, explain: bool = False) -> public.Hit:
    return public.Hit(
        rank=found.rank,
        chunk_id=found.chunk.id,
        document_id=found.document.id,
        document_name=found.document_name,
        version=found.version,
        page=found.page,
        heading=heading(found.heading_path),
        text=found.text,
        start=found.start,
        end=found.end,
        score=found.score,
        scored_by=found.scored_by,
        stages=[stage(s) for s in found.stages] if explain else None,
        around=[beside(one) for one in found.around],
    )


def beside(found: search.Beside) -> public.Beside:
    return public.Beside(
        chunk_id=found.chunk.id,
        page=found.page,
        heading=heading(found.heading_path),
        text=found.text,
        start=found.start,
        end=found.end,
        rank=found.rank,
    )


def stage(found: search.StageRank) -> public.Stage:
    return public.Stage(
        stage=found.stage, rank=found.rank, score=found.score, normalized=found.normalized, weight=found.weight
    )


def hits(found: Iterable[search.Hit], *, explain: bool = False) -> list[public.Hit]:
    return [hit(h, explain=explain) for h in found]


def degraded(found: Iterable[search.Degradation]) -> list[public.Degradation]:
    return [public.Degradation(component=d.component, mode=d.mode, reason=d.reason) for d in found]


def search_reply(
    result: search.SearchResult, *, explain: bool, asked: search.SearchRequest | None = None, language: str = "und"
) -> public.SearchReply:
    return public.SearchReply(
        hits=hits(result.hits, explain=explain),
        timings_ms=dict(result.timings_ms),
        cache=result.cache,
        degraded=degraded(result.degraded),
        corrections=[public.Correction(written=one.written, meant=one.meant) for one in result.corrections],
        understood=_understood(asked, result, language) if explain and asked else None,
    )


def _understood(asked: search.SearchRequest, result: search.SearchResult, language: str) -> public.Understood:
    return public.Understood(
        text=respelled(asked.query, result.corrections),
        phrases=list(asked.phrases),
        excluded=list(asked.excluded),
        filter=as_json(asked.filter),
        synonyms=[public.Expansion(term=one.term, added=list(one.added)) for one in result.expansions],
        language=language,
        second_look=public.SecondLook.model_validate(asdict(result.second_look)) if result.second_look else None,
    )


def cache_explanation(found: search.CacheExplanation) -> public.CacheExplanation:
    return public.CacheExplanation(
        verdict=found.verdict,
        reason=found.reason,
        sequence=found.sequence,
        percolated=found.percolated,
        threshold=found.threshold,
        similarity=found.similarity,
        evidence=found.evidence,
        evidence_live=found.evidence_live,
    )


def citation(found: answers.Citation) -> public.Citation:
    return public.Citation(
        n=found.n,
        document_id=found.document.id,
        document_name=found.document_name,
        version=found.version,
        page=found.page,
        heading=heading(found.heading_path),
        start=found.start,
        end=found.end,
        quote=found.quote,
        chunk_id=found.chunk.id,
        origin=found.origin,
    )


def claim(found: answers.Claim, text: str) -> public.Claim:
    """`text` is the answer's text, or as much of it as has come."""
    return public.Claim(
        start=found.start,
        end=found.end,
        text=text[found.start : found.end],
        verdict=found.verdict,
        probability=found.probability,
        citations=list(found.citations),
    )


def answer(found: answers.Answer) -> public.Answer:
    return public.Answer(
        id=found.id,
        question=found.question,
        answer=found.text,
        outcome=found.outcome,
        verdict=found.outcome,
        citations=[citation(c) for c in found.citations],
        claims=[claim(c, found.text) for c in found.claims],
        sources=hits(found.sources),
        model=found.model,
        prompt_version=found.prompt_version,
        usage=usage(found.usage),
        timings_ms=dict(found.timings_ms),
        degraded=degraded(found.degraded),
        cache=found.cache,
        finish_reason=found.finish_reason,
    )


def usage(found: answers.TokenUsage | None) -> public.Usage | None:
    return found and public.Usage(prompt_tokens=found.prompt, completion_tokens=found.completion)


def run(found: EvaluationRun, collection_name: str) -> public.Run:
    return public.Run.model_validate(run_fields(found, collection_name))


def run_fields(found: EvaluationRun, collection_name: str) -> Mapping[str, object]:
    return asdict(found) | {"collection": collection_name}


def golden_set(found: GoldenSet, collection_name: str) -> public.GoldenSetReply:
    return public.GoldenSetReply.model_validate(_golden_fields(found, collection_name))


def golden_content(
    found: GoldenSet, questions: Sequence[GoldenQuestion], collection_name: str
) -> public.GoldenSetContent:
    """`questions` are those that may be shown."""
    content = {"content": [asdict(q) for q in questions], "hidden": found.questions - found.erased - len(questions)}
    return public.GoldenSetContent.model_validate(_golden_fields(found, collection_name) | content)


def _golden_fields(found: GoldenSet, collection_name: str) -> dict[str, Any]:
    return asdict(found) | {"dataset": found.name, "collection": collection_name}


def night(found: NightReport, collection_name: str) -> public.Night:
    return public.Night.model_validate(asdict(found) | {"collection": collection_name})


def _summary(found: documents.Document, newest: documents.Version, collection_name: str) -> dict[str, Any]:
    fields = _version(newest)
    return fields | {
        "id": found.id.id,
        "name": found.name,
        "collection": collection_name,
        "live_version": found.live_version,
        "created_at": found.created_at,
        "updated_at": max(found.updated_at, newest.updated_at),
        "metadata": dict(found.metadata),
    }


def _version(found: documents.Version) -> dict[str, Any]:
    return asdict(found) | _pace(found)
