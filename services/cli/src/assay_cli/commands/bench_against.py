"""`assay bench ingest --against`: the same ready passages through the platform and through other software."""

import json
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from assay_core.errors import Broken, NotFound
from assay_wire import discovery

from assay_cli import bulk
from assay_cli.against import Block, run_blocks, summarize
from assay_cli.baseline import packaged_model
from assay_cli.commands.bulk_ingest import load_passages
from assay_cli.output import say
from assay_cli.session import Session

if TYPE_CHECKING:
    from assay_evals.peers import Passage, Peer


def bench_against(
    session: Session,
    path: Path,
    peer: "Peer",
    collection: str | None,
    *,
    limit: int | None,
    blocks: int,
    keep: bool,
) -> dict[str, object]:
    """Feed both, print each block, and return the figures.

    Raises:
        NotFound: the package with the peers is not installed.
        Broken: a passage failed, here or there.
    """
    if find_spec("assay_evals") is None:
        raise NotFound("Peers need assay-evals. Install it with `pip install 'assay-cli[eval]'`.", code="not_installed")
    from assay_evals.peers import Passage, PeerProcess, peer_python

    rows = islice(bulk.passages_of(path), limit)
    passages = [Passage(row["id"], row["title"], row["text"]) for row in rows]
    name = collection or time.strftime("bench-%Y%m%d-%H%M%S")
    session.client.create_collection(name)
    say(f"Installing {peer}, if it is not there yet.")
    python = peer_python(discovery.data_folder(session.home, session.environ) / "envs" / "peers")
    with (
        tempfile.TemporaryDirectory(prefix="assay-peer-") as folder,
        PeerProcess(peer, python=python, model=Path(packaged_model()), folder=Path(folder)) as running,
    ):
        say(f"{len(passages)} passages in {blocks} blocks: {peer} {running.version} and the platform in turns.")
        done = run_blocks(
            passages,
            blocks=blocks,
            ours=lambda part: _load(session, name, Path(folder) / "ours.jsonl", part),
            peer=running,
            on_block=_tell,
        )
        figures: dict[str, object] = {"peer": peer, "peer_version": running.version, "collection": name}
    if not keep:
        session.client.delete_collection(name)
    return figures | summarize(done)


def _load(session: Session, collection: str, file: Path, passages: "Sequence[Passage]") -> None:
    lines = (json.dumps({"id": p.id, "title": p.title, "text": p.text}) for p in passages)
    file.write_text("\n".join(lines), encoding="utf-8")
    outcome = load_passages(session, collection, [file], limit=None, wait=True)
    if outcome["ready"] != len(passages):
        raise Broken(
            f"Only {outcome['ready']} of {len(passages)} passages became searchable; the figures would not be those"
            " of the same work. Take passages with ids of their own and with text.",
            code="not_all_ready",
        )


def _tell(block: Block) -> None:
    say(
        f"{block.passages} passages: {block.passages / block.ours_s:.1f}/s here,"
        f" {block.passages / block.peers_s:.1f}/s there, {block.ratio:.2f} times"
    )
