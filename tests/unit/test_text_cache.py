"""TextCache: the same vectors as without it, fewer encodings, never more texts than its size."""

from collections.abc import Sequence

import numpy as np

from src.models.text_cache import TextCache


class Encoder:
    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked.append(list(texts))
        return np.array([[len(text), ord(text[0])] for text in texts], np.float32)


def test_known_texts_are_not_encoded_again_and_order_and_repeats_are_kept():
    encoder = Encoder()
    cache = TextCache(encoder)
    cache.vectors(["dog", "cat"])
    found = cache.vectors(["bird", "dog", "bird", "cat"])
    assert encoder.asked == [["dog", "cat"], ["bird"]]
    np.testing.assert_array_equal(found, Encoder()(["bird", "dog", "bird", "cat"]))


def test_what_a_caller_does_to_its_vectors_is_not_remembered():
    cache = TextCache(Encoder())
    for _ in range(3):
        first = cache.vectors(["dog"])
        np.testing.assert_array_equal(first, Encoder()(["dog"]))
        first *= 0


def test_the_text_that_was_not_asked_for_the_longest_goes_first():
    encoder = Encoder()
    cache = TextCache(encoder, 2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cache.vectors([text])
    assert encoder.asked == [["a"], ["b"], ["c"], ["b"]]


def test_more_texts_than_it_holds_and_none():
    encoder = Encoder()
    many = [chr(65 + i) * (i + 1) for i in range(10)]
    np.testing.assert_array_equal(TextCache(encoder, 3).vectors(many), Encoder()(many))
    off = TextCache(encoder, 0)
    off.vectors(["dog"])
    off.vectors(["dog"])
    assert encoder.asked[-2:] == [["dog"], ["dog"]]
