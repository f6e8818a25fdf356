import sys
from pathlib import Path

import pytest
from assay_core.errors import Broken
from assay_evals.peers import Passage, PeerProcess

# Speaks as run_peer.py does, and takes a second for each line of a block.
STUB = f"""#!{sys.executable}
import json, sys
print(json.dumps({{"ready": True, "version": "1.2"}}), flush=True)
for line in sys.stdin:
    rows = [json.loads(each) for each in open(line.strip())]
    if rows[0]["text"] == "poison":
        print("it hurts", file=sys.stderr)
        sys.exit(1)
    print(json.dumps({{"seconds": len(rows)}}), flush=True)
"""


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    file = tmp_path / "python"
    file.write_text(STUB)
    file.chmod(0o755)
    return file


def test_a_peer_is_fed_and_tells_its_seconds(stub: Path, tmp_path: Path):
    passages = [Passage("1", "", "a\nb"), Passage("2", "t", "c")]
    with PeerProcess("txtai", python=stub, model=tmp_path, folder=tmp_path) as peer:
        assert peer.version == "1.2"
        assert peer.ingest(passages) == 2.0
        assert peer.ingest(passages[:1]) == 1.0


def test_a_peer_that_fails_says_why(stub: Path, tmp_path: Path):
    with PeerProcess("txtai", python=stub, model=tmp_path, folder=tmp_path) as peer:
        with pytest.raises(Broken, match="txtai failed: it hurts"):
            peer.ingest([Passage("1", "", "poison")])
        with pytest.raises(Broken):
            peer.ingest([Passage("1", "", "more")])


def test_a_peer_that_is_not_installed_says_so(tmp_path: Path):
    with (
        pytest.raises(Broken, match="No module named 'llama_index'"),
        PeerProcess("llamaindex", python=Path(sys.executable), model=tmp_path, folder=tmp_path),
    ):
        pass
