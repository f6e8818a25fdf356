"""The pages of evaluations in a real browser: trends, nights, comparison, worst answers, judges."""

from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from random import Random

import pytest
from assay_core.answers import Verdict
from assay_core.feedback import Label, LabelledClaim
from assay_evals.groundedness import evaluate
from assay_evals.human_labels import labelled_set, recorded_scorer
from assay_testing.browser import Visit, open_visit
from assay_wire import ab_tests, experiments, feedback, public
from playwright.sync_api import Browser, Page, expect

from . import made_up_evaluations as made_up
from .conftest import serving
from .made_up_evaluations import MadeUp
from .pages import fits, size_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RUN = f"{0:032x}"
PATHS = {
    "evaluations": "",
    "run": f"?run={RUN}",
    "nights": "/nights",
    "night": "/nights/handbook/2026-11-16",
    "comparison": f"/compare?baseline={5:032x}&run={RUN}",
    "ab-tests": "/ab-tests",
    "worst": f"/worst?run={RUN}",
    "judges": "/judges",
}


@dataclass
class Board:
    """A page at one size, on made-up evaluations."""

    visit: Visit
    url: str
    server: MadeUp

    def open(self, name: str) -> Page:
        self.visit.page.goto(f"{self.url}/ui/evaluations{PATHS[name]}")
        expect(self.visit.page.get_by_role("heading", level=1)).to_be_visible()
        return self.visit.page


@pytest.fixture(params=["desktop", "phone"])
def board(browser: Browser, request: pytest.FixtureRequest) -> Generator[Board]:
    server = MadeUp()
    with serving(server.app()) as port:
        url = f"http://127.0.0.1:{port}"
        visit = open_visit(browser, url, request.param)
        yield Board(visit, url, server)
        assert visit.offences == []
        visit.page.context.close()


def test_what_is_made_up_has_the_shapes_of_the_api() -> None:
    public.RunList.model_validate({"runs": [made_up.run(n) for n in range(made_up.NIGHTS)]})
    public.RunDetail.model_validate(made_up.run(0, detail=True))
    public.NightList.model_validate({"nights": [made_up.night(n) for n in range(made_up.NIGHTS)]})
    public.Answer.model_validate(made_up.answer(RUN))
    ab_tests.ABTest.model_validate(made_up.ab_test(1, "better"))
    experiments.Experiment.model_validate(made_up.experiment())
    feedback.LabelledClaims.model_validate({"claims": made_up.labelled()})


def test_pages_fit_and_can_be_read_in_light_and_dark(board: Board) -> None:
    for name in PATHS:
        page = board.open(name)
        expect(page.locator(".state-loading")).to_have_count(0)
        expect(page.locator(".state-failure")).to_have_count(0)
        assert fits(page), name
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            board.visit.shot(f"{size_of(board.visit)}-evaluations-{name}-{scheme}")


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_trends_show_their_intervals_as_bands_words_and_numbers(board: Board) -> None:
    page = board.open("evaluations")
    triad = page.get_by_role("figure", name="Answers: the RAG triad")
    expect(triad.locator(".chart-band")).to_have_count(3)
    expect(triad.locator(".chart-whisker")).to_have_count(3 * made_up.NIGHTS)
    triad.get_by_role("button", name="Groundedness").click()
    expect(triad.locator(".chart-band")).to_have_count(2)
    triad.get_by_role("img").focus()
    page.keyboard.press("End")
    means, ends = (made_up.run(0)[key]["context_relevance"] for key in ("metrics", "intervals"))
    told = f"{means:.3f} ({ends[0]:.2f} to {ends[1]:.2f})"
    expect(triad.locator(".chart-tooltip")).to_contain_text(told)
    triad.get_by_text("The same as a table").click()
    expect(triad.locator("tbody tr").first).to_contain_text(told)
    triad.get_by_role("img").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of 7 Nov 2026, 02:00")


def test_a_night_is_found_by_its_alarm_and_says_what_moved(board: Board) -> None:
    page = board.open("nights")
    night = page.locator(".night", has_text="groundedness of golden fell")
    expect(night.locator(".badge")).to_have_text("1 alarm")
    night.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Night of 16 Nov 2026")
    remark = page.locator(".remark").first
    expect(remark).to_contain_text("fell from 0.809 to 0.692")
    expect(remark).to_contain_text("Likely causes: prompt, then corpus")


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_charts_of_nights_mark_what_is_surprising_and_lead_to_it(board: Board) -> None:
    page = board.open("nights")
    drift = page.get_by_role("figure", name="Drift of questions (MMD²)")
    expect(drift.locator(".chart-ring")).to_have_count(1)
    drift.get_by_role("img").focus()
    page.keyboard.press("End")
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    expect(drift.locator(".chart-tooltip")).to_contain_text("p = 0.0020")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Night of 18 Nov 2026")


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_a_night_says_what_it_could_not_measure(board: Board) -> None:
    page = board.open("nights")
    page.get_by_role("link", name="20 Nov 2026").click()
    expect(page.get_by_role("region", name="What could not be measured")).to_contain_text("20 are needed")
    expect(page.get_by_text("A quiet night")).to_be_visible()


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_a_night_can_begin_now(board: Board) -> None:
    page = board.open("nights")
    page.get_by_role("button", name="Begin today’s night now").click()
    expect(page.locator("main .notice")).to_contain_text("has begun with 1 run")
    assert board.server.asked == [("POST", "evaluations/nights/handbook", b"")]


def test_an_ab_test_tells_how_it_stands_and_can_be_stopped_and_started(browser: Browser) -> None:
    server = MadeUp(roles=("evaluator", "curator"))
    with serving(server.app()) as port:
        visit = open_visit(browser, f"http://127.0.0.1:{port}", "desktop")
        page = visit.page
        page.goto(f"http://127.0.0.1:{port}/ui/evaluations/ab-tests")
        expect(page.locator(".ab-test")).to_have_count(2)
        running, ended = page.locator(".ab-test").all()
        expect(running.locator(".badge[data-ab]")).to_have_text("running")
        expect(running).to_contain_text("10 % of the questions are answered as the trial says")
        expect(running.locator(".change-list")).to_contain_text("Prompt: the deployment’s → cite.v1")
        row = ended.locator(".forest-row", has_text="Groundedness")
        expect(row.locator(".forest-finding")).to_have_text("better")
        expect(row.locator(".forest-numbers")).to_contain_text("+0.083 (+0.021 to +0.146)")
        expect(ended).to_contain_text(f"assay promote {RUN}")
        running.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Stop the test").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("button", name="Start a test").click()
        page.get_by_label("Share of the questions, in %").fill("25")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert visit.offences == []
        page.context.close()
    stop, start = server.asked
    assert stop == ("POST", f"ab-tests/{2:032x}/stop", {})
    assert start[:2] == ("POST", "ab-tests")
    assert start[2] == {"run": RUN, "share": 0.25, "metric": "groundedness", "days": 14}


def test_a_comparison_tells_what_is_worse_where_and_why(board: Board) -> None:
    page = board.open("comparison")
    decides = page.get_by_role("region", name="What decides")
    row = decides.locator(".forest-row", has_text="Groundedness")
    expect(row).to_contain_text("worse")
    expect(row).to_contain_text("−0.117 (−0.164 to −0.070)")
    expect(row).to_contain_text("p = 0.002")
    expect(row).to_contain_text("a drop of 0.048 could have been found")
    expect(decides.locator(".forest-row", has_text="Answer correct")).to_contain_text("too few")
    parts = page.get_by_role("region", name="In parts")
    expect(parts.locator(".forest-row").first).to_contain_text("Type: multi-hop")
    expect(parts).to_contain_text("Too small to tell: Language: de (6).")
    expect(page.get_by_role("region", name="What was changed")).to_contain_text("answer.v1 → answer.v2")
    failures = page.get_by_role("region", name="Failures")
    expect(failures.locator("tbody tr")).to_have_count(2)
    expect(failures).to_contain_text("The judge took longer than 30 s.")


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_baseline_and_run_are_chosen_from_names_and_runs(board: Board) -> None:
    page = board.visit.page
    page.goto(f"{board.url}/ui/evaluations/compare?run={RUN}")
    expect(page.get_by_label("Baseline")).to_have_value(f"{1:032x}")
    page.get_by_label("Baseline").select_option("main (handbook, golden)")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("region", name="In words")).to_contain_text("groundedness is worse")
    assert f"baseline={5:032x}&run={RUN}" in page.url


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_a_run_becomes_a_baseline_by_name(board: Board) -> None:
    page = board.open("run")
    page.get_by_role("button", name="Name it as a baseline").click()
    page.get_by_role("dialog").get_by_label("Name").fill("spring")
    page.get_by_role("dialog").get_by_role("button", name="Name it").click()
    expect(page.locator("#status")).to_have_text("The run is the baseline spring from now on.")
    assert board.server.asked == [("PUT", "evaluations/baselines/spring", {"run": RUN})]


def test_the_worst_answer_is_labelled_and_kept_as_a_case(board: Board) -> None:
    page = board.open("worst")
    scores = [float(text) for text in page.locator(".worst-score").all_inner_texts()]
    assert scores == sorted(scores)
    first = page.locator(".worst-item").first
    claim = first.locator(".claim-item", has_text="carried over without limit")
    expect(claim).to_contain_text("The sources say otherwise, 91 % sure")
    claim.get_by_label("Contradicted").check()
    expect(page.locator("#status")).to_have_text("The label is kept.")
    expect(first.locator(".passage-item.is-pointed")).to_contain_text("Up to five unused days")
    method, path, labels = board.server.asked[-1]
    assert (method, path.split("/")[0], path.split("/")[2]) == ("PUT", "answers", "labels")
    assert feedback.ClaimLabels.model_validate(labels).labels == [feedback.ClaimLabel(claim=1, label="contradicted")]
    first.get_by_role("button", name="Add to a golden set").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Say what the right answer is")
    dialog.get_by_label("Right answer").fill("30 days; up to five move to the next year.")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(first).to_contain_text("Added to golden, version 4.")
    _, path, body = board.server.asked[-1]
    (question,) = public.GoldenSet.model_validate(body).questions
    assert path == "evaluations/datasets/handbook/golden/questions"
    assert [passage.document for passage in question.passages] == ["leave.md", "leave.md"]


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_agreement_with_people_is_counted_as_by_hand(board: Board) -> None:
    page = board.open("judges")
    expect(page.get_by_text("1 more could not be checked")).to_be_visible()
    pairs = [("supported", "supported")] * 4 + [("supported", "unsupported"), ("contradicted", "supported")]
    pairs += [("not_enough", "unsupported")] * 2 + [("not_enough", "unverified")]
    claims = [{"label": label, "verdict": verdict} for label, verdict in pairs]
    found = page.evaluate("async (c) => (await import('/ui/agreement.js')).agreement(c)", claims)
    # 6 of 8 agree; by chance (5 * 5 + 1 * 0 + 2 * 3) / 64.
    assert (found["n"], found["failures"], found["share"]) == (8, 1, 0.75)
    assert found["kappa"] == pytest.approx((0.75 - 31 / 64) / (1 - 31 / 64))
    assert found["interval"] == pytest.approx([0.4093, 0.9285], abs=1e-3)
    supported = next(one for one in found["perClass"] if one["name"] == "supported")
    assert (supported["precision"], supported["recall"]) == (0.8, 0.8)


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_the_page_of_judges_shows_the_figures_of_the_command_line(board: Board) -> None:
    page = board.open("judges")
    for heading in ("Supported or not", "How sure, and how often right"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    chance = Random(3)
    claims = [
        LabelledClaim(
            f"a{n // 5}", n % 5, "A sentence.", () if n == 7 else ("A passage.",), chance.choice(list(Label)),
            f"p{twice}", Verdict.SUPPORTED, None if n == 11 else chance.random(),
        )
        for n in range(40)
        for twice in range(1 + n % 2)
    ]  # fmt: skip
    first = {(each.answer, each.claim): each.probability for each in reversed(claims)}
    claims = [replace(each, probability=first[each.answer, each.claim]) for each in claims]
    labelled = labelled_set("labels", claims)
    (expected,) = evaluate(labelled.given, [recorded_scorer(labelled)]).judges
    assert expected.agreement is not None
    shown = [{**asdict(each), "sources": list(each.sources)} for each in claims]
    found = page.evaluate("async (c) => (await import('/ui/agreement.js')).decisions(c)", shown)
    assert (found["n"], found["failures"]) == (expected.agreement.cases, len(expected.failures))
    assert (found["pairs"], found["agreeing"]) == (labelled.pairs, labelled.agreeing)
    assert found["ties"] + found["bare"] == len(labelled.given.malformed)
    figures = found["figures"]
    figures["balanced_accuracy"] = figures.pop("balancedAccuracy")
    assert figures == pytest.approx(dict(expected.agreement.metrics))


@pytest.mark.parametrize("board", ["desktop"], indirect=True)
def test_who_may_not_evaluate_is_not_shown_answers_of_others(board: Board) -> None:
    board.server.roles = ("reader",)
    page = board.open("worst")
    expect(page.get_by_text("For evaluators")).to_be_visible()
    page = board.open("run")
    expect(page.get_by_role("link", name="Compare")).to_be_visible()
    expect(page.get_by_role("link", name="Worst answers")).to_have_count(0)
    page = board.open("nights")
    expect(page.locator(".night").first).to_be_visible()
    expect(page.get_by_role("button", name="Begin today’s night now")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Evaluations").get_by_role("link")).to_have_text(
        ["Runs", "Nights", "Comparison", "A/B tests"]
    )
