"""Why photos are among the results: which part of the search found each and, where that is a text, the words in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from src import lexical
from src.database.catalog.catalog import Catalog
from src.database.catalog.lexical_tables import WORDS
from src.lexical import Span, Wish
from src.schema import Part, Reason, SearchHit
from src.schema.conditions import STAR
from src.schema.search import NOTHING
from src.schema.texts import TextLine
from src.services.search.names import CERTAIN, Called, wanted
from src.services.search.query import Asked

SHARE = 0.5
"""A part found a photo where its own chance is at least this share of what all parts say together."""
MOST, ALIKE = 5, 3
"""Texts that are told of a photo, and so many of one kind."""
LONGEST, BEFORE = 160, 40
"""Characters of a text that are told, and how many of them stand before the first of the words."""
EMPTY = frozenset(("a", "an", "and", "at", "by", "for", "from", "in", "is", "of", "on", "the", "to", "with"))
"""Words that are not marked in a description, which is found by what it means."""
_COLUMNS = sorted(WORDS, key=lambda column: -WORDS[column])
_DAY = {4: 4, 6: 7, 8: 10}
"""Digits of a date as the index has it -> how many characters of YYYY-MM-DD they are."""


class Reasons:
    """Looks up what is written of the photos of one page."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def told(
        self, hits: Sequence[SearchHit], asked: Asked, called: Called, described: Mapping[str, float]
    ) -> tuple[SearchHit, ...]:
        """The hits with their reasons. described: the chances of photos by what a model said of them."""
        named, parts = frozenset(called.ids), _parts(asked)
        texts = [hit.id for hit in hits if parts or hit.id in named or _found(described.get(hit.id, 0.0), hit)]
        said = self._catalog.lexical.said(texts) if texts else {}
        return tuple(
            replace(hit, why=self._of(hit, asked, called, described, said.get(hit.id, {}), parts, hit.id in named))
            for hit in hits
        )

    def _of(
        self,
        hit: SearchHit,
        asked: Asked,
        called: Called,
        described: Mapping[str, float],
        said: Mapping[str, Sequence[str]],
        parts: Sequence[str],
        named: bool,
    ) -> tuple[Reason, ...]:
        wishes = called.wishes if named else ()
        lines = self._catalog.texts.of_image(hit.id) if parts or (wishes and said.get("text")) else []
        found: list[tuple[float, Reason]] = [(CERTAIN, reason) for reason in _lines(lines, parts)]
        found += [(CERTAIN, reason) for reason in _words(said, lines, wishes)]
        chance = described.get(hit.id, 0.0)
        if chance >= NOTHING and _found(chance, hit) and said.get("description"):
            telling = [wish for wish in wanted(asked) if wish.word.casefold() not in EMPTY]
            reason = _reason("description", "description", said["description"][0], None, telling)
            found = [(chance, reason), *(one for one in found if one[1].where != "description")]
        seen = hit.chance if hit.seen is None else hit.seen
        if not asked.lists and (_found(seen, hit) or not found):
            found.append((seen, Reason(hit.kind if hit.kind == "object" else "image")))
        return tuple(reason for _, reason in sorted(found, key=lambda one: -one[0]))


def _found(chance: float, hit: SearchHit) -> bool:
    return chance > 0 and chance >= SHARE * hit.chance


def _parts(asked: Asked) -> list[str]:
    """Of texts in pictures, what photos are restricted to."""
    values = [
        value for one in asked.reading.restrictions if one.key == "text" and not one.negative for value in one.values
    ]
    return [part.replace(STAR, "*") for value in values for part in value.split("*") if part.strip()]


def _lines(lines: Sequence[TextLine], parts: Sequence[str]) -> list[Reason]:
    """The lines that have one of the parts."""
    texts = [(line, _nfc(line.text)) for line in lines]
    marked = [
        (line, text, lexical.joined(span for part in parts for span in lexical.parts(text, part)))
        for line, text in texts
    ]
    return [_cut("words", "text", text, spans, line) for line, text, spans in marked if spans][:ALIKE]


def _words(said: Mapping[str, Sequence[str]], lines: Sequence[TextLine], wishes: Sequence[Wish]) -> list[Reason]:
    """For each word the texts that have it, of the kind where it weighs most."""
    missing, found = list(wishes), list[Reason]()
    for column in _COLUMNS:
        texts: list[tuple[str, TextLine | None]] = [(text, None) for text in dict.fromkeys(said.get(column, ()))]
        if column == "text":
            texts = [(line.text, line) for line in lines]
        held = [(text, line, [wish for wish in missing if _spans(column, _nfc(text), [wish])]) for text, line in texts]
        held = [one for one in held if one[2]][:ALIKE]
        found += [_reason("words", column, text, line, wishes) for text, line, _ in held]
        missing = [wish for wish in missing if not any(wish in some for _, _, some in held)]
        if not missing:
            break
    return found[:MOST]


def _reason(part: Part, column: str, text: str, line: TextLine | None, wishes: Sequence[Wish]) -> Reason:
    text = _nfc(text)
    return _cut(part, column, text, _spans(column, text, wishes), line)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _spans(column: str, text: str, wishes: Iterable[Wish]) -> list[Span]:
    """Where in a text of a column the words stand."""
    phrases = [phrase for wish in wishes for some in wish.alternatives for phrase in some]
    if column != "dates":
        return lexical.places(text, phrases)
    known = lexical.dates(text).split()
    lengths = [_DAY[len(phrase.terms[0])] for phrase in phrases if len(phrase.terms) == 1 and phrase.terms[0] in known]
    return [(0, max(lengths))] if lengths else []


def _cut(part: Part, where: str, text: str, spans: Sequence[Span], line: TextLine | None) -> Reason:
    """Of a long text what is around the first of the words."""
    box = line.box if line else None
    if len(text) <= LONGEST:
        return Reason(part, where, text, tuple(spans), box)
    start = max(0, min(spans[0][0] - BEFORE, len(text) - LONGEST)) if spans else 0
    end, before = start + LONGEST, "…" if start else ""
    moved = [(max(one, start), min(other, end)) for one, other in spans if one < end]
    told = before + text[start:end] + ("…" if end < len(text) else "")
    return Reason(part, where, told, tuple((a - start + len(before), b - start + len(before)) for a, b in moved), box)
