"""What is read with hits: passages around them in the same version, looked at by the SQL that the hits passed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assay_core.collection_settings import Searching
from assay_core.documents import ChunkId
from assay_core.search import Beside, Expand, Hit, SearchRequest, StageRank
from assay_core.wording import Wording
from assay_store import surroundings, visibility
from assay_store.encryption import Vault
from assay_store.payloads import ChunkPayload
from assay_store.visibility import LiveChunk
from sqlalchemy import Connection

from assay_retrieval.scope import SearchScope
from assay_retrieval.windows import Room, Spot, Window, windows

STAGE = "expand"
_REACH = {Expand.NEIGHBOURS: 1, Expand.SECTION: 16}


def expand_of(request: SearchRequest, searching: Searching) -> Expand:
    """What the request says, or else the collection."""
    return Expand(searching.expand) if request.expand is None else request.expand


def with_surroundings(
    connection: Connection, vault: Vault, scope: SearchScope, request: SearchRequest, hits: Sequence[Hit]
) -> tuple[Hit, ...]:
    """The hits with what is around them; those that touch a better one are read with that, and the others move up.

    Needs a connection of one moment: a version that goes live meanwhile would have no surroundings in the one before.
    """
    searching = scope.collection.settings.searching
    how = expand_of(request, searching)
    found = _live_around(connection, vault, scope, hits, reach=_REACH[how])
    spots = {(beside.chunk, beside.start): spot for spot, (beside, _) in found.items()}
    wording = Wording((), request.excluded)

    def together(one: Spot, other: Spot) -> bool:
        same = how is Expand.NEIGHBOURS or found[one][0].heading_path == found[other][0].heading_path
        return same and wording.fits("\n".join([*found[other][0].heading_path, found[other][0].text]))

    room = Room(
        reach=_REACH[how],
        most_tokens=searching.expand_tokens,
        tokens={spot: tokens for spot, (_, tokens) in found.items()},
        together=together,
    )
    made = windows([spots.get((hit.chunk, hit.start)) for hit in hits], room)
    passages = {spot: beside for spot, (beside, _) in found.items()}
    return tuple(_read_together(hits, window, passages, rank) for rank, window in enumerate(made, start=1))


def _live_around(
    connection: Connection, vault: Vault, scope: SearchScope, hits: Sequence[Hit], *, reach: int
) -> dict[Spot, tuple[Beside, int]]:
    """Passages with their tokens, where the version of their hit is live and readable at this moment."""
    places = surroundings.around(connection, hits, reach=reach)
    acls = visibility.readable_acls(connection, scope.principal)
    live = visibility.live_chunks(connection, scope.collection.id, acls, [p.chunk for p in places])
    return {
        Spot(place.document, place.version, place.ordinal): (_opened(vault, one), place.tokens)
        for place in places
        if (one := live.get(place.chunk)) and (one.version, one.start) == (place.version, place.start)
    }


def _opened(vault: Vault, live: LiveChunk) -> Beside:
    key = vault.document_key(live.document, live.key_wrapped)
    payload = ChunkPayload.open(key, live.chunk.id, live.payload)
    return Beside(live.chunk, payload.text, live.start, live.end, live.page, payload.heading_path)


def _read_together(hits: Sequence[Hit], window: Window, passages: Mapping[Spot, Beside], rank: int) -> Hit:
    best, *others = (hits[number] for number in window.hits)
    found: dict[ChunkId, Hit] = {hit.chunk: hit for hit in others}
    around = tuple(
        replace(one, rank=hit.rank, score_cosine=hit.score_cosine) if (hit := found.get(one.chunk)) else one
        for one in (passages[spot] for spot in sorted(window.spots))
        if one.chunk != best.chunk
    )
    stages = (*best.stages, StageRank(STAGE, rank, float(len(around)))) if around else best.stages
    return replace(best, rank=rank, around=around, stages=stages)
