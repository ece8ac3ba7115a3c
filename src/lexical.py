"""Text as the lexical index has it: folded terms of what is written, and what a query's words ask of them.

Everything about letters is decided here and not by SQLite, whose own tables end with Unicode 6.1: letters and emoji
that came later would be blanks there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np

BARRIER = "·"
"""Stands between two values of one column, so that no phrase reaches from one into the other. It is no term."""
FUZZY_LEAST, FUZZY_MOST = 4, 24
"""Letters of the words that are found by words nearly like them."""
_DROPPED = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\u200c\u200d\U0001f3fb-\U0001f3ff]"
)
"""Accents once they stand apart from their letters, and what joins emoji or chooses how they are drawn."""
_RUNS = re.compile(r"a+|d+|c+|s|(?<=[adcs])(?:\+\+|#)|(?<=[adcs])\+(?![adcs])")
_CJK = re.compile(
    "[\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_BETWEEN = re.compile(r"[\s,;/\\]+")
_DAY = re.compile(r"(\d{4})-?(\d\d)(?:-?(\d\d))?", re.ASCII)


@lru_cache(8192)
def _kind(character: str) -> str:
    """a letter, d digit, c of a script without blanks, s a sign that is a word by itself; blank: none of a word."""
    category = unicodedata.category(character)
    if category[0] in "LN" and _CJK.match(character):
        return "c"
    if character in "+#":
        return character
    sign = "s" if category in ("So", "Sc") and not character.isascii() else " "
    return {"L": "a", "M": "a", "N": "d"}.get(category[0], sign)


_ASCII = {code: _kind(chr(code)) for code in range(128)}


def plain(text: str) -> str:
    """Without capitals, accents and other ways to write the same: NFKC, casefold, and accents taken off."""
    if text.isascii():
        return text.lower()
    known = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode()).casefold()
    return unicodedata.normalize("NFC", _DROPPED.sub("", unicodedata.normalize("NFKD", known)))


def runs(text: str) -> Iterator[tuple[str, str]]:
    """(kind, run) of letters, digits or signs that stand together: ``IMG_2041`` has img and 2041, ``3D`` 3 and d."""
    known = plain(text)
    for kind, start, end in _runs(known):
        yield kind, known[start:end]


def _runs(known: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of each run of a plain text."""
    shadow = known.translate(_ASCII) if known.isascii() else "".join(map(_kind, known))
    for found in _RUNS.finditer(shadow):
        yield found.group()[0], found.start(), found.end()


def terms(text: str) -> list[str]:
    """The terms of a text in order. A run of a script without blanks is its pairs of neighbours, so that every part of
    two characters is a term, and every longer one a phrase.
    """
    return [term for kind, run in runs(text) for term in _terms(kind, run)]


def _terms(kind: str, run: str) -> list[str]:
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))] if kind == "c" else [run]


def written(texts: Iterable[str]) -> str:
    """Texts as a column of the index has them: terms with blanks between; at the end, characters of a script without
    blanks one by one.
    """
    several = list(texts)
    own = f" {BARRIER} ".join(" ".join(terms(text)) for text in several if text)
    if own.isascii():
        return own
    single = dict.fromkeys(one for text in several for kind, run in runs(text) if kind == "c" for one in run)
    return f"{own} {BARRIER} {' '.join(single)}" if single else own


def dates(day: str) -> str:
    """A day (YYYY-MM-DD) as its column has it: the year, with the month, and with the day."""
    found = _DAY.fullmatch(day)
    return " ".join("".join(found.groups("")[:number]) for number in (1, 2, 3)) if found else ""


def fuzzy(term: str) -> bool:
    """Whether a term is a word that may be found by one nearly like it: of letters alone."""
    return FUZZY_LEAST <= len(term) <= FUZZY_MOST and term.isalpha() and not _CJK.search(term)


# ---------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Phrase:
    """Terms that must follow one another. prefix: the last one may go on."""

    terms: tuple[str, ...]
    prefix: bool = False

    @property
    def expression(self) -> str:
        return '"{}"{}'.format(" ".join(self.terms), "*" if self.prefix else "")


@dataclass(frozen=True)
class Wish:
    """One word of a query: of its alternatives one must be written, each phrase of it. word: as it was typed."""

    word: str
    alternatives: tuple[tuple[Phrase, ...], ...]

    @property
    def expression(self) -> str:
        each = (" AND ".join(phrase.expression for phrase in some) for some in self.alternatives)
        return " OR ".join(f"({one})" for one in each)

    @property
    def fuzzy(self) -> str:
        """The term, where it may be one that is nearly written so; else empty."""
        if len(self.alternatives) != 1 or len(self.alternatives[0]) != 1:
            return ""
        phrase = self.alternatives[0][0]
        return phrase.terms[0] if len(phrase.terms) == 1 and not phrase.prefix and fuzzy(phrase.terms[0]) else ""


def wishes(text: str) -> list[Wish]:
    """What the words of a text ask for, each between blanks, commas or slashes: ``a|b`` either, ``ber*`` a prefix."""
    found = (Wish(word, tuple(filter(None, map(_phrases, word.split("|"))))) for word in _BETWEEN.split(text))
    return [_dated(wish) for wish in found if wish.alternatives]


def quoted(text: str) -> list[Wish]:
    """The same of a text in quotation marks: all its terms, in this order."""
    found = tuple(terms(text))
    return [Wish(text, ((Phrase(found),),))] if found else []


def _phrases(word: str) -> tuple[Phrase, ...]:
    """What is joined by other signs than blanks stands together; scripts without blanks do not keep others apart."""
    found = []
    for unspaced, some in groupby(runs(word), key=lambda one: one[0] == "c"):
        for run in (list(some),) if not unspaced else ([one] for one in some):
            found.append(Phrase(tuple(term for kind, text in run for term in _terms(kind, text))))
    if found and word.endswith("*") and len("".join(found[-1].terms)) > 1:
        found[-1] = Phrase(found[-1].terms, prefix=True)
    return tuple(found)


def _dated(wish: Wish) -> Wish:
    """A day or a month, however it is written, is also looked for as the index has dates."""
    found = _DAY.fullmatch(wish.word)
    return Wish(wish.word, (*wish.alternatives, (Phrase(("".join(found.groups("")),)),))) if found else wish


def expression(wanted: Sequence[Wish], unwanted: Sequence[Wish] = ()) -> str:
    """What SQLite's FTS5 is asked for: all that is wanted, and nothing of what is not."""
    every = " AND ".join(f"({wish.expression})" for wish in wanted)
    return every + "".join(f" NOT ({wish.expression})" for wish in unwanted)


# ---------------------------------------------------------------- where it is written

Span = tuple[int, int]
"""Of characters in a text: the first, and the one behind the last."""


def places(text: str, phrases: Iterable[Phrase]) -> list[Span]:
    """Where in a text any of the phrases is written, from its start to its end, none reaching into another.

    The text must be in Unicode's form NFC; where its letters can't be told apart even so, nothing is found.
    """
    known, origin = _origins(text)
    found = {span for phrase in phrases for span in _places(known, phrase)} if known else set()
    return joined((origin[start], _end(text, origin[end - 1] + 1)) for start, end in found)


def parts(text: str, part: str) -> list[Span]:
    """The same of a part of a text that may begin and end within words."""
    known, origin = _origins(text)
    found = re.finditer(re.escape(wanted), known) if (wanted := plain(part).strip()) else ()
    return joined((origin[one.start()], _end(text, origin[one.end() - 1] + 1)) for one in found)


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same in order, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _origins(text: str) -> tuple[str, list[int]]:
    """A text made plain, and of each of its characters the place where it came from; empty where that is not clear."""
    each = [plain(character) for character in text]
    known = "".join(each)
    return (known, [at for at, some in enumerate(each) for _ in some]) if known == plain(text) else ("", [])


def _end(text: str, end: int) -> int:
    """Accents that stand apart belong to the letter before them."""
    while end < len(text) and not plain(text[end]):
        end += 1
    return end


def _places(known: str, phrase: Phrase) -> Iterator[Span]:
    wanted = phrase.terms
    if len(wanted) == 1 and len(wanted[0]) == 1 and _CJK.match(wanted[0]):
        yield from ((at, at + 1) for at, character in enumerate(known) if character == wanted[0])
        return
    every = [
        (term, start + at, min(end, start + at + len(term)))
        for kind, start, end in _runs(known)
        for at, term in enumerate(_terms(kind, known[start:end]))
    ]
    for first in range(len(every) - len(wanted) + 1):
        some = every[first : first + len(wanted)]
        same = [term == asked for (term, _, _), asked in zip(some, wanted, strict=True)]
        if all(same[:-1]) and (same[-1] or (phrase.prefix and some[-1][0].startswith(wanted[-1]))):
            yield some[0][1], some[-1][2]


# ---------------------------------------------------------------- nearly the same


def nearest(term: str, known: Sequence[str], most: int) -> list[str]:
    """Words that a term may be meant for, the likeliest first: those that go on after it, and those that so many single
    changes (a letter more, less, another, or two in the other order) make of it: one up to seven letters, two beyond.
    """
    allowed = 1 if len(term) < 8 else 2
    near = [one for one in known if abs(len(one) - len(term)) <= allowed]
    steps = dict(zip(near, _distances(term, near), strict=True)) if near else {}
    found = {one: (int(number), one) for one, number in steps.items() if 0 < number <= allowed}
    found |= {one: (allowed + 1, one) for one in known if one.startswith(term) and one not in found and one != term}
    return sorted(found, key=found.__getitem__)[:most]


def _distances(term: str, others: Sequence[str]) -> Iterable[int]:
    """Optimal string alignment distances (Levenshtein's with exchanged neighbours) of all others at once."""
    width = max(map(len, others))
    letters = np.array(others, f"U{width}").view(np.uint32).reshape(len(others), width)
    own = [ord(letter) for letter in term]
    first = np.repeat(np.arange(width + 1, dtype=np.int16)[None], len(others), axis=0)
    before, above = first, first
    for row, letter in enumerate(own, 1):
        here = np.empty_like(above)
        here[:, 0] = row
        for column in range(1, width + 1):
            other = letters[:, column - 1] != letter
            best = np.minimum(np.minimum(above[:, column], here[:, column - 1]) + 1, above[:, column - 1] + other)
            if row > 1 and column > 1:
                swapped = (letters[:, column - 2] == letter) & (letters[:, column - 1] == own[row - 2])
                best = np.where(swapped, np.minimum(best, before[:, column - 2] + 1), best)
            here[:, column] = best
        before, above = above, here
    lengths = np.array([len(other) for other in others])
    return [int(number) for number in above[np.arange(len(others)), lengths]]
