"""Terms that mean the same in a collection: what its curator decided, and what its documents suggest."""

from collections.abc import Callable

from assay_core.acronyms import Candidate, candidates
from assay_core.principals import Principal
from assay_core.synonyms import Groups, with_group, without_term
from assay_core.wording import plain
from assay_store import collections, live_texts, visibility
from assay_store.encryption import Vault
from assay_wire import public
from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

PASSAGES_READ = 2_000
CANDIDATES_SHOWN = 100


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault) -> APIRouter:
    """Routes of synonyms."""
    router = APIRouter(tags=["collections"], generate_unique_id_function=operation_id)

    async def changed(principal: Principal, name: str, change: Callable[[Groups], Groups]) -> public.SynonymGroups:
        require_role(principal, "curator")

        def write(connection: Connection) -> Groups:
            found = collections.get(connection, principal, name)
            after = collections.change_settings_by(connection, found, lambda s: {"synonyms": change(s.synonyms)})
            return after.settings.synonyms

        return _reply(await transactions(write))

    @router.get("/v1/collections/{name}/synonyms", summary="List terms that mean the same")
    async def list_synonyms(name: str, principal: Principal = Depends(who)) -> public.SynonymGroups:
        found = await transactions(lambda c: collections.get(c, principal, name))
        return _reply(found.settings.synonyms)

    @router.post("/v1/collections/{name}/synonyms", summary="Let terms mean the same")
    async def add_synonyms(
        name: str, body: public.SynonymGroup, principal: Principal = Depends(who)
    ) -> public.SynonymGroups:
        return await changed(principal, name, lambda groups: with_group(groups, body.terms))

    @router.delete("/v1/collections/{name}/synonyms/{term}", summary="Take a term out of its group")
    async def remove_synonym(name: str, term: str, principal: Principal = Depends(who)) -> public.SynonymGroups:
        return await changed(principal, name, lambda groups: without_term(groups, term))

    @router.get("/v1/collections/{name}/synonyms/candidates", summary="Show what documents say means the same")
    async def list_candidates(name: str, principal: Principal = Depends(who)) -> public.SynonymCandidates:
        require_role(principal, "curator")

        def read(connection: Connection) -> list[Candidate]:
            found = collections.get(connection, principal, name)
            acls = visibility.readable_acls(connection, principal)
            texts = live_texts.some(connection, vault, found.id, acls, most=PASSAGES_READ)
            return _undecided(found.settings.synonyms, candidates(texts, most=CANDIDATES_SHOWN))

        return public.SynonymCandidates(
            candidates=[
                public.SynonymCandidate(short=one.short, long=one.long, passages=one.texts)
                for one in await transactions(read)
            ]
        )

    return router


def _undecided(groups: Groups, found: list[Candidate]) -> list[Candidate]:
    known = [{plain(term) for term in group} for group in groups]
    return [one for one in found if not any({plain(one.short), plain(one.long)} <= group for group in known)]


def _reply(groups: Groups) -> public.SynonymGroups:
    return public.SynonymGroups(groups=[list(group) for group in groups])
