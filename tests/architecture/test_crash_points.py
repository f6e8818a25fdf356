"""Each named crash point stands in the code and is died at by a test; each durable step has one before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from assay_core.crash_points import POINTS
from assay_testing.crash.points import CASES, once_each

ROOT = Path(__file__).parents[2]
PIPELINE = (
    "ingestion/src/assay_ingestion/*.py",
    "libs/store/src/assay_store/intake.py",
    "libs/adapters/src/assay_adapters/blobs.py",
    "libs/adapters/src/assay_adapters/milvus.py",
    "libs/adapters/src/assay_adapters/tantivy_index.py",
)
# What makes something durable, by the name of the call.
DURABLE = {
    *("put", "rename", "delete", "upsert", "drop", "commit"),
    *("ring", "transaction", "evict_document", "write_both"),
}
ONLY_READS = "reads, or shows progress"
PASSES_ON = "the step is in the function that is called, or in the one that calls"
ONE_STATEMENT = "one transaction of its own: before or after it, nothing in between"
GOES_ON = "one transaction under the lease of a run, which goes on from there; test_source_sync.py kills between them"
INSIDE = "its points stand inside its transaction"
SCAN = "a command that is run again; a control that it leaves behind is of random bytes"
REPAIRS = "repeated from the start until there is nothing to repair"
WITHOUT_POINT = {
    "access_changes._write": ONLY_READS,
    "access_changes.run": ONLY_READS,
    "archives._delete_vanished": ONE_STATEMENT,
    "archives._record_once": PASSES_ON,
    "blobs.rename": PASSES_ON,
    "deletions._leave_cache": PASSES_ON,
    "deletions._leave_indexes": ONLY_READS,
    "deletions._remember": ONE_STATEMENT,
    "deletions.run": ONE_STATEMENT,
    "deletions.take_over": ONE_STATEMENT,
    "drain._take_suspect": ONLY_READS,
    "erasure_controls._blob": SCAN,
    "erasure_controls._ids_in_milvus": SCAN,
    "erasure_controls._lexical": SCAN,
    "erasure_controls._redis": SCAN,
    "erasure_controls._vectors": SCAN,
    "erasure_scan._kinds": ONLY_READS,
    "erasure_scan.run": SCAN,
    "generations._advance": ONE_STATEMENT,
    "generations._begin": ONLY_READS,
    "generations._fill": REPAIRS,
    "generations._remove": REPAIRS,
    "index._fail": ONE_STATEMENT,
    "index.index_pending": ONLY_READS,
    "index_kinds._kinds": ONLY_READS,
    "index_kinds.begin_purge": ONLY_READS,
    "index_kinds.delete": PASSES_ON,
    "index_kinds.drop": PASSES_ON,
    "index_kinds.upsert": PASSES_ON,
    "intake.seal": PASSES_ON,
    "intake.seal_again": PASSES_ON,
    "leases.look": ONLY_READS,
    "leases.renew": ONE_STATEMENT,
    "leftovers._remove_from": REPAIRS,
    "leftovers._remove_of": ONLY_READS,
    "leftovers.remove": REPAIRS,
    "lexical_kinds._kinds": ONLY_READS,
    "lexical_kinds.delete": PASSES_ON,
    "lexical_kinds.drop": PASSES_ON,
    "lexical_kinds.upsert": PASSES_ON,
    "milvus.delete": PASSES_ON,
    "milvus.drop": PASSES_ON,
    "percolation._percolate": ONLY_READS,
    "percolation.catch_up": ONLY_READS,
    "pipeline._dismiss": ONE_STATEMENT,
    "pipeline._drop_leftovers": REPAIRS,
    "pipeline._fail": ONE_STATEMENT,
    "pipeline._forget": PASSES_ON,
    "pipeline._groups": ONLY_READS,
    "pipeline._store": PASSES_ON,
    "pipeline.ingest": ONE_STATEMENT,
    "rebuild._await_writer": ONLY_READS,
    "rebuild._chosen": ONLY_READS,
    "rebuild.collection": "a command that is run again",
    "reconcile._count": ONE_STATEMENT,
    "reconcile._compare": ONLY_READS,
    "reconcile._drop_if_empty": REPAIRS,
    "reconcile._made_anew": REPAIRS,
    "reconcile._plan": ONLY_READS,
    "reconcile._remove": REPAIRS,
    "reconcile._restore": REPAIRS,
    "relay.publish": PASSES_ON,
    "retention._gather_vectors": INSIDE,
    "retention._remove": ONLY_READS,
    "retention.work": ONLY_READS,
    "rows.write_both": PASSES_ON,
    "settling._begin": PASSES_ON,
    "settling._write_again": REPAIRS,
    "sweeper.bury_exhausted": ONE_STATEMENT,
    "sweeper.ring_overdue": REPAIRS,
    "sweeper.sweep": REPAIRS,
    "sync.__init__": ONLY_READS,
    "sync._close": GOES_ON,
    "sync._end": ONLY_READS,
    "sync._record": PASSES_ON,
    "sync._take": ONLY_READS,
    "sync._target": ONLY_READS,
    "sync._write": GOES_ON,
    "syncer._lease": ONE_STATEMENT,
    "syncer._wake": ONE_STATEMENT,
    "syncer.kept": ONE_STATEMENT,
    "syncer.renew": ONE_STATEMENT,
    "syncer.start_due": GOES_ON,
    "tantivy_index._create": PASSES_ON,
    "tantivy_index._sweep": REPAIRS,
    "tantivy_index.delete": PASSES_ON,
    "tantivy_index.drop": PASSES_ON,
    "vectors.gather": PASSES_ON,
    "vectors.write": PASSES_ON,
}


def test_every_named_point_stands_in_the_code():
    files = (file for package in ("libs", "ingestion", "services") for file in (ROOT / package).rglob("src/**/*.py"))
    named = {
        name
        for file in files
        if "crash_points" in (source := file.read_text())
        for node in ast.walk(ast.parse(source))
        if (name := _point(node))
    }
    assert named == set(POINTS)


def test_every_named_point_has_a_test_that_dies_there():
    assert {case.point for case in CASES} == set(POINTS)
    assert [case.point for case in once_each()] == list(POINTS)


def test_before_every_durable_step_of_the_pipeline_stands_a_point():
    found = {name for pattern in PIPELINE for file in ROOT.glob(pattern) for name in _bare(file)}
    new, gone = found - WITHOUT_POINT.keys(), WITHOUT_POINT.keys() - found
    assert not new, f"call crash_points.reach before the durable steps of {sorted(new)}, or list them with the reason"
    assert not gone, f"{sorted(gone)} need not be listed any more"


def _bare(file: Path) -> Iterator[str]:
    """Functions with a durable step that no point stands before."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and _has_bare_step(node):
            yield f"{file.stem}.{node.name}"


def _has_bare_step(function: ast.FunctionDef) -> bool:
    calls = sorted(
        ((n.lineno, n.col_offset, _called(n)) for n in ast.walk(function) if isinstance(n, ast.Call)),
        key=lambda call: call[:2],
    )
    guarded = False
    for *_, name in calls:
        if name == "reach":
            guarded = True
        elif name in DURABLE:
            if not guarded:
                return True
            guarded = False
    return False


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _point(node: ast.AST) -> str | None:
    match node:
        case ast.Call(ast.Name("reach"), [ast.Constant(str(name))]):
            return name
        case _:
            return None
