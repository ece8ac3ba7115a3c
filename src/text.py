"""Text from outside, such as names, as it may be shown, and numbers of things: on a page or in a terminal."""

from __future__ import annotations

import os
import re
import unicodedata

_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]")


def shown(text: str) -> str:
    """``text`` with U+FFFD for each character that would drive a terminal, break the line or turn round what follows.

    Those are control characters, line and paragraph separators, and the marks that embed, override or isolate a
    direction, which can make `photo.exe` look like `exe.jpg`; lone surrogates too, which can't be written as UTF-8.
    Letters of every script stay, and so do joined emoji, odd blanks and the marks that right-to-left names are typed
    with.
    """
    return _HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text)


def typed(text: str) -> str:
    """A word of the command line as typed: what Python can't read by the locale (``LC_ALL=C``) is UTF-8."""
    return os.fsencode(text).decode("utf-8", "replace")


def folded(text: str) -> str:
    """The same for texts that differ only in capitals, or in how their accents are stored."""
    return unicodedata.normalize("NFC", text).casefold()


def looked_for(text: str) -> str:
    """Text in pictures as searches compare it: whatever its case, its width (``Ａ`` as ``A``) and how many blanks."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def count(number: int, one: str, many: str = "") -> str:
    """``count(1, "photo")`` -> "1 photo", ``count(1200, "photo")`` -> "1,200 photos"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
