"""The vectors of the last texts, so that a query asked again, or paged through, is not encoded again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from src.schema import FloatArray

TEXTS = 256


class TextCache:
    """The last texts of one space and their vectors. Safe to use from several threads."""

    def __init__(self, encode: Callable[[Sequence[str]], FloatArray], size: int = TEXTS) -> None:
        """encode: n >= 1 distinct texts -> (n, D). size: texts remembered, 0 for none."""
        self._encode = encode
        self._size = size
        self._known: OrderedDict[str, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        """n >= 1 texts -> (n, D), an array of its own; those that are not remembered are encoded together.

        What is no character (half of a surrogate pair) is read as a question mark: no tokenizer takes it.
        """
        texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        found = self._remembered(texts)
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            found.update(zip(new, self._encode(new), strict=True))
            self._remember(new, found)
        return np.stack([found[text] for text in texts])

    def _remembered(self, texts: Sequence[str]) -> dict[str, FloatArray]:
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        return found

    def _remember(self, new: Sequence[str], found: dict[str, FloatArray]) -> None:
        with self._lock:
            for text in new[-self._size :] if self._size else ():
                self._known[text] = found[text].copy()  # a row would keep its whole batch
            while len(self._known) > self._size:
                self._known.popitem(last=False)
