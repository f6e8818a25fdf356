"""The web UI in a real browser: the way of a new user through the running platform."""

import re
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest
from assay_testing.browser import Visit, chromium, open_visit
from playwright.sync_api import Browser, Page, expect

READY_MS = 120_000
ANSWER_MS = 240_000

RULES = """# Rules of the reading room

## Opening hours

The reading room opens at 7:45 on weekdays and stays closed on Sundays.

## Lending

A visitor may borrow at most nine maps at a time, and returns them within 21 days.
"""


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as opened:
        yield opened


def _sign_in(page: Page, url: str, api_key: str) -> None:
    page.goto(f"{url}/ui/")
    page.get_by_label("API key").fill(api_key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(("size", "dark"), [("desktop", False), ("phone", True)])
def test_new_user_uploads_asks_and_opens_the_cited_passage(
    browser: Browser, platform_url: str, api_key: str, size: str, dark: bool, tmp_path: Path
) -> None:
    visit = open_visit(browser, platform_url, size, dark=dark)
    page, collection = visit.page, f"ui-{uuid4().hex[:8]}"
    _sign_in(page, platform_url, api_key)
    try:
        _upload(visit, collection, tmp_path, size)
        _ask(visit, size)
        _open_passage(visit, size)
        _look_around(visit, size)
        _delete(visit, collection)
    finally:
        headers = {"X-Assay-Request": "1"}
        page.context.request.delete(f"{platform_url}/v1/collections/{collection}", headers=headers)
    assert visit.offences == []
    page.context.close()


def _upload(visit: Visit, collection: str, folder: Path, size: str) -> None:
    page = visit.page
    file = folder / "reading-room.md"
    file.write_text(RULES)
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_role("button", name="New collection").click()
    page.get_by_role("dialog").get_by_label("Name").fill(collection)
    page.get_by_role("button", name="Create").click()
    # Files chosen before the page shows the new collection would belong to the page that it replaces.
    expect(page.locator("select option:checked", has_text=collection)).to_have_count(1)
    expect(page.get_by_text("No documents yet")).to_be_visible()
    page.get_by_label("Choose files to add").set_input_files(file)
    row = page.locator(".document-table tbody tr", has_text="reading-room.md")
    expect(row.locator('.badge[data-state="ready"]')).to_be_visible(timeout=READY_MS)
    visit.shot(f"{size}-documents")


def _ask(visit: Visit, size: str) -> None:
    """Asks until there is an answer: the model may still be loading, which the page says."""
    page = visit.page
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Your question").fill("How many maps may a visitor borrow at a time?")
    page.keyboard.press("Enter")
    expect(page.locator(".source").first).to_be_visible(timeout=READY_MS)
    end = page.locator(".details-line summary", has_text=re.compile(r"\d m?s"))
    again = page.get_by_role("button", name="Ask again", exact=True)
    for _ in range(20):
        expect(end.or_(again).first).to_be_visible(timeout=ANSWER_MS)
        if end.count():
            break
        page.wait_for_timeout(6000)
        again.click()
    expect(end.first).to_be_visible()
    visit.shot(f"{size}-answer")


def _open_passage(visit: Visit, size: str) -> None:
    page = visit.page
    page.locator(".answer-text .cite, .source").first.click()
    drawer = page.locator(".drawer")
    mark = drawer.locator("mark")
    expect(mark).to_be_visible()
    assert mark.inner_text().strip() in RULES or "maps" in mark.inner_text()
    expect(drawer).to_contain_text("reading-room.md")
    visit.shot(f"{size}-passage")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def _look_around(visit: Visit, size: str) -> None:
    page = visit.page
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_label("Search for").fill("opening hours on Sunday")
    page.get_by_label("Explain the ranks").check()
    page.get_by_label("Read with each").select_option(label="Passages before and after")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".hit").first).to_be_visible(timeout=READY_MS)
    expect(page.get_by_role("heading", name="Ranks and scores by stage")).to_be_visible()
    assert "expand=neighbours" in page.url
    visit.shot(f"{size}-search")
    page.get_by_role("link", name="Sources", exact=True).click()
    expect(page.get_by_role("heading", name="Sources", exact=True)).to_be_visible()
    expect(page.locator(".source-card, .state-empty").first).to_be_visible()
    visit.shot(f"{size}-sources")
    page.get_by_role("link", name="Evaluations", exact=True).click()
    expect(page.get_by_role("heading", name="Evaluations")).to_be_visible()
    expect(page.locator(".chart-svg, .state-empty").first).to_be_visible()
    visit.shot(f"{size}-evaluations")


def _delete(visit: Visit, collection: str) -> None:
    page = visit.page
    page.get_by_role("link", name="Documents", exact=True).click()
    expect(page.get_by_label("Collection")).to_have_value(collection)
    page.get_by_role("link", name="reading-room.md").first.click()
    expect(page.locator(".chunk").first).to_contain_text("reading room")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No documents yet")).to_be_visible()
