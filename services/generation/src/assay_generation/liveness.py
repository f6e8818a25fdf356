"""Authorization once more, in SQL, just before a citation leaves: is each version still live and readable?"""

from collections.abc import Collection
from typing import Protocol

from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from assay_runtime.threads import Workers
from assay_store import visibility
from assay_store.database import Database


class Liveness(Protocol):
    """Tells which document versions may be cited now."""

    async def live(self, principal: Principal, versions: Collection[EvidenceVersion]) -> frozenset[EvidenceVersion]:
        """Those of `versions` that are live and readable. Raises `Unavailable` if that cannot be checked."""
        ...


class SqlLiveness:
    """`Liveness` by the tables."""

    def __init__(self, *, database: Database, workers: Workers) -> None:
        self._database = database
        self._workers = workers

    async def live(self, principal: Principal, versions: Collection[EvidenceVersion]) -> frozenset[EvidenceVersion]:
        return await self._workers.run(lambda: self._live(principal, frozenset(versions)), abandon=True)

    def _live(self, principal: Principal, versions: frozenset[EvidenceVersion]) -> frozenset[EvidenceVersion]:
        with self._database.transaction() as connection:
            acls = visibility.readable_acls(connection, principal)

            def are_live(*asked: EvidenceVersion) -> bool:
                return visibility.all_live(connection, principal.tenant, acls, asked)

            if are_live(*versions):
                return versions
            return frozenset(version for version in versions if are_live(version))
