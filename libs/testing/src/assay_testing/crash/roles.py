"""The real processes of ingestion as they run under test: only the embedding model is a stub."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from assay_gateway import main as gateway
from assay_ingestion import index, indexer, relay, worker
from assay_ingestion.bootstrap import VectorSpace

from assay_testing.fake_embedder import FakeEmbedder

Role = Literal["gateway", "relay", "worker", "indexer"]
ROLES: tuple[Role, ...] = get_args(Role)
POISON = "POISON"
DELAY = "STUB_DELAY_S"
SEAL = "STUB_SEAL"

_PR_SET_PDEATHSIG = 1


class StubEmbedder(FakeEmbedder):
    """Takes its time, so that a kill hits it in the middle; one word kills the process that embeds it."""

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        if any(POISON in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get(DELAY, "0")))
        return super().embed_passages(texts)


def run(role: Role, env: Mapping[str, str], log: Path) -> None:
    """Be one of the processes until it ends. Call it in a fresh process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(env)
    with log.open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    match role:
        case "gateway":
            gateway.main()
        case "relay":
            relay.main()
        case "worker":
            worker.choose_embedder = lambda *_: StubEmbedder()  # pyright: ignore[reportPrivateImportUsage] (a stub)
            worker.main()
        case "indexer":
            stub = FakeEmbedder()
            space = VectorSpace(stub.model_id, stub.dimension)
            indexer.describe_embedder = lambda _: space  # pyright: ignore[reportPrivateImportUsage] (a stub)
            if SEAL in env:
                index._SEAL_ROWS, index._SEAL_AFTER_S = 1, 0.0  # pyright: ignore[reportPrivateUsage] (a small test)
            indexer.main()
