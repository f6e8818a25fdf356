"""The pages of deletions and legal holds in a real browser on a real gateway."""

import io
import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from assay_cli.main import app as command_line
from assay_core.documents import TenantId
from assay_runtime.receipts import read_receipt
from assay_store import erasures
from assay_store.database import clock
from assay_testing.browser import Visit
from playwright.sync_api import Page, expect
from sqlalchemy import text
from typer.testing import CliRunner

from .conftest import Live
from .pages import card, fits, make_live, sign_in, size_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COUNTS = {"vector_index": 12, "lexical_index": 12, "blobs": 3, "cache": 0}


@pytest.fixture
def handbook(live: Live) -> dict[str, str]:
    """Documents of a collection, by name."""
    documents: dict[str, str] = {}
    with live.client() as client:
        client.create_collection("handbook")
        for name in ("leave.md", "travel.md", "parking.md"):
            content = io.BytesIO(f"# {name}\n\nIt is said in {name}.".encode())
            documents[name] = client.upload("handbook", content, name=name).document_id
    make_live(live)
    return documents


def delete(live: Live, document: str) -> str:
    """Delete a document. Returns the erasure."""
    with live.client() as client:
        return client.delete_document(document).job


def hold(live: Live, document: str, reason: str = "Case 17") -> None:
    with live.client() as client:
        client.hold(document, reason=reason)


def counted(live: Live, erasure: str) -> None:
    """Do as the indexer does when it begins to remove."""
    with live.door.database.transaction() as connection:
        erasures.count(connection, erasures.get(connection, TenantId("default"), erasure).document, COUNTS)


def left(live: Live) -> None:
    """Do as the indexer does when every store is left."""
    with live.door.database.transaction() as connection:
        connection.execute(text("UPDATE tombstones SET erased_at = now() WHERE erased_at IS NULL"))


def settled(live: Live) -> None:
    with live.door.database.transaction() as connection:
        assert erasures.complete(connection, left_before=clock(connection)) > 0


def proven(live: Live, erasure: str) -> None:
    with live.door.database.transaction() as connection:
        erasures.prove(connection, [erasure])


def many(live: Live, count: int) -> None:
    """So many deletions, of which every third is not complete."""
    with live.door.database.transaction() as connection:
        connection.execute(
            text("""
                INSERT INTO tombstones (tenant, document, id, collection, deleted_at, key_destroyed_at, erased_at,
                                        complete_at, counts)
                SELECT 'default', lpad(to_hex(n), 32, '0'), lpad(to_hex(n), 32, 'e'), 'c', at, at,
                       at + interval '20 s', CASE WHEN n % 3 > 0 THEN at + interval '6 min' END, CAST(:counts AS jsonb)
                FROM generate_series(1, :count) n, LATERAL (SELECT now() - n * interval '1 hour' AS at) t
            """),
            {"count": count, "counts": json.dumps(COUNTS)},
        )


def steps_of(page: Page) -> dict[str, str]:
    """The steps of the page of a deletion, by title."""
    found = page.locator(".step")
    return {
        found.nth(n).locator(".step-title").inner_text().split(",")[0].strip(): found.nth(n).get_attribute(
            "data-status"
        )
        or ""
        for n in range(found.count())
    }


def shots(visit: Visit, name: str) -> None:
    visit.shot(f"{size_of(visit)}-{name}")
    visit.page.emulate_media(color_scheme="dark")
    visit.shot(f"{size_of(visit)}-{name}-dark")
    visit.page.emulate_media(color_scheme="light")


def test_a_deletion_is_followed_from_the_click_to_its_proof(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    page = sign_in(visit, live, "/ui/documents?collection=handbook")
    page.get_by_role("button", name="Delete travel.md").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("“travel.md” leaves answers and searches at once and cannot be brought back.")
    dialog.get_by_role("button", name="Delete").click()
    said = page.locator(".deleted-notice")
    expect(said).to_contain_text("travel.md was deleted.")
    expect(said).to_be_focused()
    expect(page.locator("#status")).to_have_text("travel.md was deleted.")
    expect(page.locator(".document-table tbody tr")).to_have_count(2)
    expect(said).to_be_in_viewport(ratio=1)
    shots(visit, "documents-deleted")
    said.get_by_role("link", name="Follow its deletion").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deleted document")
    badge = page.locator(".page-head .badge")
    expect(badge).to_have_text("key destroyed")
    expect(page.locator(".facts")).to_contain_text(handbook["travel.md"])
    assert "travel.md" not in page.locator("main").inner_text()
    assert steps_of(page) == {
        "Deleted": "done",
        "Key destroyed": "done",
        "Out of every store": "now",
        "Files and logs rewritten": "waiting",
        "Proven by a scan": "waiting",
    }
    expect(page.get_by_text("Nothing is counted yet.")).to_be_visible()
    # It looks again by itself; what has the focus keeps it.
    copy = page.get_by_role("button", name="Copy the receipt")
    copy.focus()
    erasure = page.url.rsplit("/", 1)[1]
    counted(live, erasure)
    expect(badge).to_have_text("leaving the stores")
    expect(page.locator(".counts dd")).to_have_text(["12", "12", "3", "0"])
    expect(copy).to_be_focused()
    left(live)
    expect(badge).to_have_text("waiting for logs")
    expect(page.locator("#status")).to_have_text("The deletion is now: waiting for logs.")
    shots(visit, "deletion-settling")
    settled(live)
    page.reload()
    expect(badge).to_have_text("complete")
    assert steps_of(page)["Files and logs rewritten"] == "done"
    proven(live, erasure)
    page.reload()
    expect(badge).to_have_text("proven")
    assert set(steps_of(page).values()) == {"done"}
    shots(visit, "deletion-proven")
    page.mouse.wheel(0, 5000)
    visit.shot(f"{size_of(visit)}-deletion-receipt")
    assert fits(page)
    page.get_by_role("link", name="Deletions", exact=True).first.click()
    expect(page.get_by_role("row").filter(has_text=handbook["travel.md"]).locator(".badge")).to_have_text("proven")


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_the_receipt_is_copied_saved_and_checked_by_the_commands_on_the_page(
    visit: Visit, live: Live, handbook: dict[str, str], tmp_path: Path
) -> None:
    erasure = delete(live, handbook["travel.md"])
    page = sign_in(visit, live, f"/ui/deletions/{erasure}")
    with live.client() as client:
        key = client.receipt_key()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the receipt").click()
    expect(page.locator("#status")).to_have_text("Copied the receipt.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert read_receipt(copied, key)["document_id"] == handbook["travel.md"]
    for name, expected in (("Receipt (.jws)", f"erasure-{erasure}.jws"), ("Public key (.pem)", "assay-receipts.pem")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=name).click()
        assert saved.value.suggested_filename == expected
        saved.value.save_as(tmp_path / expected)
    assert (tmp_path / "assay-receipts.pem").read_text() == key
    assert read_receipt((tmp_path / f"erasure-{erasure}.jws").read_text(), key)["sub"] == erasure
    check, prove = (page.locator(".command").nth(n).inner_text() for n in range(2))
    if shutil.which("openssl"):
        done = subprocess.run(["bash", "-ec", check], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully"), done
        changed = tmp_path / f"erasure-{erasure}.jws"
        changed.write_text(changed.read_text().replace(".", ".X", 1))
        assert subprocess.run(["bash", "-ec", check], cwd=tmp_path, capture_output=True, check=False).returncode
    program, *arguments = prove.split()
    assert (program, arguments[-2:]) == ("assay", ["--erasure", erasure])
    helped = CliRunner().invoke(command_line, [*arguments[:-2], "--help"])
    assert "--erasure" in re.sub(r"\x1b\[[0-9;]*m", "", helped.output), helped.output


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_a_receipt_is_copied_without_a_clipboard_too(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    """Pages have a clipboard on localhost and behind TLS only."""
    erasure = delete(live, handbook["travel.md"])
    visit.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page = sign_in(visit, live, f"/ui/deletions/{erasure}")
    page.get_by_role("button", name="Copy the command of the scan").click()
    expect(page.locator("#status")).to_have_text("Copied the command of the scan.")
    assert page.evaluate("getSelection().toString()") == f"assay erasure verify --erasure {erasure}"


def test_deletions_are_listed_page_by_page_the_open_ones_alone(visit: Visit, live: Live) -> None:
    page = sign_in(visit, live, "/ui/")
    page.get_by_role("link", name="Deletions", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deletions")
    expect(page.get_by_text("Nothing was deleted yet")).to_be_visible()
    visit.shot(f"{size_of(visit)}-deletions-empty")
    many(live, 60)
    page.reload()
    rows = page.locator(".erasure-table tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text(f"{1:032x}")
    expect(rows.first).to_contain_text("after 6 min")
    expect(rows.first).to_contain_text("3 files")
    expect(rows.first).to_contain_text("by Assay itself")
    expect(page.locator("main")).to_contain_text("a document is known by its id alone")
    shots(visit, "deletions")
    assert fits(page)
    if size_of(visit) == "desktop":
        page.set_viewport_size({"width": 1024, "height": 768})
        assert fits(page)
        visit.shot("tablet-deletions")
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(10)
    expect(page.locator(".pager")).to_contain_text("51 to 60")
    page.get_by_role("button", name="Previous").click()
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Not complete").click()
    expect(rows).to_have_count(20)
    expect(page.locator('.badge[data-erasure="settling"]')).to_have_count(20)
    assert page.url.endswith("?show=open")
    page.reload()
    expect(rows).to_have_count(20)
    expect(page.get_by_role("button", name="Not complete")).to_have_attribute("aria-pressed", "true")
    settled(live)
    page.reload()
    expect(page.get_by_text("Nothing is on its way")).to_be_visible()


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_an_open_deletion_gets_on_in_the_list_by_itself(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    erasure = delete(live, handbook["travel.md"])
    page = sign_in(visit, live, "/ui/deletions")
    badge = page.locator(".erasure-table .badge")
    expect(badge).to_have_text("key destroyed")
    link = page.get_by_role("link", name=handbook["travel.md"])
    link.focus()
    counted(live, erasure)
    left(live)
    expect(badge).to_have_text("waiting for logs")
    expect(link).to_be_focused()


def test_a_hold_is_placed_changed_and_lifted_by_the_keyboard(
    visit: Visit, live: Live, handbook: dict[str, str]
) -> None:
    page = sign_in(visit, live, f"/ui/documents/{handbook['leave.md']}")
    held = card(page, "Legal hold")
    expect(held).to_contain_text("Not held")
    held.get_by_role("button", name="Place a legal hold").press("Enter")
    dialog = page.get_by_role("dialog", name="Place a legal hold")
    reason = dialog.get_by_label("Reason")
    reason.fill("  ")
    reason.press("Enter")
    expect(reason).to_have_accessible_description("Say why the document is held.")
    expect(reason).to_be_focused()
    visit.shot(f"{size_of(visit)}-hold-dialog")
    reason.fill("Case 2026-17")
    reason.press("Enter")
    expect(dialog).to_have_count(0)
    expect(held).to_contain_text("Case 2026-17")
    expect(held).to_contain_text("admin")
    expect(held.get_by_role("button", name="Lift the legal hold")).to_be_focused()
    expect(page.locator("#status")).to_have_text("The document is held.")
    shots(visit, "document-held")
    assert fits(page)
    held.get_by_role("button", name="Edit the legal hold").press("Enter")
    dialog = page.get_by_role("dialog", name="Edit the legal hold")
    expect(dialog.get_by_label("Reason")).to_have_value("Case 2026-17")
    dialog.get_by_label("Reason").fill("Case 2026-18")
    dialog.get_by_role("button", name="Save").click()
    expect(held).to_contain_text("Case 2026-18")
    page.reload()
    expect(held).to_contain_text("Case 2026-18")
    held.get_by_role("button", name="Lift the legal hold").press("Enter")
    dialog = page.get_by_role("dialog", name="Lift the legal hold?")
    expect(dialog).to_contain_text("“leave.md” stays as it is")
    dialog.get_by_role("button", name="Lift the hold").click()
    expect(held).to_contain_text("Not held")
    expect(held.get_by_role("button", name="Place a legal hold")).to_be_focused()
    with live.client() as client:
        assert client.document(handbook["leave.md"]).held is False


def test_a_document_deleted_under_a_hold_is_erased_when_it_is_lifted(
    visit: Visit, live: Live, handbook: dict[str, str]
) -> None:
    document = handbook["leave.md"]
    hold(live, document)
    page = sign_in(visit, live, f"/ui/documents/{document}")
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("A legal hold keeps its key, text and versions, until a curator lifts it")
    expect(dialog).not_to_contain_text("cannot be brought back")
    visit.shot(f"{size_of(visit)}-delete-held")
    dialog.get_by_role("button", name="Delete").click()
    said = page.locator(".deleted-notice")
    expect(said).to_contain_text("The document was deleted. A legal hold keeps it until that is lifted.")
    assert "leave.md" not in str(page.evaluate("history.state"))
    said.get_by_role("link").click()
    expect(page.locator(".page-head .badge")).to_have_text("held")
    assert list(steps_of(page).values()) == ["done", "held", "waiting", "waiting", "waiting"]
    expect(page.locator(".step").nth(1)).to_contain_text("Key kept by a legal hold")
    expect(card(page, "Legal hold")).to_contain_text("Case 17")
    shots(visit, "deletion-held")
    assert fits(page)
    erasure = page.url.rsplit("/", 1)[1]
    page.get_by_role("button", name="Lift and erase").click()
    dialog = page.get_by_role("dialog", name="Lift the legal hold?")
    expect(dialog).to_contain_text("its key is destroyed at once, and it cannot be brought back")
    expect(dialog.get_by_role("button", name="Keep the hold")).to_be_focused()
    dialog.get_by_role("button", name="Lift and erase").click()
    expect(page.locator(".page-head .badge")).to_have_text("key destroyed")
    expect(card(page, "Legal hold")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator(".step").nth(1)).to_contain_text("A legal hold had kept it until then.")
    with live.client() as client:
        assert client.erasure(erasure).state == "leaving"


def test_holds_are_listed_and_lifted_from_the_list(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    for name in ("leave.md", "travel.md"):
        hold(live, handbook[name], f"Case of {name}")
    erasure = delete(live, handbook["travel.md"])
    page = sign_in(visit, live, "/ui/deletions")
    expect(page.locator(".erasure-table .badge")).to_have_text("held")
    page.get_by_role("button", name="Legal holds").click()
    rows = page.locator(".erasure-table tbody tr")
    expect(rows).to_have_count(2)
    deleted, kept = rows.nth(0), rows.nth(1)
    expect(deleted).to_contain_text("Case of travel.md")
    expect(deleted.get_by_role("link")).to_have_attribute("href", f"/ui/deletions/{erasure}")
    expect(deleted.locator(".badge")).to_have_text("held")
    expect(kept.get_by_role("link", name="leave.md")).to_have_attribute("href", f"/ui/documents/{handbook['leave.md']}")
    shots(visit, "holds")
    assert fits(page)
    kept.get_by_role("button", name="Lift the hold on leave.md").click()
    page.get_by_role("dialog").get_by_role("button", name="Lift the hold").click()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("button", name="Legal holds")).to_be_focused()
    rows.get_by_role("button", name=f"Lift the hold on {handbook['travel.md']}").click()
    page.get_by_role("dialog").get_by_role("button", name="Lift and erase").click()
    expect(page.get_by_text("No legal holds")).to_be_visible()
    with live.client() as client:
        assert client.erasure(erasure).state == "leaving"
        assert client.document(handbook["leave.md"]).held is False


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_deleting_several_tells_which_are_held(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    hold(live, handbook["travel.md"])
    page = sign_in(visit, live, "/ui/documents?collection=handbook")
    page.get_by_label("Select all shown").check()
    page.get_by_role("button", name="Delete selected").click()
    dialog = page.get_by_role("dialog", name="Delete 3 documents?")
    expect(dialog).to_contain_text(
        "What is marked as held is under a legal hold: hidden too, but kept until a curator lifts it."
    )
    expect(dialog.locator(".confirm-list li")).to_have_text(
        ["leave.md", "parking.md", re.compile(r"travel\.md\s*held")]
    )
    visit.shot("desktop-delete-several-held")
    dialog.get_by_role("button", name="Delete 3 documents").click()
    said = page.locator(".deleted-notice")
    expect(said).to_contain_text("3 documents deleted.")
    said.get_by_role("link", name="Follow the deletions").click()
    expect(page.locator(".erasure-table .badge")).to_have_count(3)
    expect(page.locator('.badge[data-erasure="held"]')).to_have_count(1)
    page.go_back()
    expect(page.get_by_text("No documents yet")).to_be_visible()


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_each_role_sees_what_is_for_it(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    hold(live, handbook["leave.md"])
    hold(live, handbook["travel.md"], "A secret reason")
    erasure = delete(live, handbook["travel.md"])
    page = sign_in(visit, live, "/ui/deletions", key=live.door.enrol("carla", "contributor"))
    expect(page.locator(".erasure-table .badge")).to_have_text("held")
    expect(page.get_by_role("button", name="Legal holds")).to_have_count(0)
    page.goto(f"{live.url}/ui/deletions/{erasure}")
    expect(page.locator(".page-head .badge")).to_have_text("held")
    expect(page.get_by_role("button", name="Lift and erase")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text("A secret reason")
    page.goto(f"{live.url}/ui/documents/{handbook['leave.md']}")
    expect(card(page, "Legal hold").locator(".badge")).to_have_text("held")
    expect(card(page, "Legal hold").get_by_role("button")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    sign_in(visit, live, "/ui/deletions", key=live.door.enrol("rita", "reader"))
    expect(page.get_by_role("alert")).to_contain_text("This needs the role contributor or curator")
    expect(page.get_by_role("link", name="Deletions", exact=True)).to_have_count(0)
    page.goto(f"{live.url}/ui/documents/{handbook['leave.md']}")
    expect(card(page, "Metadata")).to_be_visible()
    expect(card(page, "Legal hold")).to_have_count(0)


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_what_goes_wrong_is_said_and_tried_again(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    erasure = delete(live, handbook["travel.md"])
    broken = {"title": "Not available", "detail": "The database does not answer.", "code": "unavailable"}
    page = sign_in(visit, live, "/ui/search")
    page.route("**/v1/erasures?**", lambda route: route.fulfill(status=503, json=broken))
    page.goto(f"{live.url}/ui/deletions")
    expect(page.get_by_role("alert")).to_contain_text("The database does not answer.")
    expect(page.get_by_text("Loading")).to_have_count(0)
    page.unroute("**/v1/erasures?**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".erasure-table tbody tr")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.goto(f"{live.url}/ui/deletions/{erasure}")
    expect(page.locator(".page-head .badge")).to_have_text("key destroyed")
    page.route("**/v1/erasures/**", lambda route: route.fulfill(status=503, json=broken))
    expect(page.get_by_role("alert")).to_contain_text("The database does not answer.")
    expect(page.locator(".step")).to_have_count(5)  # what was known stays
    page.goto(f"{live.url}/ui/deletions/{'0' * 32}")
    page.unroute("**/v1/erasures/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no erasure")


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_the_navigation_fits_a_narrow_phone(visit: Visit, live: Live) -> None:
    page = sign_in(visit, live, "/ui/deletions")
    expect(page.get_by_text("Nothing was deleted yet")).to_be_visible()
    for width in (360, 320):
        page.set_viewport_size({"width": width, "height": 700})
        labels = page.locator(".nav-link span")
        boxes = [labels.nth(n).bounding_box() for n in range(labels.count())]
        places = [(box["x"], box["x"] + box["width"]) for box in boxes if box]
        assert len(places) == 6
        assert places[0][0] >= 0
        assert places[-1][1] <= width
        assert all(right <= left for (_, right), (left, _) in pairwise(places)), places
        assert fits(page)
        visit.shot(f"phone-navigation-{width}")


T0, T1, T3 = "2026-01-01T00:00:00Z", "2026-01-01T00:00:41Z", "2026-01-04T01:00:00Z"
ERASURE = dict.fromkeys(("left_at", "complete_at", "proven_at")) | {
    "state": "leaving",
    "requested_at": T0,
    "key_destroyed_at": T0,
    "counts": {},
}


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_states_times_and_paces(visit: Visit, live: Live) -> None:
    page = visit.page
    page.goto(f"{live.url}/ui/")

    def said(expression: str, *values: Any) -> Any:
        code = f"(values) => import('/ui/erasures.js').then((e) => ((...values) => {expression})(...values))"
        return page.evaluate(code, list(values))

    assert said("e.stage(values[0])", ERASURE) == "key_destroyed"
    assert said("e.stage(values[0])", ERASURE | {"counts": {"blobs": 0}}) == "leaving"
    assert said("e.stage(values[0])", ERASURE | {"state": "held"}) == "held"
    assert said("e.pace(values)", {"state": "complete"}, {"state": "proven"}) is None
    assert said("e.pace(values)", {"state": "settling"}, {"state": "leaving"}, {"state": "held"}) == 3000
    assert said("e.pace(values)", {"state": "settling"}, {"state": "held"}) == 15_000
    assert said("e.pace(values)", {"state": "held"}) == 60_000
    assert said(
        "[e.after(values[0], values[0]), e.after(values[0], values[1]), e.after(values[0], values[2])]", T0, T1, T3
    ) == [
        "at once",
        "after 41 s",
        "after 3 days",
    ]
    counts = {"cache": 1, "other_store": 4, "vector_index": 2}
    labels = "e.removed(values[0]).map(({ label, short, n }) => `${label} ${short} ${n}`)"
    assert said(labels, {"counts": counts}) == [
        "Vectors vectors 2",
        "Cached answers answers 1",
        "other store other store 4",
    ]
    statuses = "e.steps(values[0]).map((step) => step.status)"
    assert said(statuses, ERASURE) == ["done", "done", "now", "waiting", "waiting"]
    assert said(statuses, ERASURE | {"key_destroyed_at": None}) == ["done", "held", "waiting", "waiting", "waiting"]
    assert said(statuses, ERASURE | {"left_at": T1}) == ["done", "done", "done", "now", "waiting"]
    assert said(statuses, ERASURE | {"left_at": T1, "complete_at": T1}) == ["done", "done", "done", "done", "waiting"]
