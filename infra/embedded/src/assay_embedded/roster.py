"""The parts by name, and what of them a person waits for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """A process of ours, started as `python -m MODULE`."""

    name: str
    module: str
    needs: tuple[str, ...]
    nice: int = 0


def _by_name(*services: Service) -> dict[str, Service]:
    return {service.name: service for service in services}


# Milvus, the cache and the generator are not waited for: our processes start beside them, and say in /readyz
# what they miss. What works through queues steps back for what people wait for.
SERVICES = _by_name(
    Service("gateway", "assay_gateway.main", ("first-run",)),
    Service("retrieval", "assay_retrieval.main", ("migrate",)),
    Service("generation", "assay_generation.main", ("migrate",)),
    Service("evaluation", "assay_evaluation.main", ("migrate",)),
    Service("evaluation-worker", "assay_evaluation.worker", ("migrate", "broker"), nice=10),
    Service("worker", "assay_ingestion.worker", ("migrate", "broker"), nice=5),
    Service("indexer", "assay_ingestion.indexer", ("migrate",)),
    Service("relay", "assay_ingestion.relay", ("migrate", "broker")),
    Service("syncer", "assay_ingestion.syncer", ("migrate",), nice=10),
    Service("beat", "assay_evaluation.beat", ("migrate", "broker")),
)
ONE_SHOTS = _by_name(
    Service("migrate", "assay_store.migrate", ("postgres",)),
    Service("first-run", "assay_gateway.first_run", ("migrate",)),
)
SERVERS = ("postgres", "broker", "cache", "milvus", "vllm")
ALL = (*SERVERS, *ONE_SHOTS, *SERVICES)
SEARCHABLE = frozenset(ALL) - {"vllm", "generation", "evaluation", "evaluation-worker", "beat", "syncer"}
GENERATING = SEARCHABLE | {"vllm", "generation"}
