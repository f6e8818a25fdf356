"""What tests of the web UI do on its pages."""

from assay_store import pipeline
from assay_testing.browser import Visit
from playwright.sync_api import Locator, Page, expect

from .conftest import Live, ingest

_WIDER_THAN_SCREEN = "document.documentElement.scrollWidth > innerWidth"


def sign_in(visit: Visit, live: Live, path: str, *, key: str | None = None) -> Page:
    """The page at `path`, signed in with `key`, or as the administrator."""
    page = visit.page
    page.goto(f"{live.url}/ui/")
    page.get_by_label("API key").fill(key or live.door.admin_key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.goto(live.url + path)
    return page


def make_live(live: Live) -> None:
    """Do as the worker and the indexer do with what was uploaded."""
    ingest(live.door)
    with live.door.database.transaction() as connection:
        pipeline.go_live(connection, pipeline.pending_versions(connection, limit_chunks=999))


def size_of(visit: Visit) -> str:
    return "desktop" if (visit.page.viewport_size or {})["width"] > 900 else "phone"


def fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return not page.evaluate(_WIDER_THAN_SCREEN)


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)
