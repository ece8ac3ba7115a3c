"""Kept: an answer is made anew when what it was made of has changed, and the one not asked for the longest goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from src.versioned_cache import Kept


def test_an_answer_is_made_once_for_each_state() -> None:
    kept: Kept[int] = Kept(2)
    made: list[int] = []

    def answer(state: int) -> int:
        return kept.get("question", state, lambda: made.append(state) or state * 10)  # type: ignore[func-returns-value]

    assert kept.last("question") is None
    assert [answer(state) for state in (1, 1, 2, 2, 1)] == [10, 10, 20, 20, 10] and made == [1, 2, 1]
    assert kept.last("question") == 10 and made == [1, 2, 1]


def test_the_answer_that_was_not_asked_for_the_longest_goes_first() -> None:
    kept: Kept[str] = Kept(2)
    made: list[str] = []
    for question in ("a", "b", "a", "c", "a", "b"):
        kept.get(question, None, lambda question=question: made.append(question) or question)
    assert made == ["a", "b", "c", "b"]


def test_many_threads_get_their_own_answers() -> None:
    kept: Kept[int] = Kept(3)

    def ask(number: int) -> bool:
        return (
            kept.get(number % 5, number % 7, lambda: (number % 5) * 100 + number % 7) == (number % 5) * 100 + number % 7
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(4000)))
