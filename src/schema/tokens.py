"""Tokens, by which the app knows programs and people it lets in."""

from __future__ import annotations

from dataclasses import dataclass, field


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
