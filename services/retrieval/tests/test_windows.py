"""Windows around hits: they grow to each side, share nothing, and join where they touch."""

from collections.abc import Callable

from assay_core.documents import DocumentId, TenantId
from assay_retrieval.windows import Room, Spot, windows

TENANT = TenantId("t")


def at(ordinal: int, document: str = "d") -> Spot:
    return Spot(DocumentId(TENANT, document), 1, ordinal)


def anything(one: Spot, other: Spot) -> bool:
    return one.document == other.document


def same_half(one: Spot, other: Spot) -> bool:
    return (one.ordinal < 5) is (other.ordinal < 5)


def room(
    *,
    reach: int = 1,
    most_tokens: int = 1000,
    length: int = 10,
    of: int = 10,
    together: Callable[[Spot, Spot], bool] = anything,
) -> Room:
    tokens = {at(n, document): length for n in range(of) for document in "de"}
    return Room(reach, most_tokens, tokens, together)


def shown(hits: list[Spot | None], given: Room) -> list[tuple[list[int], list[int]]]:
    return [(one.hits, sorted(spot.ordinal for spot in one.spots)) for one in windows(hits, given)]


def test_a_hit_is_read_with_what_stands_beside_it() -> None:
    assert shown([at(4)], room()) == [([0], [3, 4, 5])]
    assert shown([at(4)], room(reach=2)) == [([0], [2, 3, 4, 5, 6])]
    assert shown([at(0)], room()) == [([0], [0, 1])]
    assert shown([at(9)], room()) == [([0], [8, 9])]


def test_a_hit_within_the_window_of_a_better_one_is_read_there() -> None:
    assert shown([at(4), at(5), at(8)], room()) == [([0, 1], [3, 4, 5]), ([2], [7, 8, 9])]


def test_windows_that_touch_are_one() -> None:
    assert shown([at(4), at(7)], room()) == [([0, 1], [3, 4, 5, 6, 7, 8])]
    assert shown([at(4), at(6)], room()) == [([0, 1], [3, 4, 5, 6, 7])]


def test_no_spot_is_in_two_windows() -> None:
    made = windows([at(1), at(4), at(7)], room(reach=2, most_tokens=50))
    spots = [spot for one in made for spot in one.spots]
    assert len(spots) == len(set(spots)) == 10
    assert all(one.tokens <= 50 for one in made)


def test_a_window_stops_where_it_is_full_and_never_skips() -> None:
    assert shown([at(4)], room(reach=3, most_tokens=30)) == [([0], [3, 4, 5])]
    assert shown([at(4)], room(reach=3, most_tokens=25)) == [([0], [3, 4])]
    assert shown([at(4)], room(most_tokens=5)) == [([0], [4])]
    lengths = {at(n): 100 if n == 3 else 10 for n in range(10)}
    assert shown([at(4)], Room(3, 60, lengths, anything)) == [([0], [4, 5, 6, 7])]


def test_what_does_not_belong_together_is_read_apart() -> None:
    assert shown([at(4), at(5)], room(reach=2, together=same_half)) == [([0], [2, 3, 4]), ([1], [5, 6, 7])]


def test_documents_are_apart_and_a_hit_without_a_place_stands_alone() -> None:
    assert shown([at(4), None, at(4, "e")], room()) == [([0], [3, 4, 5]), ([1], []), ([2], [3, 4, 5])]
