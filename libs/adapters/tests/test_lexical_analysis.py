"""What becomes of words, codes and scripts without spaces before BM25 counts them."""

from itertools import count
from pathlib import Path

import pytest
from assay_adapters.lexical_analysis import analysis_name, analyzer, evened, evener, indexable
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.index_profiles import LANGUAGES
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
    for name in ("en1", analysis_name("en"), analysis_name("de"), "notes"):
        (tmp_path / name / "acme").mkdir(parents=True)
    TantivyIndex(tmp_path).forget_other_analyses()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(
        [analysis_name("en"), analysis_name("de"), "notes"]
    )
    TantivyIndex(tmp_path / "nowhere").forget_other_analyses()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_evens_lengths_is_one_term_in_every_language(language: str):
    assert analyzer(language).analyze(evened("")) == [evener(language)] * 32


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("en", "The contracts of the houses", ["contract", "hous"]),
        ("de", "Die Verträge und die Kündigung der Häuser", ["vertrag", "kundig", "haus"]),
        ("fr", "Les contrats de travail et les congés", ["contrat", "travail", "cong"]),
        ("ru", "Договоры и договоров", ["договор", "договор"]),
        ("mul", "The Verträge of les congés", ["the", "vertrage", "of", "les", "conges"]),
    ],
)
def test_stems_and_stop_words_are_those_of_the_language(language: str, text: str, terms: list[str]):
    assert analyzer(language).analyze(indexable(text)) == terms


def test_languages_are_apart(tmp_path: Path) -> None:
    german, english, collection = TantivyIndex(tmp_path, language="de"), TantivyIndex(tmp_path), new_collection()
    row = new_row(collection)
    german.upsert([row], ["Das Haus ist alt."])
    english.upsert([row], ["Das Haus ist alt."])
    scope = scope_of(collection, 1)
    assert [hit.chunk for hit in german.search(scope, "Häuser", top_k=1, epoch=1)] == [row.chunk]
    assert english.search(scope, "Häuser", top_k=1, epoch=1) == []
    held = {(path.parts[0], term) for path, term in english.terms()}
    assert {(analysis_name("de"), b"haus"), (analysis_name("en"), b"das")} <= held
    english.drop(collection)
    assert german.rows(collection) == 1
    german.close()
