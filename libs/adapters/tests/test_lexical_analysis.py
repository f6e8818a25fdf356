"""What becomes of words, codes and scripts without spaces before BM25 counts them."""

from itertools import count
from pathlib import Path

import pytest
from assay_adapters.lexical_analysis import ANALYSIS_VERSION, analyzer, indexable
from assay_adapters.tantivy_index import TantivyIndex
from assay_testing.ids import new_collection, new_row, scope_of

_epochs = count(1)


def terms(text: str) -> list[str]:
    return analyzer().analyze(indexable(text))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("The inspections of Pumps", ["inspect", "pump"]),
        ("Überprüfung naïve", ["uberprufung", "naiv"]),
        ("co\u00adoperation", ["cooper"]),
        ("ＡＢＣ ｶﾀ", ["abc", "カタ"]),
        ("CVE-2024-1234", ["cve", "2024", "1234", "cve2024x1234"]),
        ("since v2.3.5.", ["sinc", "v2", "3", "5", "v2x3x5"]),
        ("2.35", ["2", "35", "2x35"]),
        ("max_open_files", ["max", "open", "file", "maxopenfil"]),
        ("ann.lee@example.org", ["ann", "lee", "exampl", "org", "annleeexampleorg"]),
        ("well-known and/or", ["well", "known"]),
        ("HttpRequest", ["httprequest", "http", "request"]),
        ("parseURLFast", ["parseurlfast", "pars", "url", "fast"]),
        ("年次有給休暇", ["年次", "次有", "有給", "給休", "休暇"]),
        ("第3条 泵", ["第", "3", "条", "泵"]),
        ("휴가 신청서를", ["휴가", "신청", "청서", "서를"]),
        ("泵Pump", ["泵", "pump"]),
        ("", []),
    ],
)
def test_terms(text: str, made: list[str]) -> None:
    assert terms(text) == made


def test_a_code_in_full_ranks_before_its_parts(tmp_path: Path) -> None:
    index, collection = TantivyIndex(tmp_path), new_collection()
    texts = [
        "In 2024 there were 1234 reports of CVE numbers, 1234 in all, and CVE numbers of 2024 again.",
        "CVE-2024-1234 is repaired by the update of the server, says the note for operators.",
    ]
    rows = [new_row(collection) for _ in texts]
    index.upsert(rows, texts)
    hits = index.search(scope_of(collection, 1), "CVE-2024-1234", top_k=5, epoch=next(_epochs))
    assert [hit.chunk for hit in hits] == [rows[1].chunk, rows[0].chunk]
    index.close()


def test_text_without_spaces_is_found_by_a_part_of_it(tmp_path: Path) -> None:
    index, collection = TantivyIndex(tmp_path), new_collection()
    rows = [new_row(collection) for _ in range(2)]
    index.upsert(rows, ["従業員は毎年二十八日の年次有給休暇を取得できる。", "ポンプは毎週点検される。"])
    scope = scope_of(collection, 1)
    for question, found in {"有給休暇": rows[0], "ポンプの点検": rows[1]}.items():
        hits = index.search(scope, question, top_k=1, epoch=next(_epochs))
        assert [hit.chunk for hit in hits] == [found.chunk], question
    assert index.search(scope, "賃金", top_k=1, epoch=next(_epochs)) == []
    index.close()


def test_indexes_of_another_analysis_are_removed(tmp_path: Path) -> None:
    for name in ("en1", ANALYSIS_VERSION, "notes"):
        (tmp_path / name / "acme").mkdir(parents=True)
    TantivyIndex(tmp_path).forget_other_analyses()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted([ANALYSIS_VERSION, "notes"])
    TantivyIndex(tmp_path / "nowhere").forget_other_analyses()
