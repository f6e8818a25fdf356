"""The answers of a day, as far as the nightly principal may read what they rest on."""

from collections.abc import Callable

from assay_core.answers import Answer
from assay_core.documents import CollectionId
from assay_core.principals import Principal
from assay_store import answers, evaluations
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.evaluations import Window

from assay_evaluation.schedule import NIGHTLY_PRINCIPAL


class Answers:
    """Random samples of stored answers; the same sample when asked the same again."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        principal: Principal,
        collection: CollectionId,
        read_answer: Callable[[bytes], Answer],
    ) -> None:
        self._database = database
        self._vault = vault
        self._principal = principal
        self._collection = collection
        self._read_answer = read_answer
        self._known: dict[tuple[Window, bool], list[Answer]] = {}

    def given(self, window: Window, *, limit: int, from_cache: bool = False) -> list[Answer]:
        """At most `limit` answers of a time, without those that evaluation asked for."""
        key = window, from_cache
        if key not in self._known or len(self._known[key]) < limit:
            self._known[key] = self._sample(window, limit, from_cache=from_cache)
        return self._known[key][:limit]

    def counted(self, window: Window) -> tuple[int, int]:
        """How many answers were given in a time, and how many of them came from the cache."""
        with self._database.transaction() as connection:
            return evaluations.count_answers(connection, self._collection, window, without=[NIGHTLY_PRINCIPAL])

    def _sample(self, window: Window, limit: int, *, from_cache: bool) -> list[Answer]:
        with self._database.transaction() as connection:
            ids = evaluations.sample_answers(
                connection,
                self._principal,
                self._collection,
                window,
                limit=limit,
                without=[NIGHTLY_PRINCIPAL],
                from_cache=from_cache,
            )
            found = [answers.by_id(connection, self._vault, self._collection, one) for one in ids]
        return [self._read_answer(one.record) for one in found if one is not None]
