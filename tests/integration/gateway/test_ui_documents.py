"""The pages of documents in a real browser on a real gateway: metadata, access, near-duplicates, deleting several."""

import io
import re
from typing import Any

import pytest
from assay_testing.browser import Visit
from playwright.sync_api import expect

from .conftest import Live
from .pages import card, fits, make_live, sign_in, size_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIELDS = {"kind": "string", "year": "number", "due": "date", "labels": "tags"}
LEAVE = "# Leave\n\n" + " ".join(f"Rule {n} of leave says what is to be done in week {n}." for n in range(40))
PLACE = "node => [node.offsetLeft, node.offsetTop, node.offsetWidth, node.offsetHeight]"


@pytest.fixture
def handbook(live: Live) -> dict[str, str]:
    """Documents of a collection with declared fields, by name; two of them say nearly the same."""
    documents: dict[str, str] = {}
    with live.client() as client:
        client.create_collection("handbook", settings={"fields": FIELDS})
        for name, content in {
            "leave-2025.md": LEAVE,
            "leave-2026.md": LEAVE + " One rule is new.",
            "travel.md": "# Travel\n\nTrains are taken.",
            "parking.md": "# Parking\n\nIt costs 4 EUR.",
        }.items():
            documents[name] = client.upload("handbook", io.BytesIO(content.encode()), name=name).document_id
    make_live(live)
    return documents


def detail(live: Live, document: str) -> Any:
    with live.client() as client:
        return client.document(document)


def test_metadata_is_edited_by_its_types(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    document = handbook["travel.md"]
    page = sign_in(visit, live, f"/ui/documents/{document}")
    edit = card(page, "Metadata").get_by_role("button", name="Edit metadata")
    edit.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("kind").fill("memo")
    dialog.get_by_label("year", exact=True).fill("2026")
    dialog.get_by_label("due", exact=True).fill("2026-02-28")
    dialog.get_by_label("labels", exact=True).fill("draft")
    page.keyboard.press("Enter")
    dialog.get_by_label("labels", exact=True).fill("rail")
    dialog.get_by_role("button", name="Add another entry").click()
    dialog.get_by_label("Name").fill("author")
    dialog.get_by_label("Value").fill("Ada")
    visit.shot(f"{size_of(visit)}-document-metadata")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(edit).to_be_focused()
    expected = {"kind": "memo", "year": 2026, "due": "2026-02-28", "labels": ["draft", "rail"], "author": "Ada"}
    assert detail(live, document).metadata == expected
    expect(card(page, "Metadata")).to_contain_text("Ada")
    edit.click()
    dialog.get_by_role("button", name="Take out draft").click()
    dialog.get_by_label("author").fill("")
    dialog.get_by_label("kind").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert detail(live, document).metadata == {"year": 2026, "due": "2026-02-28", "labels": ["rail"]}
    expect(card(page, "Metadata")).not_to_contain_text("Ada")
    assert fits(page)


def test_what_is_wrong_with_metadata_stands_beside_its_field(
    visit: Visit, live: Live, handbook: dict[str, str]
) -> None:
    document = handbook["travel.md"]
    page = sign_in(visit, live, f"/ui/documents/{document}")
    card(page, "Metadata").get_by_role("button", name="Edit metadata").click()
    dialog = page.get_by_role("dialog")
    year, save = dialog.get_by_label("year", exact=True), dialog.get_by_role("button", name="Save")
    dialog.get_by_label("kind").fill("memo")
    before = save.bounding_box()
    year.fill("soon")
    year.press("Enter")
    expect(year).to_be_focused()
    expect(year).to_have_accessible_description("“soon” is not a number, such as 2026 or 0.5.")
    expect(year).to_have_attribute("aria-invalid", "true")
    assert save.bounding_box() == before, "what is wrong takes the place of the hint"
    visit.shot(f"{size_of(visit)}-document-metadata-wrong")
    # What only the server can tell stands beside it too.
    kind = dialog.get_by_label("kind", exact=True)
    year.fill("2026")
    kind.evaluate("input => input.removeAttribute('maxlength')")
    kind.fill("x" * 1001)
    save.click()
    expect(kind).to_have_accessible_description(re.compile("'kind' holds .* up to 1,000 characters"))
    expect(kind).to_be_focused()
    expect(year).to_have_accessible_description("A number")
    assert detail(live, document).metadata == {}
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_access_is_edited_and_leaves_its_editor_in(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    for name in ("rita", "sam"):
        live.door.enrol(name, "reader")
    document = handbook["travel.md"]
    page = sign_in(visit, live, f"/ui/documents/{document}")
    rules = card(page, "Access")
    expect(rules).to_contain_text("everyone")
    edit = rules.get_by_role("button", name="Edit access")
    edit.click()
    dialog = page.get_by_role("dialog")
    allow, deny = dialog.get_by_label("May read", exact=True), dialog.get_by_label("May not read", exact=True)
    save = dialog.get_by_role("button", name="Save")
    dialog.get_by_role("button", name="Take out everyone").press("Enter")
    save.click()
    expect(allow).to_have_accessible_description("Name at least one who may read it.")
    allow.fill("rita")
    save.click()
    expect(allow).to_have_accessible_description(
        "With these rules 'admin' could not read the document any more, and so not take them back; allow yourself,"
        " or a group that you are in."
    )
    allow.fill("everyone")
    deny.fill("sam")
    deny.press("Enter")
    deny.fill("nobody-here")
    save.click()
    expect(deny).to_have_accessible_description("There is no user or group “nobody-here”.")
    expect(deny).to_be_focused()
    visit.shot(f"{size_of(visit)}-document-access-wrong")
    dialog.get_by_role("button", name="Take out nobody-here").click()
    save.click()
    expect(dialog).to_have_count(0)
    expect(edit).to_be_focused()
    access = detail(live, document).access
    assert (access.allow, access.deny) == (["everyone", "rita"], ["sam"])
    expect(rules).to_contain_text("sam")
    assert fits(page)


def test_near_duplicates_are_linked(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    page = sign_in(visit, live, f"/ui/documents/{handbook['leave-2025.md']}")
    twins = card(page, "Near-duplicates")
    expect(twins).to_contain_text("% alike")
    visit.shot(f"{size_of(visit)}-document")
    assert fits(page)
    twins.get_by_role("link", name="leave-2026.md").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("leave-2026.md")
    expect(card(page, "Near-duplicates").get_by_role("link")).to_have_text("leave-2025.md")
    page.goto(f"{live.url}/ui/documents/{handbook['travel.md']}")
    expect(card(page, "Metadata")).to_be_visible()
    expect(card(page, "Near-duplicates")).to_have_count(0)


def test_several_documents_are_deleted_with_one_question(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    page = sign_in(visit, live, "/ui/documents?collection=handbook")
    bar = page.get_by_role("group", name="Selected documents")
    table = page.locator(".document-table")
    expect(table.locator("tbody tr")).to_have_count(4)
    delete = bar.get_by_role("button", name="Delete selected")
    expect(delete).to_be_disabled()
    at_first = table.evaluate(PLACE)
    # By the keyboard alone.
    page.get_by_label("Select leave-2025.md").focus()
    page.keyboard.press("Space")
    page.get_by_label("Select parking.md").focus()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("2 documents selected")
    assert table.evaluate(PLACE) == at_first, "choosing moves nothing"
    visit.shot(f"{size_of(visit)}-documents-selected")
    with live.client() as client:
        client.delete_document(handbook["parking.md"])
    delete.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete 1 document?")
    expect(dialog.locator(".confirm-list li")).to_have_text(["leave-2025.md"])
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert detail(live, handbook["leave-2025.md"]).name == "leave-2025.md"
    page.reload()
    expect(table.locator("tbody tr")).to_have_count(3)
    bar.get_by_label("Select all shown").check()
    expect(bar).to_contain_text("3 documents selected")
    page.get_by_label("Select travel.md").uncheck()
    assert page.evaluate("document.querySelector('.selection input').indeterminate")
    delete.click()
    dialog = page.get_by_role("dialog", name="Delete 2 documents?")
    expect(dialog.locator(".confirm-list li")).to_have_text(["leave-2025.md", "leave-2026.md"])
    visit.shot(f"{size_of(visit)}-documents-confirm")
    dialog.get_by_role("button", name="Delete 2 documents").click()
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#status")).to_have_text("2 documents deleted.")
    expect(bar).to_contain_text("None selected")
    with live.client() as client:
        assert [found.name for found in client.documents("handbook")] == ["travel.md"]
    assert fits(page)


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_readers_are_offered_no_changes(visit: Visit, live: Live, handbook: dict[str, str]) -> None:
    key = live.door.enrol("rita", "reader")
    page = sign_in(visit, live, "/ui/documents?collection=handbook", key=key)
    expect(page.locator(".document-table tbody tr")).to_have_count(4)
    expect(page.get_by_role("group", name="Selected documents")).to_have_count(0)
    page.goto(f"{live.url}/ui/documents/{handbook['travel.md']}")
    expect(card(page, "Metadata")).to_be_visible()
    expect(page.get_by_role("button", name="Edit metadata")).to_have_count(0)
    expect(card(page, "Access")).to_have_count(0)


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_the_focus_stays_while_the_list_is_drawn_anew(visit: Visit, live: Live) -> None:
    page = sign_in(visit, live, "/ui/documents?collection=handbook")
    with live.client() as client:
        client.upload("handbook", io.BytesIO(b"# Later"), name="waiting.md")
    page.reload()
    expect(page.locator(".document-table tbody tr")).to_have_count(5)
    box = page.get_by_label("Select travel.md")
    box.focus()
    page.keyboard.press("Space")
    make_live(live)
    expect(page.locator('.badge[data-state="ready"]')).to_have_count(5)
    expect(box).to_be_focused()
    expect(box).to_be_checked()
