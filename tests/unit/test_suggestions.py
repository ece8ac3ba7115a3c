"""Suggestions: photos that may want a tag, by its words and by its examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.errors import BadInput
from src.models import label_lists
from src.runtime import Services
from src.services.curation.suggestions import EXAMPLES, Order, Probe, Words
from src.services.lab.classifying import Sorting
from tests.conftest import make_photo
from tests.fakes import COLOURS


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    for colour in ("red", "green", "blue", "purple"):
        for number in range(12):
            make_photo(tmp_path / "photos" / f"{colour} {number}.jpg", COLOURS[colour], seed=number)
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    return services


def of_colour(library: Services, colour: str) -> list[str]:
    return [hit.id for hit in library.library.newest(99) if hit.name.startswith(colour)]


def suggested(library: Services, tag: str) -> tuple[set[str], set[str]]:
    """Ids, and by what."""
    found = library.suggestions.photos(tag)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    return {one.image_id for one in found}, {one.by for one in found}


def test_a_tag_without_examples_goes_by_its_words(library: Services) -> None:
    red = of_colour(library, "red")
    assert suggested(library, "things/red")[0] >= set(red)
    library.curation.tag(red[:5], ["things/red"])
    library.curation.refuse_tag(red[5:7], "things/red")
    found, by = suggested(library, "things/red")
    assert set(red[7:]) <= found and not found & set(red[:7]) and by == {"answers"}


def test_photos_of_a_label_go_by_its_chances_until_the_answers_teach_an_order(library: Services) -> None:
    asked = Sorting(label_lists.of(["red", "blue", "green", "purple"]))
    list(library.classifying.classify(asked))
    red, purple = of_colour(library, "red"), of_colour(library, "purple")
    found, by = suggested(library, "Red")
    assert found == set(red) and by == {"label"}
    library.curation.tag(red[:2], ["red"])
    assert suggested(library, "red") == (set(red[2:]), {"label"}), "without a no there is nothing to tell from"
    library.curation.refuse_tag(purple[:2], "red")
    found, by = suggested(library, "red")
    assert found >= set(red[2:]) and not found & {*red[:2], *purple[:2]} and by == {"answers"}
    order = library.suggestions.order("red")
    vectors = library.catalog.vectors.get_many(library.library.collection(), [*red[2:], *purple[2:]])
    assert order is not None
    scores = dict(zip(vectors, order.scores(list(vectors), np.stack(list(vectors.values()))), strict=True))
    assert min(scores[id_] for id_ in red[2:]) > max(scores[id_] for id_ in purple[2:])


def test_a_tag_with_examples_goes_by_these_whatever_it_is_called(library: Services) -> None:
    red = of_colour(library, "red")
    library.curation.tag(red[: EXAMPLES - 1], ["xyzzy"])
    assert suggested(library, "xyzzy")[1] <= {"words"}
    library.curation.tag(red[EXAMPLES - 1 : EXAMPLES], ["xyzzy"])
    found, by = suggested(library, "xyzzy")
    assert found and found <= set(red[EXAMPLES:]) and by == {"examples"}
    one = next(iter(found))
    library.curation.refuse_tag([one], "xyzzy")
    assert one not in suggested(library, "xyzzy")[0]
    library.curation.undo()
    assert one in suggested(library, "xyzzy")[0]
    library.curation.remove([one])
    assert one not in suggested(library, "xyzzy")[0]


def test_what_was_refused_stays_so_when_the_file_says_it_again(library: Services) -> None:
    from tests.unit.test_marks import told

    red = of_colour(library, "red")[0]
    library.curation.refuse_tag([red], "Sea")
    assert "keywords" not in library.catalog.facts.of(red)
    told(library, red, keywords=("Sea", "Boat"))
    assert library.catalog.facts.of(red)["keywords"] == ("Boat",)
    told(library, red)
    told(library, red, keywords=("Sea",))
    assert "keywords" not in library.catalog.facts.of(red)


def test_all_photos_may_have_the_tag_already(library: Services) -> None:
    library.curation.tag(library.catalog.listing.ids(None, "added", 99), ["all"])
    assert library.suggestions.photos("all") == []
    with pytest.raises(BadInput):
        library.suggestions.photos(" / ")


def test_the_examples_are_judged_by_probes_without_them() -> None:
    chance = np.random.default_rng(3)

    def some(number: int, towards: int) -> np.ndarray:
        rows = chance.normal(size=(number, 32)).astype(np.float32)
        rows[:, towards] += 4
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    examples, others = some(12, 0), some(300, 1)
    whole = Probe(examples, others, others[:0])
    left_out = []
    for number in range(len(examples)):
        # the same weights as in the whole, so that the shortcut must give just this
        rows = np.delete(examples, number, axis=0)
        left_out.append(_fitted(rows, others, len(examples)).scores(examples[number : number + 1])[0])
    assert whole.alone == pytest.approx(left_out, abs=1e-6)
    named = [{f"{name}{at}": row for at, row in enumerate(rows)} for name, rows in (("e", examples), ("o", others))]
    order = Order(*named, {}, Words(examples[0], 1.0, {}))
    assert np.mean(np.array(order.scores(["x"] * 200, some(200, 0))) >= order.least) > 0.5
    assert np.mean(np.array(order.scores(["x"] * 200, some(200, 1))) >= order.least) < 0.02


def test_what_all_words_say_of_a_photo_is_taken_off_what_one_says() -> None:
    rows = np.eye(2, dtype=np.float32)
    found = Words(np.array([1.0, 1.0], np.float32), 0.5, {"a": 3.0}).heights(["a", "b"], rows)
    assert found.tolist() == [-1.0, 2.0]


def _fitted(examples: np.ndarray, others: np.ndarray, number: int) -> Probe:
    """A probe of fewer examples in which each weighs as much as one of ``number``."""
    from src.services.curation import suggestions

    probe = Probe(examples, others, others[:0])
    rows = suggestions._with_bias(np.concatenate([examples, others]))
    wanted = np.concatenate([np.ones(len(examples)), -np.ones(len(others))])
    weights = np.concatenate([np.full(len(examples), 0.5 / number), np.full(len(others), 0.5 / len(others))])
    weighted = rows * weights[:, None]
    ridge = suggestions.RIDGE * np.eye(rows.shape[1])
    probe._weights = np.linalg.solve(weighted.T @ rows + ridge, weighted.T @ wanted)
    return probe
