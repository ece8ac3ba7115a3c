"""A text that nobody is to read by accident: a key to somebody's account; and what is kept of the app's own keys.

Imported before the app answers: nothing large is, in its turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PIECE = 6
"""So many characters in a row of a secret are as good as told."""

TOKEN_PREFIX = "mfe_"
_TOKEN = re.compile(rf"{TOKEN_PREFIX}[A-Za-z0-9_-]{{20,}}")


def tells_token(text: str) -> bool:
    """Whether there is something in a text that looks like one of the app's tokens."""
    return _TOKEN.search(text) is not None


def without_tokens(text: str) -> str:
    """The text with stars in the place of all that looks like one of the app's tokens."""
    return _TOKEN.sub(f"{TOKEN_PREFIX}***", text)


class Secret:
    """A text that is shown only to who asks for it by name: not where it is printed, logged or formatted."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def is_told_by(self, text: str) -> bool:
        """Whether a text holds the secret, or enough of it to be a help."""
        size = min(_PIECE, len(self._text))
        pieces = (self._text[at : at + size] for at in range(len(self._text) - size + 1))
        return bool(self._text) and any(piece in text for piece in pieces)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True)
class Token:
    """What is kept of a token: never its text.

    created, last_used: days (YYYY-MM-DD); None: not used yet. digest: SHA-256 of its text, 64 hexadecimal digits.
    sessions: browsers that are signed in with it now.
    """

    name: str
    created: str
    last_used: str | None
    digest: str = field(repr=False)
    sessions: int = 0
