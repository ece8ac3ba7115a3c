"""What a person typed, read: words that mean something, what is not wanted, and restrictions such as ``camera:nikon``.

Every text can be read. Whatever is no restriction is words; where somebody may have meant one, a note says so.
``written`` gives the text that reads the same again, for the address and for the chips of the page.

    words                  mean something, in any language that the model knows
    "two words"            belong together: file names, titles and keywords that have them come first
    -word  -"two words"    not that
    word^2                 counts for twice as much
    key:value  -key:value  only (or no) photos of which that is known; ``schema.query_keys`` has the keys
    key:a|b                either; key:"a b" a value with a space; key:a* anything that begins so, key:a\\* a star
    similar:ID             like that photo of the library
    sort:date              in that order, sort:-date the other way round
    \\                      before a sign: it means nothing special; before a letter it is itself, as in C:\\photos
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from src.errors import BadInput
from src.schema.conditions import STAR, Condition
from src.schema.query_keys import DIRECTIVES, KEYS, SORTS, condition, nearest_key

MAX_CHARACTERS = 2_000
MOST_WEIGHT = 10.0
MOST_VALUES = 100
"""Of all restrictions together; the database takes no question of any length."""
_FOLDED = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "：": ":", "\u00a0": " "})
_KEY = re.compile(r"[^\W\d_][\w-]*", re.UNICODE)
_WEIGHT = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")
_SPECIAL = re.compile(r'[\\"^]')
_IN_QUOTES = re.compile(r'[\\"]')
_NEEDS_QUOTES = re.compile(r'[\s\\"|]')


@dataclass(frozen=True)
class Term:
    """Something that the photos are to show, or not to show."""

    text: str
    weight: float = 1.0
    """How much it counts, above 0 and at most 10."""
    negative: bool = False
    phrase: bool = False
    """It was in quotation marks."""


@dataclass(frozen=True)
class Restriction:
    """What has to be known of a photo: one of the values, or none of them."""

    key: str
    values: tuple[str, ...]
    negative: bool = False

    @property
    def condition(self) -> Condition:
        return condition(self.key, self.values, self.negative)


@dataclass(frozen=True)
class Like:
    """A photo or an object of the library that the photos are to look like, or not."""

    id: str
    negative: bool = False


@dataclass(frozen=True)
class Reading:
    """What was understood of a text."""

    terms: tuple[Term, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    similar: tuple[Like, ...] = ()
    sort: str = ""
    """A name in ``SORTS``, with a ``-`` before it for the other way round; empty for the best first."""
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def words(self) -> str:
        """All that is wanted, as one text for a model; what has a weight of its own is not in it."""
        return " ".join(term.text for term in self.terms if not term.negative and term.weight == 1)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that has to be known of a photo.

        Of several restrictions by a key such as ``camera``, one must hold; a photo has no two cameras.
        """
        united: dict[Restriction | str, Restriction] = {}
        for one in self.restrictions:
            place = one.key if KEYS[one.key].either and not one.negative else one
            before = united.get(place)
            united[place] = replace(before, values=before.values + one.values) if before else one
        return tuple(one.condition for one in united.values())


Parts = Sequence[tuple[str, str]]
"""Characters, each with what it is: "quoted", "escaped", or "" for one that may mean something."""


@dataclass(frozen=True)
class _Token:
    """A piece of the text between spaces, without the ``-`` before it."""

    parts: Parts
    negative: bool


def parse(text: str) -> Reading:
    """Read any text; what is beyond 2,000 characters is not looked at. Never raises."""
    reader = _Reader()
    if len(text) > MAX_CHARACTERS:
        reader.note(f"The text has {len(text):,} characters; only the first {MAX_CHARACTERS:,} were read.")
    for token in _tokens(cleaned(text)):
        reader.take(token)
    return reader.reading()


def written(reading: Reading) -> str:
    """The usual text for a reading, which ``parse`` reads as the same again where it is not too long."""
    pieces = [_term_written(term) for term in reading.terms]
    pieces += [
        f"{'-' * restriction.negative}{restriction.key}:{'|'.join(map(value_written, restriction.values))}"
        for restriction in reading.restrictions
    ]
    pieces += [f"{'-' * like.negative}similar:{value_written(like.id)}" for like in reading.similar]
    return " ".join([*pieces, *([f"sort:{reading.sort}"] if reading.sort else [])])


# ---------------------------------------------------------------- reading


def cleaned(text: str) -> str:
    """Composed characters, plain quotation marks and colons, no control characters and no halves of surrogate pairs."""
    known = text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    composed = unicodedata.normalize("NFC", known.translate(_FOLDED))
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else c for c in composed)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        negative = text[at] == "-" and at + 1 < len(text) and (text[at + 1].isalnum() or text[at + 1] in '"\\')
        parts, at = _parts(text, at + negative)
        yield _Token(parts, negative)


def _parts(text: str, at: int) -> tuple[Parts, int]:
    """The token that begins there, and where it ends. A quotation mark that is never closed is closed by the end."""
    parts: list[tuple[str, str]] = []
    inside = False
    while at < len(text) and (inside or text[at] != " "):
        character = text[at]
        if character == "\\" and at + 1 < len(text) and not text[at + 1].isalnum():
            at += 1
            parts.append((STAR if text[at] == "*" else text[at], "quoted" if inside else "escaped"))
        elif character == '"':
            inside = not inside
        else:
            parts.append((character, "quoted" if inside else ""))
        at += 1
    return parts, at


class _Reader:
    """Puts tokens together to what they say."""

    def __init__(self) -> None:
        self._terms: list[Term] = []
        self._restrictions: dict[Restriction, None] = {}
        self._similar: dict[Like, None] = {}
        self._sort = ""
        self._notes: dict[str, None] = {}

    def reading(self) -> Reading:
        restrictions, similar = tuple(self._restrictions), tuple(self._similar)
        return Reading(tuple(self._terms), restrictions, similar, self._sort, tuple(self._notes))

    def note(self, sentence: str) -> None:
        self._notes[sentence] = None

    def take(self, token: _Token) -> None:
        key, rest = _key_of(token.parts)
        if not key:
            self._add(token)
        elif key == "sort":
            self._order(token, _text(rest))
        elif key == "similar":
            self._similar[Like(_text(rest), token.negative)] = None
        elif key in KEYS:
            self._restrict(token, Restriction(KEYS[key].name, _alternatives(rest), token.negative))
        else:
            self._note_unknown(key, rest)
            self._add(token)

    def _order(self, token: _Token, asked: str) -> None:
        wanted = asked.lower()
        if wanted.removeprefix("-") in SORTS and not token.negative:
            self._sort = "" if wanted.endswith("relevance") else wanted
        else:
            self.note(f"“{'-' * token.negative}sort:{asked}” is no order; the orders are {', '.join(SORTS)}.")
            self._add(token)

    def _restrict(self, token: _Token, restriction: Restriction) -> None:
        known = {**self._restrictions, restriction: None}
        try:
            if sum(len(one.values) for one in known) > MOST_VALUES:
                raise BadInput(f"Only the first {MOST_VALUES} values of filters count, the others were read as words.")
            condition(restriction.key, restriction.values, restriction.negative)
        except BadInput as error:
            self.note(error.user_message)
            self._add(token)
        else:
            self._restrictions = known

    def _note_unknown(self, key: str, rest: Parts) -> None:
        if _seems_key(key, rest[0][0]):
            near = nearest_key(key)
            said = f"; did you mean “{near}:”?" if near else "."
            self.note(f"“{key}:” is no filter and was read as a word{said}")

    def _add(self, token: _Token) -> None:
        parts, weight = _without_weight(token.parts)
        text = _text(parts)
        if not text:
            return
        apart = token.negative or weight != 1
        phrase = all(mark == "quoted" for _, mark in parts) or (apart and " " in text)
        last = self._terms[-1] if self._terms else None
        if last and not (apart or phrase) and last == Term(last.text):
            self._terms[-1] = Term(f"{last.text} {text}")
        else:
            self._terms.append(Term(text, weight, token.negative, phrase))


def _text(parts: Parts) -> str:
    """Composed once more: an accent may have stood apart from its letter, in quotation marks."""
    text = "".join(character for character, _ in parts).replace(STAR, "*")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _value(parts: Parts) -> str:
    """As it was written, blanks included: a folder may have two in its name. A star that is one is ``STAR``."""
    return unicodedata.normalize("NFC", "".join(character for character, _ in parts))


def _key_of(parts: Parts) -> tuple[str, Parts]:
    """The key before a colon, in lower case, and what follows it; empty where there is none, or nothing follows."""
    place = next((number for number, part in enumerate(parts) if part == (":", "")), -1)
    key = "".join(character for character, mark in parts[: max(place, 0)] if not mark)
    if len(key) < place or not _KEY.fullmatch(key) or not _text(parts[place + 1 :]):
        return "", ()
    return key.lower(), parts[place + 1 :]


def _seems_key(key: str, rest: str) -> bool:
    """Whether a key that is none is told of; else it is a drive, or what begins an address."""
    return len(key) > 1 and not rest.startswith("/")


def _alternatives(parts: Parts) -> tuple[str, ...]:
    """The values between the bars."""
    values: list[list[tuple[str, str]]] = [[]]
    for part in parts:
        if part == ("|", ""):
            values.append([])
        else:
            values[-1].append(part)
    return tuple(dict.fromkeys(text for text in map(_value, values) if text.strip()))


def _without_weight(parts: Parts) -> tuple[Parts, float]:
    """What stands before ``^2``, and the number; 1 where there is none that makes sense."""
    place = max((number for number, part in enumerate(parts) if part == ("^", "")), default=0)
    digits = "".join(character for character, mark in parts[place + 1 :] if not mark)
    plain = len(digits) == len(parts) - place - 1 and _WEIGHT.fullmatch(digits)
    weight = float(digits) if place and plain else 0.0
    return (parts[:place], weight) if 0 < weight <= MOST_WEIGHT else (parts, 1.0)


# ---------------------------------------------------------------- writing


def _term_written(term: Term) -> str:
    if term.phrase:
        text = f'"{_escaped(term.text, _IN_QUOTES)}"'
    else:
        text = " ".join(_word_written(word) for word in term.text.split())
        if term.negative and not text[0].isalnum() and text[0] != "\\":
            text = f"\\{text}"
    return f"{'-' * term.negative}{text}{f'^{term.weight:g}' * (term.weight != 1)}"


def _word_written(word: str) -> str:
    """With a backslash wherever it would mean something, or would be told to mean nothing."""
    key, _, rest = word.partition(":")
    text = _escaped(word, _SPECIAL)
    known = key.lower() in (*KEYS, *DIRECTIVES)
    if rest and (known or (_KEY.fullmatch(key) and _seems_key(key, rest))):
        text = text.replace(":", "\\:", 1)
    return f"\\{text}" if text.startswith("-") else text


def value_written(value: str) -> str:
    """A value as it stands behind a colon, with quotation marks where it needs them; a star in it is ``STAR``."""
    text = f'"{_escaped(value, _IN_QUOTES)}"' if _NEEDS_QUOTES.search(value) else value
    return text.replace(STAR, "\\*")


def _escaped(text: str, special: re.Pattern[str]) -> str:
    return special.sub(r"\\\g<0>", text)
