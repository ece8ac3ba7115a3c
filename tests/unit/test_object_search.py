"""Which of an object and its whole image is the hit, and how many objects are asked for."""

from __future__ import annotations

from src.services.search.fusion import CANDIDATES, Found, best_objects, enough_objects, merged


def test_the_best_object_of_each_image() -> None:
    matches = [Found("a", 0.9, "a#1-0"), Found("a", 0.8, "a#1-1"), Found("b", 0.7, "b#1-0")]
    assert best_objects(matches) == [Found("a", 0.9, "a#1-0"), Found("b", 0.7, "b#1-0")]


def test_a_whole_image_wins_within_the_preference_and_loses_beyond_it() -> None:
    objects = [Found("near", 0.50, "near#1-0"), Found("far", 0.50, "far#1-0"), Found("unknown", 0.4, "unknown#1-0")]
    hits = merged([Found("whole", 0.45)], objects, {"near": 0.481, "far": 0.479})
    assert hits == [
        Found("far", 0.50, "far#1-0"),
        Found("near", 0.481),
        Found("whole", 0.45),
        Found("unknown", 0.4, "unknown#1-0"),
    ]


def test_an_image_is_shown_once() -> None:
    hits = merged([Found("a", 0.3)], [Found("a", 0.6, "a#1-0")], {"a": 0.3})
    assert hits == [Found("a", 0.6, "a#1-0")]


def crowded(images: int, each: int) -> list[Found]:
    """Many objects a picture: the best ``each`` are all in one image, and so on."""
    places = [(image, place) for image in range(images) for place in range(each)]
    return [
        Found(f"{image}", 1 - number / len(places), f"{image}#1-{place}")
        for number, (image, place) in enumerate(places)
    ]


def test_more_objects_are_asked_for_until_the_page_is_full() -> None:
    everything, asked = crowded(50, 60), []

    def ask(number: int) -> list[list[Found]]:
        asked.append(number)
        return [everything[:number]]

    (found,) = enough_objects(ask, len(everything), 20)
    assert [hit.image_id for hit in found] == [str(image) for image in range(20)]
    assert asked[0] == CANDIDATES and asked[-1] >= 20 * 60 and len(asked) <= 4


def test_it_stops_where_there_is_no_more() -> None:
    everything = crowded(50, 60)
    (few,) = enough_objects(lambda number: [everything[:number]], 90, 20)
    assert len(few) == 2
    assert enough_objects(lambda _: [[]], 0, 5) == [[]]
