"""Each connector against a server that others wrote, through the same suite."""

import gzip
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from assay_adapters.connectors.folder import FolderConnector
from assay_core.errors import AssayError, Denied, Invalid, NotFound, Unavailable
from assay_core.ports import Connector
from assay_core.sources import Access, Upsert
from assay_testing.conformance.connector import ConnectorContract, Place, message
from assay_testing.mirror import Mirror
from assay_testing.places import (
    ImapPlace,
    S3Place,
    Site,
    WebDavPlace,
    free_port,
    imap_server,
    s3_server,
    web_server,
    webdav_server,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def s3() -> Generator[tuple[int, Any]]:
    with s3_server() as found:
        yield found


@pytest.fixture(scope="module")
def imap() -> Generator[int]:
    with imap_server() as port:
        yield port


@pytest.fixture
def site() -> Generator[Site]:
    with web_server() as found:
        yield found


@pytest.fixture
def webdav(tmp_path: Path) -> Generator[WebDavPlace]:
    with webdav_server(tmp_path) as port:
        yield WebDavPlace(port, tmp_path)


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._tick = 0

    def connector(self) -> Connector:
        return FolderConnector(path=str(self.root), roots=[self.root.parent])

    def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, name: str) -> None:
        (self.root / name).unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "docs").mkdir()
    return Folder(tmp_path / "docs")


class TestS3(ConnectorContract):
    @pytest.fixture
    def place(self, s3: tuple[int, Any]) -> Place:
        return S3Place(*s3)


class TestWebDav(ConnectorContract):
    @pytest.fixture
    def place(self, webdav: WebDavPlace) -> Place:
        return webdav


class TestImap(ConnectorContract):
    @pytest.fixture
    def place(self, imap: int) -> Place:
        return ImapPlace(imap)


class TestWeb(ConnectorContract):
    @pytest.fixture
    def place(self, site: Site) -> Place:
        return site


class TestFolder(ConnectorContract):
    @pytest.fixture
    def place(self, folder: Folder) -> Place:
        return folder


def items(connector: Connector) -> dict[str, Upsert]:
    return {event.key: event for event in connector.changes("") if isinstance(event, Upsert)}


def failing(connector: Connector) -> AssayError:
    with pytest.raises(AssayError) as raised:
        list(connector.changes(""))
    return raised.value


def test_a_bucket_of_several_pages_is_listed_whole_and_gone_on_with(s3: tuple[int, Any]) -> None:
    place = S3Place(*s3)
    for n in range(1050):
        place.put(f"k{n:04}", b"x")
    mirror = Mirror()
    mirror.run(place.connector(), break_after=1020)
    assert len(mirror.items) > 1000
    mirror.run(place.connector())
    assert mirror.sent == 1050 - 1019
    assert len(mirror.items) == 1050


def test_a_bucket_that_is_not_there_is_named(s3: tuple[int, Any]) -> None:
    place = S3Place(*s3)
    place.bucket = "no-such-bucket"
    error = failing(place.connector())
    assert isinstance(error, NotFound)
    assert "no-such-bucket" in error.message


def test_a_store_that_is_down_is_unavailable(s3: tuple[int, Any]) -> None:
    place = S3Place(*s3)
    place.endpoint = f"http://127.0.0.1:{free_port()}"
    assert isinstance(failing(place.connector()), Unavailable)


def test_an_object_over_the_limit_is_refused(s3: tuple[int, Any]) -> None:
    place = S3Place(*s3)
    place.put("large", b"x" * (2 << 20))
    content = items(place.connector())["large"].open("")
    assert content
    with pytest.raises(Invalid) as raised:
        list(content.pieces)
    assert raised.value.code == "too_large"


def test_a_wrong_password_is_told_apart(webdav: WebDavPlace, imap: int) -> None:
    wrong = webdav.connector(password="wrong")
    assert (type(error := failing(wrong)), error.code) == (Denied, "source_denied")
    error = failing(ImapPlace(imap).connector(password="wrong"))
    assert (type(error), error.code) == (Denied, "source_denied")
    assert "wrong" not in error.message


def test_webdav_names_are_decoded_and_a_missing_folder_is_named(webdav: WebDavPlace) -> None:
    webdav.put("Ä b/ü 100%.md", b"x")
    assert [item.name for item in items(webdav.connector()).values()] == ["Ä b/ü 100%.md"]
    assert failing(webdav.connector(url=webdav.url + "/none")).code == "source_not_found"


def test_messages_are_named_by_their_subject_and_not_marked_as_seen(imap: int) -> None:
    place = ImapPlace(imap)
    place.put("a", message("=?utf-8?q?Gr=C3=BC=C3=9Fe?= a/b"))
    (item,) = items(place.connector()).values()
    mirror = Mirror()
    mirror.run(place.connector())
    assert item.size_bytes == len(message("=?utf-8?q?Gr=C3=BC=C3=9Fe?= a/b"))
    names: list[str] = []
    for event in place.connector().changes(""):
        if isinstance(event, Upsert) and (content := event.open("")):
            names.append(content.name)
    assert names == [f"{place.mailbox}/Grüße a-b (1).eml"] or names[0].startswith(f"{place.mailbox}/Grüße a-b (")
    place.client.select(place._coded)  # pyright: ignore[reportPrivateUsage] (the test's own place)
    assert place.client.search(None, "UNSEEN")[1] != [b""]
    place.client.close()


def test_an_unchanged_mailbox_is_not_listed(imap: int) -> None:
    place = ImapPlace(imap)
    place.put("a", message("a"))
    mirror = Mirror()
    mirror.run(place.connector())
    assert mirror.complete
    mirror.run(place.connector())
    assert not mirror.complete
    assert len(mirror.items) == 1


def test_a_mailbox_that_is_not_there_is_named(imap: int) -> None:
    error = failing(ImapPlace(imap).connector(mailbox="Nowhere"))
    assert error.code == "source_not_found"
    assert "Nowhere" in error.message


def test_pages_are_asked_for_with_their_etag(site: Site) -> None:
    site.put("a", b"x")
    mirror = Mirror()
    mirror.run(site.connector())
    site.asked.clear()
    mirror.run(site.connector())
    assert [condition for path, condition in site.asked if path == "/a"] == [mirror.items[f"{site.url}/a"][0][5:]]


def test_a_feed_adds_and_does_not_remove(site: Site) -> None:
    site.put("a", b"a")
    mirror = Mirror()
    mirror.run(site.connector("/feed.xml"))
    site.remove("a")
    site.put("b", b"b")
    mirror.run(site.connector("/feed.xml"))
    assert mirror.contents == [b"a", b"b"]


def test_an_atom_feed_and_an_index_of_gzipped_sitemaps_are_read(site: Site) -> None:
    site.put("a", b"a")
    site.put("b", b"b")
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><link href="/"/><entry><link rel="enclosure" href="/c"/>'
        '<link href="/a"/></entry></feed>'
    )
    inner = gzip.compress(f"<urlset><url><loc>{site.url}/b</loc></url></urlset>".encode())
    index = f"<sitemapindex><sitemap><loc>{site.url}/inner.gz</loc></sitemap></sitemapindex>"
    site.extra = {
        "/atom": (200, {}, atom.encode()),
        "/index": (200, {}, index.encode()),
        "/inner.gz": (200, {}, inner),
    }
    assert [*items(site.connector("/atom", "/index"))] == [f"{site.url}/a", f"{site.url}/b"]


def test_robots_are_kept_to(site: Site) -> None:
    site.robots = "User-agent: *\nDisallow: /private\n"
    site.put("a", b"a")
    site.put("private/b", b"b")
    found = items(site.connector())
    with pytest.raises(Invalid) as raised:
        found[f"{site.url}/private/b"].open("")
    assert raised.value.code == "robots_denied"
    assert ("/private/b", "") not in site.asked
    site.robots = "User-agent: *\nDisallow: /\n"
    assert failing(site.connector()).code == "robots_denied"
    site.extra["/robots.txt"] = (503, {}, b"")
    assert isinstance(failing(site.connector()), Unavailable)


def test_pages_of_other_hosts_and_too_many_pages_are_told(site: Site) -> None:
    for n in range(5):
        site.put(f"p{n}", b"x")
    site.extra["/s"] = (200, {}, b"<urlset><url><loc>http://example.org/x</loc></url></urlset>")
    with pytest.raises(Invalid) as raised:
        items(site.connector("/s"))["http://example.org/x"].open("")
    assert raised.value.code == "other_host"
    mirror_of_two = site.connector(max_pages=2)
    found = items(mirror_of_two)
    assert len(found) == 3
    with pytest.raises(Invalid) as raised:
        found[f"{site.url}/p2"].open("")
    assert raised.value.code == "too_many_items"


@pytest.mark.parametrize(
    "body",
    [
        b"not xml",
        b"<html/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><urlset><url><loc>&a;</loc></url></urlset>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><urlset><url><loc>&x;</loc></url></urlset>',
        gzip.compress(b"\0" * (30 << 20)),
    ],
)
def test_hostile_sitemaps_are_refused(site: Site, body: bytes) -> None:
    site.extra["/sitemap.xml"] = (200, {}, body)
    assert failing(site.connector()).code in ("bad_answer", "too_large")


def test_links_out_of_the_folder_are_refused(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder.put("a.md", b"a")
    (folder.root / "out").symlink_to(tmp_path / "secret")
    (folder.root / "in").symlink_to(folder.root / "a.md")
    (folder.root / "away").symlink_to(tmp_path)
    (folder.root / "none").symlink_to(tmp_path / "none")
    (folder.root / ".hidden").write_bytes(b"x")
    os.mkfifo(folder.root / "pipe")
    found = items(folder.connector())
    assert set(found) == {"a.md", "in", "out", "none", "pipe"}
    content = found["in"].open("")
    assert content
    assert b"".join(content.pieces) == b"a"
    for name, code in {"out": "outside_folder", "pipe": "item_denied", "none": "item_gone"}.items():
        with pytest.raises(AssayError) as raised:
            found[name].open("")
        assert raised.value.code == code, name


def test_a_link_set_after_the_listing_is_refused(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder.put("a.md", b"a")
    found = items(folder.connector())
    folder.remove("a.md")
    (folder.root / "a.md").symlink_to(tmp_path / "secret")
    with pytest.raises(Invalid) as raised:
        found["a.md"].open("")
    assert raised.value.code == "outside_folder"


def test_the_nearest_access_file_counts(folder: Folder) -> None:
    folder.put("a.md", b"a")
    folder.put("legal/b.md", b"b")
    folder.put("legal/open/c.md", b"c")
    (folder.root / "legal/.assay-access.json").write_text('{"allow": ["legal"], "deny": ["ada"]}')
    (folder.root / "legal/open/.assay-access.json").write_text('{"allow": ["everyone"]}')
    assert {key: item.access for key, item in items(folder.connector()).items()} == {
        "a.md": None,
        "legal/b.md": Access(("legal",), ("ada",)),
        "legal/open/c.md": Access(("everyone",)),
    }
    (folder.root / "legal/.assay-access.json").write_text("{")
    assert failing(folder.connector()).code == "bad_access_file"


@pytest.mark.parametrize("path", ["", "docs", "../docs", "/", "/etc", "{root}/../..", "{root}-other", "{root}/link"])
def test_folders_outside_of_the_allowed_ones_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    with pytest.raises(Invalid) as raised:
        FolderConnector(path=path.format(root=root), roots=[root])
    assert raised.value.code == "folder_not_allowed"
    assert "ASSAY_SOURCES__FOLDER_ROOTS" in raised.value.message


def test_a_folder_that_is_not_mounted_is_unavailable_and_not_empty(folder: Folder) -> None:
    folder.root.rmdir()
    assert isinstance(failing(folder.connector()), Unavailable)
