"""The words that photos are labelled with by themselves, and which of them implies which.

They stand in ``label_files/vocabulary.txt``, were written for this project, and name what can be seen: things, places,
what happens. Of people they say no more than anybody sees from across the street; nobody's name, origin, health or
faith.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from src.errors import BadInput
from src.text import folded

FILE = Path(__file__).with_name("label_files") / "vocabulary.txt"
INDENT = "  "
_LINE = re.compile(r"(?P<word>[^=<]+?)(?: = (?P<asked>[^=<]+?))?(?: < (?P<other>[^=<]+))?")


@dataclass(frozen=True)
class Word:
    """A label.

    word: as it is shown and becomes a tag. asked: how a model is asked for it, which for words of several meanings says
    which one is meant. parents: numbers of the labels that it implies at once.
    """

    word: str
    asked: str
    parents: tuple[int, ...]


class Vocabulary:
    """Labels by their numbers, 0 to n - 1; those that a label implies have lower numbers or stand elsewhere."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = tuple(words)
        self._numbers = {folded(one.word): number for number, one in enumerate(words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return folded(word) in self._numbers

    def number(self, word: str) -> int:
        """Of the label of that word, whatever its capitals. Raises KeyError where there is none."""
        return self._numbers[folded(word)]

    @cached_property
    def above(self) -> tuple[frozenset[int], ...]:
        """Of each label, the numbers of all that it implies, at once or by others; without itself."""
        found: dict[int, frozenset[int]] = {}

        def of(number: int) -> frozenset[int]:
            if number not in found:
                parents = self.words[number].parents
                found[number] = frozenset(parents).union(*map(of, parents))
            return found[number]

        return tuple(of(number) for number in range(len(self)))

    def unrelated(self, numbers: Iterable[int], most: int) -> tuple[str, ...]:
        """The words of the first ``most`` of these labels of which none implies another."""
        chosen: list[int] = []
        for number in numbers:
            if len(chosen) < most and not any(number in self.above[one] or one in self.above[number] for one in chosen):
                chosen.append(number)
        return tuple(self.words[number].word for number in chosen)

    def implied(self, numbers: Iterable[int]) -> set[int]:
        """These and all that they imply."""
        given = set(numbers)
        return given.union(*(self.above[number] for number in given))


def read(text: str) -> Vocabulary:
    """A vocabulary, one label a line: ``word``, ``word = how it is asked for``, or either with ``< another`` that it
    implies too. A label implies the one above it that stands further left. Lines that begin with ``#`` are headings.

    Raises BadInput for a line that makes no sense.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [_LINE.fullmatch(line.strip()) for line in lines]
    if not all(found):
        raise BadInput(f"“{lines[found.index(None)]}” is no line of a vocabulary.")
    rows = [match.groupdict() for match in found if match]
    numbers = {row["word"]: number for number, row in enumerate(rows)}
    words, open_ = [], list[int]()
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        depth = (len(line) - len(line.lstrip())) // len(INDENT)
        if depth > len(open_) or (row["other"] and row["other"] not in numbers):
            raise BadInput(f"“{line}” stands below nothing in the vocabulary.")
        open_ = open_[:depth]
        others = (numbers[row["other"]],) if row["other"] else ()
        words.append(Word(row["word"], row["asked"] or row["word"], (*open_[-1:], *others)))
        open_.append(number)
    return Vocabulary(words)


def shipped() -> Vocabulary:
    """The project's own."""
    return read(FILE.read_text(encoding="utf-8"))
