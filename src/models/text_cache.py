"""The vectors of the last texts, so that a query asked again, or paged through, is not encoded again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from cachetools import LRUCache

from src.schema import FloatArray

TEXTS = 256


class TextCache:
    """The last texts of one space and their vectors. Safe to use from several threads."""

    def __init__(self, encode: Callable[[Sequence[str]], FloatArray], size: int = TEXTS) -> None:
        """encode: n >= 1 distinct texts -> (n, D). size: texts remembered, 0 for none."""
        self._encode = encode
        self._known: LRUCache[str, FloatArray] = LRUCache(size)
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        """n >= 1 texts -> (n, D), an array of its own; those that are not remembered are encoded together.

        What is no character (half of a surrogate pair) is read as a question mark: no tokenizer takes it.
        """
        texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            found.update(zip(new, self._encode(new), strict=True))
            with self._lock:
                for text in new if self._known.maxsize else ():
                    self._known[text] = found[text].copy()  # a row would keep its whole batch
        return np.stack([found[text] for text in texts])
