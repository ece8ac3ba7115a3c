"""Completes a query while it is typed: keys (``cam`` becomes ``camera:``) and their values (``camera:ni``).

The boxes of the pages do the same as one types, in ``src/ui/search/completions.js``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from src.schema import query_values
from src.schema.colour_words import COLOUR_WORDS
from src.schema.conditions import STAR
from src.schema.query_keys import KEYS, SORTS
from src.services.search.language import value_written
from src.services.search.vocabulary import COMPLETED, Vocabulary
from src.text import shown

VALUES: dict[str, Sequence[str]] = {
    "colour": COLOUR_WORDS,
    "flash": ("yes", "no"),
    "is": query_values.IS,
    "has": tuple(query_values.KNOWN),
    "rating": tuple(f">={stars}" for stars in range(5, 0, -1)),
    "sort": (*SORTS, *(f"-{order}" for order in SORTS[1:])),
}
"""Key -> values that are the same in every library."""
HELP = (
    *((key.name, key.help) for key in dict.fromkeys(KEYS.values())),
    ("sort", f"In that order: {', '.join(SORTS)}; with a - before it the other way round."),
)
"""What can stand before a colon, and what is said of it."""
MOST = 8
_VALUE = re.compile(r"(-?)([a-z]+):(.*)", re.IGNORECASE | re.DOTALL)
_KEY = re.compile(r"(-?)([a-z]{2,})", re.IGNORECASE)
_SIGNS = re.compile(r'\\([^\w]|_)|"')


@dataclass(frozen=True)
class Offer:
    """What the piece of a query before the caret may become."""

    text: str
    """In place of that piece."""
    label: str
    """As it may be shown."""
    help: str = ""


def offers(vocabulary: Vocabulary, before: str) -> tuple[str, list[Offer]]:
    """The piece of a query that ends at the caret, and what it may become. before: the text up to there.

    Raises LibraryError.
    """
    piece = piece_at_end(before)
    found = _VALUE.fullmatch(piece)
    if found is None:
        return piece, _keys(piece)
    minus, key, rest = found.groups()
    bars = rest.rfind("|") + 1
    typed = _SIGNS.sub(lambda sign: STAR if sign[1] == "*" else sign[1] or "", rest[bars:])
    start = f"{minus}{key}:{rest[:bars]}"
    values = _values(vocabulary, key.lower(), typed)
    return piece, [Offer(f"{start}{value_written(value)} ", shown(value.replace(STAR, "*"))) for value in values[:MOST]]


def begins_some(before: str) -> bool:
    """Whether what stands before the caret may be the beginning of a filter, without asking the library."""
    piece = piece_at_end(before)
    return ":" in piece or bool(_keys(piece))


def piece_at_end(text: str) -> str:
    """What stands behind the last space of a text that is in no quotation marks."""
    start, quoted, escaped = 0, False, False
    for at, sign in enumerate(text):
        if escaped or sign == "\\":
            escaped = not escaped
        elif sign == '"':
            quoted = not quoted
        elif sign == " " and not quoted:
            start = at + 1
    return text[start:]


def _keys(piece: str) -> list[Offer]:
    """The shortest first."""
    found = _KEY.fullmatch(piece)
    if found is None:
        return []
    minus, start = found[1], found[2].lower()
    keys = sorted(((name, help_) for name, help_ in HELP if name.startswith(start)), key=lambda one: len(one[0]))
    return [Offer(f"{minus}{name}:", f"{name}:", help_) for name, help_ in keys[:MOST]]


def _values(vocabulary: Vocabulary, key: str, typed: str) -> list[str]:
    name = KEYS[key].name if key in KEYS else key
    if name in COMPLETED:
        return vocabulary.completions(name, typed, MOST)
    wanted = typed.lower()
    fitting = [value for value in VALUES.get(name, ()) if wanted in value and value != wanted]
    return sorted(fitting, key=lambda value: not value.startswith(wanted))
