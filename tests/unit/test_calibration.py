"""What a score is worth: chances from scores, and what the library's owner says of hits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.models import query_bank
from src.models.query_bank import QueryBank
from src.runtime import Services
from src.schema import SearchHit
from src.schema.library import SAID_OF_HITS
from src.services.search.calibration import WORDS, best_scores, chance, evidence_of, pairs, shift_of
from src.services.search.judge import Judge
from src.services.search.service import Query
from tests.fakes import FakeEmbedder

DICE = np.random.default_rng(0)


def unit(rows: int, dimensions: int = 64) -> np.ndarray:
    matrix = DICE.normal(size=(rows, dimensions)).astype(np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_best_scores_of_a_sample_are_those_of_the_whole_up_to_its_size_and_foretold_beyond() -> None:
    queries, library = unit(200), unit(20_000)
    foretold = best_scores(queries, library[:2_048], len(library))
    for number in (16, 100, 1_000, 2_048, 20_000):
        parts = [library[start : start + number] for start in range(0, min(len(library), 8 * number), number)]
        exact = np.mean([np.median((queries @ part.T).max(1)) for part in parts if len(part) == number])
        middle = np.interp(math.log(number), foretold.numbers, foretold.middles)
        assert middle == pytest.approx(exact, abs=0.02), number


def test_the_same_score_is_worth_less_among_more_photos() -> None:
    background = best_scores(unit(200), unit(2_048), 100_000)
    heights = [float(background.height(np.array([0.5]), number)[0]) for number in (20, 200, 2_000, 100_000, 10**6)]
    assert heights == sorted(heights, reverse=True) and heights[-1] == heights[-2], "beyond what is there it stays"


def test_a_model_that_gives_every_unanswerable_query_one_score_divides_by_nothing() -> None:
    same = np.tile(unit(1), (50, 1))
    background = best_scores(same, same, 50)
    assert np.isfinite(background.height(np.array([0.0, 1.0]), 50)).all()
    assert np.isfinite(pairs(same).height(np.array([1.0]), 50)).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e6, 1e6), st.floats(-10, 10))
def test_chances_are_between_0_and_1_and_rise_with_the_score(
    heights: list[float], visible: float, shift: float
) -> None:
    found = chance(np.sort(heights), visible, WORDS, shift)
    assert ((found >= 0) & (found <= 1)).all() and (np.diff(found) >= 0).all()


def test_what_is_said_moves_chances_that_way_and_less_each_time() -> None:
    assert shift_of([]) == 0
    no = [shift_of([(1.0, False)] * number) for number in (1, 5, 50)]
    assert 0 > no[0] > no[1] > no[2] > -10
    assert shift_of([(-2.0, True)] * 5) > 1 and abs(shift_of([(0.0, True), (0.0, False)])) < 1e-6
    assert evidence_of(1.0) == pytest.approx(-evidence_of(0.0)) and evidence_of(0.5) == 0


def test_the_bank_tells_visible_things_from_others() -> None:
    bank = query_bank.build(FakeEmbedder().encode_texts)
    seen, unseen = bank.visible(FakeEmbedder().encode_texts(["red", "invoice"]))
    assert seen > 0 > unseen


def test_the_lists_of_queries_share_none_and_repeat_none() -> None:
    nothing, visible = query_bank.texts("nothing"), query_bank.texts("visible")
    assert len(set(nothing)) == len(nothing) >= 256 and len(set(visible)) == len(visible) >= 400
    assert not set(nothing) & set(visible)


def test_a_bank_of_other_texts_is_out_of_date(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = query_bank.build(FakeEmbedder().encode_texts)
    query_bank.save(bank, tmp_path / "bank")
    assert isinstance(query_bank.read(tmp_path / "bank", 64), QueryBank)
    assert query_bank.read(tmp_path / "bank", 32) is None and query_bank.read(tmp_path / "none", 64) is None
    monkeypatch.setattr(query_bank, "SHRINKAGE", 0.5)
    assert query_bank.read(tmp_path / "bank", 64) is None


# ---------------------------------------------------------------- in a library


@pytest.fixture
def library(services: Services, photos) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def test_hits_have_a_chance_a_percentage_and_a_band(library: Services) -> None:
    page = library.search.search(Query("red"), 5)
    chances = [hit.chance for hit in page.hits]
    assert chances == sorted(chances, reverse=True) and page.hits[0].band == "strong" and page.hits[0].percent > 80
    bands = [SearchHit("", "", "", 0.0, chance=value).band for value in (0.8, 0.79, 0.5, 0.49, 0.0)]
    assert bands == ["strong", "likely", "likely", "weak", "weak"]
    assert [SearchHit("", "", "", 0.0, chance=value).fits for value in (0.06, 0.059)] == [True, False]


def test_pictures_always_fit(library: Services) -> None:
    page = library.search.search(Query(like=library.search.search(Query("red"), 1).hits[0].id), 4)
    assert page.verdict == "match" and all(hit.fits for hit in page.hits)


def test_the_owner_has_a_say_for_this_library_and_can_take_it_back(library: Services) -> None:
    judge, space = library.search.judge, library.models.embedder().space
    first = library.search.search(Query("red"), 1).hits[0]
    said = [judge.tell(space, 0.6, False), judge.tell(space, 0.6, False)]
    assert len(judge._told(space)) == 2
    again = library.search.search(Query("red"), 1).hits[0]
    assert again.chance < first.chance and again.score == first.score
    assert [judge.take_back(space, told) for told in (*said, said[0])] == [True, True, False]
    assert library.search.search(Query("red"), 1).hits[0].chance == pytest.approx(first.chance)


@pytest.mark.parametrize(
    "said", ["", "{", "[]", "7", '["x"]', '[[1, true], ["x", 1], [2], [NaN, true], [1e999, false]]']
)
def test_what_another_version_wrote_of_the_owners_say_harms_nothing(library: Services, said: str) -> None:
    space = library.models.embedder().space
    for text in (said, f'{{"{space}": {said or 0}}}', f'{{"{space}": {{}}}}'):
        library.catalog.set_meta(SAID_OF_HITS, text)
        assert 0 < library.search.search(Query("red"), 1).hits[0].chance <= 1


def test_photos_that_come_later_are_compared_too(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    compared = Judge._compared
    monkeypatch.setattr(Judge, "_compared", lambda self, *more: (made.append(more[1]), compared(self, *more))[1])
    for _ in range(2):
        library.search.search(Query("red"), 1)
    assert len(made) == 1
    vectors = {f"{n}": row for n, row in enumerate(unit(3, FakeEmbedder.dimensions))}
    library.catalog.vectors.put(library.library.collection(), vectors, {})
    library.search.search(Query("red"), 1)
    assert made == [made[0], made[0] + 3]
