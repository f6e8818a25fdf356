"""`python -m assay_retrieval.bare_engines`: how long embedder and indexes take alone, beside a service that uses them.

Each is asked directly, by one caller, one question after the other, as deep as a search asks it. Prints the medians
in milliseconds as JSON.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from assay_core.documents import TenantId
from assay_core.errors import Invalid
from assay_core.index_profiles import IndexProfile
from assay_runtime.settings import read_master_key
from assay_store import access, collections
from assay_store.database import Database
from assay_store.encryption import Vault

from assay_retrieval.bootstrap import choose_embedder, choose_lexical_index, choose_vector_index
from assay_retrieval.scope import load_scope
from assay_retrieval.settings import Settings

_WARM_UP = 20
_TIMEOUT_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="assay_retrieval.bare_engines", description=__doc__)
    parser.add_argument("collection", help="its name")
    parser.add_argument("questions", type=Path, help="a file with one question a line")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--principal", default="admin", help="whose access the searches have")
    given = parser.parse_args()
    questions = [line for line in given.questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not questions:
        raise SystemExit(f"{given.questions} holds no question; it needs one a line.")
    print(json.dumps(measure(given.collection, questions, tenant=TenantId(given.tenant), principal=given.principal)))


def measure(name: str, questions: Sequence[str], *, tenant: TenantId, principal: str) -> dict[str, float]:
    """The median milliseconds of each engine over the questions."""
    settings = Settings()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    database = Database(settings.database.url.get_secret_value(), pool_size=1)
    try:
        with database.reading() as connection:
            who = access.get_principal(connection, tenant, principal)
            collection = collections.get(connection, who, name)
        scope = load_scope(database, who, collection.id)
    finally:
        database.dispose()
    if not scope.index.acls:
        raise Invalid(f"{principal!r} may read nothing of {name!r}.", code="empty_collection")
    embedder = choose_embedder(settings)
    dense = choose_vector_index(settings.milvus, embedder, IndexProfile.parse(collection.index_kind))
    lexical = choose_lexical_index(settings, Vault(read_master_key(settings.secrets)))
    vectors = [embedder.embed_query(one) for one in questions]
    depth = settings.retrieval.candidates
    epoch = collection.epoch
    engines: dict[str, Callable[[int], object]] = {
        "embed": lambda i: embedder.embed_query(questions[i]),
        "dense": lambda i: dense.search(scope.index, vectors[i], top_k=depth, timeout_s=_TIMEOUT_S),
        "lexical": lambda i: lexical.search(scope.index, questions[i], top_k=depth, epoch=epoch),
    }
    return {engine: _median_ms(ask, len(questions)) for engine, ask in engines.items()}


def _median_ms(ask: Callable[[int], object], count: int) -> float:
    for i in range(min(_WARM_UP, count)):
        ask(i)
    taken: list[float] = []
    for i in range(count):
        started = time.perf_counter()
        ask(i)
        taken.append((time.perf_counter() - started) * 1000)
    return round(median(taken), 2)


if __name__ == "__main__":
    main()
