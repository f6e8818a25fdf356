"""Generations of a collection's indexes: one is asked, and one may stand beside it.

`collections.index_kind` says which kind is asked. Until another one is built, a collection has no rows here.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from assay_core.documents import Collection, CollectionId, TenantId
from assay_core.errors import Conflict, Invalid, NotFound
from assay_core.index_generations import (
    BESIDE,
    COMPLETE,
    KEPT_HOURS,
    MARGIN,
    GenerationComparison,
    GenerationState,
    IndexGeneration,
)
from assay_core.index_profiles import IndexProfile
from sqlalchemy import Connection, Row, text

from assay_store.database import notify
from assay_store.documents import INDEX_CHANNEL

_LEAVE_AFTER_S = 60.0
"""So long after a generation was given up, no search that was under way asks it any more."""

_BESIDE = ", ".join(f"'{state}'" for state in BESIDE)
_KINDS = text(f"""
    SELECT c.index_kind, g.index_kind AS beside, g.state FROM collections c
    LEFT JOIN index_generations g ON g.tenant = c.tenant AND g.collection = c.id AND g.state IN ({_BESIDE})
    WHERE c.tenant = :t AND c.id = :c
""")
_DUE = text("""
    SELECT g.tenant, g.collection, g.number, g.index_kind, g.state, c.index_kind AS active FROM index_generations g
    JOIN collections c ON c.tenant = g.tenant AND c.id = g.collection AND c.deleted_at IS NULL
    WHERE g.state = 'building' OR (g.state = 'kept' AND g.kept_until < now())
       OR (g.state = 'leaving' AND g.changed_at < now() - make_interval(secs => :leave_s))
    ORDER BY g.began_at
""")


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which kind of index is asked, which ones are written, and which of these hold everything."""

    active: str
    written: tuple[str, ...]
    complete: tuple[str, ...]

    @property
    def of_vectors(self) -> "Kinds":
        """The kinds of vector index; of those that share their files only one is written."""
        return self._part(lambda profile: profile.built, lambda profile: profile.vectors)

    @property
    def of_terms(self) -> "Kinds":
        """The languages of the index of terms."""
        return self._part(lambda profile: profile.language, lambda profile: profile.language)

    def _part(self, files: Callable[[IndexProfile], str], kind: Callable[[IndexProfile], str]) -> "Kinds":
        def once(written: Sequence[str]) -> tuple[str, ...]:
            profiles = [IndexProfile.parse(one) for one in reversed(written)]
            return tuple(kind(one) for one in reversed({files(one): one for one in profiles}.values()))

        return Kinds(kind(IndexProfile.parse(self.active)), once(self.written), once(self.complete))


@dataclass(frozen=True, slots=True)
class Due:
    """A generation that something is to be done about, and what of it has files that the active one does not share."""

    collection: CollectionId
    number: int
    index_kind: str
    state: GenerationState
    vectors: bool
    terms: bool


def kinds(connection: Connection, collection: CollectionId) -> Kinds:
    """The kinds of index that a collection has now."""
    row = connection.execute(_KINDS, _at(collection)).one()
    if row.beside is None:
        return Kinds(row.index_kind, (row.index_kind,), (row.index_kind,))
    both = (row.index_kind, row.beside)
    return Kinds(row.index_kind, both, both if row.state in COMPLETE else both[:1])


def kinds_ever(connection: Connection) -> list[str]:
    """Every kind of vector index that any collection has or had: files may still hold what was removed from them."""
    rows = connection.execute(
        text("SELECT index_kind FROM collections UNION SELECT index_kind FROM index_generations ORDER BY 1")
    )
    return sorted({IndexProfile.parse(kind).vectors for kind in rows.scalars()})


def listing(connection: Connection, collection: Collection) -> list[IndexGeneration]:
    """All generations, the newest first."""
    rows = connection.execute(
        text("SELECT * FROM index_generations WHERE tenant = :t AND collection = :c ORDER BY number DESC"),
        _at(collection.id),
    ).all()
    made = collection.created_at
    return [_generation(row) for row in rows] or [
        IndexGeneration(1, collection.index_kind, GenerationState.ACTIVE, made, made)
    ]


def beside(connection: Connection, collection: Collection) -> IndexGeneration:
    """The generation beside the active one. Raises `NotFound` if there is none."""
    found = [one for one in listing(connection, collection) if one.state in BESIDE]
    if not found:
        raise NotFound(
            f"Collection {collection.name!r} has one index, {collection.index_kind}, and none beside it;"
            " `assay index build` begins one.",
            code="no_generation",
        )
    return found[0]


def begin(
    connection: Connection, collection: Collection, kind: str | None, *, language: str | None = None, by: str
) -> IndexGeneration:
    """Have another generation built beside the active one; what is None is as in that one.

    Raises:
        Invalid: there is no such kind or language, or it is the one that is asked.
        Conflict: one stands beside it already.
    """
    active = _lock(connection, collection.id)
    now = IndexProfile.parse(active)
    asked = now if kind is None else IndexProfile.parse(kind)
    if kind is not None and "/" not in kind:
        asked = replace(asked, language=now.language)
    profile = str(asked.in_language(language))
    there = listing(connection, collection)
    if profile == active:
        raise Invalid(f"Collection {collection.name!r} is indexed as {active} already.", code="same_index")
    if standing := next((one for one in there if one.state in BESIDE), None):
        raise Conflict(
            f"Generation {standing.number} ({standing.index_kind}) is {standing.state} beside the active one; let it go"
            " with `assay index drop` first, or wait until it has left.",
            code="generation_beside",
        )
    if there[0].number == 1:
        connection.execute(
            text("""
                INSERT INTO index_generations (tenant, collection, number, index_kind, state, began_at, changed_at)
                VALUES (:t, :c, 1, :kind, 'active', :made, :made) ON CONFLICT DO NOTHING
            """),
            _at(collection.id) | {"kind": active, "made": collection.created_at},
        )
    connection.execute(
        text("""
            INSERT INTO index_generations (tenant, collection, number, index_kind, state, changed_by)
            VALUES (:t, :c, :n, :kind, 'building', :by)
        """),
        _at(collection.id, there[0].number + 1) | {"kind": profile, "by": by},
    )
    notify(connection, INDEX_CHANNEL)
    return beside(connection, collection)


def keep_comparison(
    connection: Connection, collection: CollectionId, number: int, comparison: GenerationComparison
) -> None:
    """Write down how a generation compares."""
    connection.execute(
        text("""
            UPDATE index_generations SET comparison = CAST(:comparison AS jsonb)
            WHERE tenant = :t AND collection = :c AND number = :n
        """),
        _at(collection, number) | {"comparison": json.dumps(asdict(comparison), default=datetime.isoformat)},
    )


def switch(connection: Connection, collection: Collection, *, by: str, reason: str = "") -> IndexGeneration:
    """Ask the new generation from now on; the old one is kept for a day. Returns the new one.

    Raises:
        NotFound: there is none beside the active one.
        Conflict: it is not ready; or its comparison is missing or says that it is worse, and no reason was given.
    """
    _lock(connection, collection.id)
    new = beside(connection, collection)
    if new.state is not GenerationState.READY:
        wait = "wait until it is ready" if new.state is GenerationState.BUILDING else "build one"
        raise Conflict(f"Generation {new.number} is {new.state}; {wait}.", code="generation_not_ready")
    against = _against(new)
    if against and not reason:
        raise Conflict(
            f"{against} To switch all the same, give a reason (override_reason), which is kept with your name.",
            code="gate_failed",
        )
    return _swap(connection, collection, new, by=by, reason=reason if against else "")


def roll_back(connection: Connection, collection: Collection, *, by: str) -> IndexGeneration:
    """Ask the generation again that was asked before. Returns it.

    Raises:
        NotFound: there is none beside the active one.
        Conflict: the one beside it was never asked, or has left.
    """
    _lock(connection, collection.id)
    old = beside(connection, collection)
    if old.state is not GenerationState.KEPT:
        raise Conflict(
            f"Generation {old.number} is {old.state}; one can go back for {KEPT_HOURS} hours after a switch.",
            code="nothing_kept",
        )
    return _swap(connection, collection, old, by=by, reason=old.reason)


def let_go(connection: Connection, collection: Collection, *, by: str) -> IndexGeneration:
    """Have the generation beside the active one removed. Raises `NotFound` if there is none."""
    _lock(connection, collection.id)
    found = beside(connection, collection)
    _become(connection, collection.id, found.number, GenerationState.LEAVING, by=by)
    notify(connection, INDEX_CHANNEL)
    return beside(connection, collection)


def due(connection: Connection) -> list[Due]:
    """What is to be built, has been kept long enough, or is to be removed."""
    rows = connection.execute(_DUE, {"leave_s": _LEAVE_AFTER_S})
    return [
        Due(
            CollectionId(TenantId(row.tenant), row.collection),
            row.number,
            row.index_kind,
            GenerationState(row.state),
            vectors=IndexProfile.parse(row.index_kind).built != IndexProfile.parse(row.active).built,
            terms=IndexProfile.parse(row.index_kind).language != IndexProfile.parse(row.active).language,
        )
        for row in rows
    ]


def advance(connection: Connection, one: Due, state: GenerationState) -> bool:
    """Bring a generation into its next state, unless it was brought into another one meanwhile."""
    return _become(connection, one.collection, one.number, state, by=None, only_from=[one.state])


def is_due(connection: Connection, one: Due) -> bool:
    """Whether a generation is still in the state that it was found in, in a collection that is there."""
    row = connection.execute(
        text("""
            SELECT 1 FROM index_generations g
            JOIN collections c ON c.tenant = g.tenant AND c.id = g.collection AND c.deleted_at IS NULL
            WHERE g.tenant = :t AND g.collection = :c AND g.number = :n AND g.state = :state
        """),
        _at(one.collection, one.number) | {"state": one.state},
    ).one_or_none()
    return row is not None


def _against(new: IndexGeneration) -> str:
    """What speaks against a generation; empty if nothing does."""
    found = new.comparison
    if found is None:
        return f"Generation {new.number} was not compared with the active one (`assay index compare`)."
    if found.passed:
        return ""
    return (
        f"Generation {new.number} may lose {-found.low:.3f} of nDCG@10 on {found.dataset!r} ({found.old:.3f} to"
        f" {found.new:.3f} over {found.questions} questions); up to {MARGIN} would pass."
    )


def _swap(
    connection: Connection, collection: Collection, other: IndexGeneration, *, by: str, reason: str
) -> IndexGeneration:
    active = next(one for one in listing(connection, collection) if one.state is GenerationState.ACTIVE)
    _become(connection, collection.id, other.number, GenerationState.ACTIVE, by=by, reason=reason)
    _become(connection, collection.id, active.number, GenerationState.KEPT, by=by)
    connection.execute(
        text("UPDATE collections SET index_kind = :kind, epoch = epoch + 1 WHERE tenant = :t AND id = :c"),
        _at(collection.id) | {"kind": other.index_kind},
    )
    return next(one for one in listing(connection, collection) if one.number == other.number)


def _become(
    connection: Connection,
    collection: CollectionId,
    number: int,
    state: GenerationState,
    *,
    by: str | None,
    reason: str = "",
    only_from: Sequence[GenerationState] = (),
) -> bool:
    kept = state is GenerationState.KEPT
    moved = connection.execute(
        text("""
            UPDATE index_generations SET state = :state, changed_at = now(), changed_by = :by, reason = :reason,
                kept_until = CASE WHEN :kept THEN now() + make_interval(hours => :hours) END
            WHERE tenant = :t AND collection = :c AND number = :n AND (cardinality(CAST(:f AS text[])) = 0
               OR state = ANY(:f))
        """),
        _at(collection, number)
        | {"state": state, "by": by, "reason": reason, "kept": kept, "hours": KEPT_HOURS, "f": list(only_from)},
    )
    return moved.rowcount == 1


def _lock(connection: Connection, collection: CollectionId) -> str:
    """Have nobody else change which generations there are. Returns the kind that is asked."""
    return connection.execute(
        text("SELECT index_kind FROM collections WHERE tenant = :t AND id = :c FOR UPDATE"), _at(collection)
    ).scalar_one()


def _at(collection: CollectionId, number: int = 0) -> dict[str, Any]:
    return {"t": collection.tenant, "c": collection.id, "n": number}


def _generation(row: Row[Any]) -> IndexGeneration:
    found = row.comparison
    if found is not None:
        found = GenerationComparison(**found | {"compared_at": datetime.fromisoformat(found["compared_at"])})
    return IndexGeneration(
        number=row.number,
        index_kind=row.index_kind,
        state=GenerationState(row.state),
        began_at=row.began_at,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        kept_until=row.kept_until,
        comparison=found,
        reason=row.reason,
    )
