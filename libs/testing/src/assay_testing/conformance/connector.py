from typing import Protocol

import pytest
from assay_core.ports import Connector

from assay_testing.mirror import Mirror


class Place(Protocol):
    """Where a connector looks, for a test to change."""

    def connector(self) -> Connector: ...

    def put(self, name: str, data: bytes) -> None:
        """Make or replace an item. Names are lower case letters, with slashes."""
        ...

    def remove(self, name: str) -> None: ...


def message(text: str) -> bytes:
    """Bytes that every place can hold: a mail message."""
    return f"From: ada@example.org\r\nSubject: {text}\r\n\r\n{text}\r\n".encode()


class ConnectorContract:
    """Override `place`: an empty one."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def test_every_item_comes_with_its_bytes(self, place: Place) -> None:
        texts = {"a": "one", "b/c": "two", "b/d/e": "three"}
        for name, text in texts.items():
            place.put(name, message(text))
        mirror = Mirror()
        mirror.run(place.connector())
        assert mirror.contents == sorted(message(text) for text in texts.values())
        assert mirror.complete

    def test_what_has_not_changed_is_not_sent_again(self, place: Place) -> None:
        place.put("a", message("one"))
        place.put("b/c", message("two"))
        mirror = Mirror()
        mirror.run(place.connector())
        assert mirror.sent == 2
        mirror.run(place.connector())
        assert mirror.sent == 0
        assert len(mirror.items) == 2

    def test_a_change_and_a_new_item_are_sent_alone(self, place: Place) -> None:
        place.put("a", message("one"))
        place.put("b/c", message("two"))
        mirror = Mirror()
        mirror.run(place.connector())
        place.put("a", message("one, changed"))
        place.put("d", message("four"))
        mirror.run(place.connector())
        assert mirror.sent == 2
        assert mirror.contents == sorted(map(message, ("one, changed", "two", "four")))

    def test_what_was_removed_vanishes(self, place: Place) -> None:
        for name in ("a", "b", "c"):
            place.put(name, message(name))
        mirror = Mirror()
        mirror.run(place.connector())
        place.remove("b")
        mirror.run(place.connector())
        assert mirror.contents == [message("a"), message("c")]
        place.remove("a")
        place.remove("c")
        mirror.run(place.connector())
        assert mirror.contents == []

    @pytest.mark.parametrize("events", [0, 1, 2, 3])
    def test_a_run_that_broke_off_goes_on(self, place: Place, events: int) -> None:
        for name in ("a", "b", "c"):
            place.put(name, message(name))
        mirror = Mirror()
        mirror.run(place.connector())
        place.remove("a")
        place.put("d", message("d"))
        mirror.run(place.connector(), break_after=events)
        mirror.run(place.connector())
        assert mirror.contents == [message("b"), message("c"), message("d")]
