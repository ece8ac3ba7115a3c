"""Tokens by which other programs, and browsers of other devices, are let in; and the sessions of such browsers.

A token is 256 random bits, shown once. Only its SHA-256 is kept: a slow hash with salt, as passwords need, would make
each request slow and add nothing, for nobody tries 2^256 tokens out. So it is with the ids of sessions. All is in one
private file of the library, which several processes may change and read, each anew as soon as it is another.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from src.errors import AppError, BadInput, LibraryBusy, LibraryUnusable
from src.files import sync_folder, write_json
from src.plain_files import JSON_BYTES, is_special, json_in, no_plain_file, open_plain
from src.secret import TOKEN_PREFIX, Secret, Token
from src.text import folded, shown

log = logging.getLogger(__name__)

SESSION_SECONDS = 30 * 86_400
MOST_TOKENS, MOST_SESSIONS = 100, 500
"""More tokens are refused; of more sessions the oldest end."""
NAME_CHARACTERS = 60
PATIENCE = 10.0
"""Seconds to wait for another process that writes the file."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Session:
    """A browser that is signed in. token: digest of the token it was signed in with. until: seconds since 1970."""

    digest: str = field(repr=False)
    token: str = field(repr=False)
    until: int


_T = TypeVar("_T", Token, Session)


@dataclass(frozen=True)
class _Kept:
    tokens: tuple[Token, ...] = ()
    sessions: tuple[Session, ...] = ()


class Tokens:
    """The tokens of one library. Every method raises LibraryUnusable where the file is there and can't be read: nobody
    is let in by it then, and it is left as it is.

    clock: seconds since 1970.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self.file = file
        self._clock = clock
        self._read: tuple[tuple[int, int, int] | None, _Kept] = (None, _Kept())
        self._noted: set[tuple[str, str]] = set()

    def all(self) -> list[Token]:
        """In the order in which they were made."""
        kept = self._kept()
        lasting = [each.token for each in kept.sessions if each.until > self._clock()]
        return [replace(token, sessions=lasting.count(token.digest)) for token in kept.tokens]

    def create(self, name: str) -> Secret:
        """A new token, whose text is nowhere but in what this gives.

        Raises BadInput for a name that is empty, long or given already, and where there are too many.
        """
        name = _checked_name(name)
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)

        def added(kept: _Kept) -> _Kept:
            if any(folded(name) == folded(each.name) for each in kept.tokens):
                raise BadInput(f"There is a token named {name} already.", "Revoke it, or choose another name.")
            if len(kept.tokens) >= MOST_TOKENS:
                raise BadInput(f"There are {MOST_TOKENS} tokens already.", "Revoke those that are not used.")
            return replace(kept, tokens=(*kept.tokens, Token(name, self._today(), None, _digest(text))))

        self._change(added)
        return Secret(text)

    def revoke(self, name: str) -> Token:
        """Nobody is let in by it any more, from now on, nor by a session that was signed in with it. Raises BadInput
        where there is none of that name.
        """
        token = next((each for each in self.all() if each.name == name), None)
        if token is None:
            raise BadInput(f"There is no token named {shown(name)}.", "`tokens` lists those that there are.")
        self._change(lambda kept: _Kept(
            tuple(each for each in kept.tokens if each.digest != token.digest),
            tuple(each for each in kept.sessions if each.token != token.digest),
        ))  # fmt: skip
        return token

    def holder(self, text: str) -> Token | None:
        """The token with this text. A wrong one costs what a right one does: it is compared with all, to the end."""
        return _matching(self._kept().tokens, text)

    def sign_in(self, text: str) -> Secret | None:
        """The id of a new session, for a browser to keep, where the text is a token's; else None."""
        token = self.holder(text)
        if token is None:
            return None
        session = secrets.token_urlsafe(32)
        new = Session(_digest(session), token.digest, int(self._clock()) + SESSION_SECONDS)
        self._change(lambda kept: replace(kept, sessions=(*kept.sessions, new)))
        return Secret(session)

    def signed_in(self, session: str) -> Token | None:
        """The token that the session with this id was signed in with; None where it ended or there is none."""
        kept = self._kept()
        found = _matching(kept.sessions, session)
        if found is None or found.until <= self._clock():
            return None
        return next((token for token in kept.tokens if token.digest == found.token), None)

    def sign_out(self, session: str) -> None:
        """End the session with this id, where there is one."""
        digest = _digest(session)
        self._change(lambda kept: replace(kept, sessions=tuple(s for s in kept.sessions if s.digest != digest)))

    def is_used_anew(self, token: Token) -> bool:
        """Whether ``note_use`` has something to write: once a day."""
        return token.last_used != self._today() and (token.digest, self._today()) not in self._noted

    def note_use(self, token: Token) -> None:
        """Keep that the token was used today. It is used all the same where that can't be written."""
        day = self._today()
        self._noted.add((token.digest, day))

        def used(kept: _Kept) -> _Kept:
            same = (replace(each, last_used=day) if each.digest == token.digest else each for each in kept.tokens)
            return replace(kept, tokens=tuple(same))

        try:
            self._change(used)
        except AppError as error:
            log.warning("the use of a token could not be noted: %s", error)

    def _today(self) -> str:
        return date.fromtimestamp(self._clock()).isoformat()

    # ---------------------------------------------------------------- the file

    def _kept(self) -> _Kept:
        """What the file has now: read again only where it is another than last time."""
        try:
            told = self.file.stat()
        except FileNotFoundError:
            return _Kept()
        except OSError as error:
            raise self._unreadable() from error
        mark = (told.st_ino, told.st_mtime_ns, told.st_size)
        if self._read[0] != mark:
            self._read = (mark, self._from_file())
        return self._read[1]

    def _from_file(self) -> _Kept:
        try:
            with open_plain(self.file) as file:
                data = file.read(JSON_BYTES + 1)
        except FileNotFoundError:
            return _Kept()
        except OSError as error:
            raise self._unreadable() from error
        kept = _understood(json_in(data)) if len(data) <= JSON_BYTES else None
        if kept is None:
            raise self._unreadable()
        return kept

    def _change(self, change: Callable[[_Kept], _Kept]) -> None:
        """Read, change and write as one step among all processes. Raises LibraryBusy, LibraryUnusable."""
        with self._alone():
            kept = change(self._from_file())
            lasting = [each for each in kept.sessions if each.until > self._clock()][-MOST_SESSIONS:]
            tokens = [
                {name: value for name, value in asdict(each).items() if name != "sessions"} for each in kept.tokens
            ]
            try:
                write_json(self.file, {"tokens": tokens, "sessions": [asdict(each) for each in lasting]}, private=True)
                sync_folder(self.file.parent)
            except OSError as error:
                raise self._unwritable(error) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = self.file.with_suffix(".lock")
        if is_special(lock):
            raise no_plain_file(lock)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            held = FileLock(lock).acquire(timeout=PATIENCE, poll_interval=0.02)
        except Timeout as error:
            raise LibraryBusy("Another process is writing the file of tokens.", "Try again in a moment.") from error
        except OSError as error:
            raise self._unwritable(error) from error
        with held:
            yield

    def _unreadable(self) -> LibraryUnusable:
        return LibraryUnusable(
            f"The file of tokens, {self.file}, can't be read.",
            "It was left as it is, and no token is taken; move it away, then make new tokens.",
        )

    def _unwritable(self, error: OSError) -> LibraryUnusable:
        return LibraryUnusable(
            f"The file of tokens, {self.file}, can't be written ({error.strerror or error}).",
            "Check the folder's permissions and the disk's free space.",
        )


def _matching(known: Iterable[_T], text: str) -> _T | None:
    """The one whose text this is, after all were compared, each in the same time whatever it has."""
    given, found = _digest(text), None
    for each in known:
        if hmac.compare_digest(each.digest, given):
            found = each
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_CHARACTERS or shown(name) != name:
        raise BadInput(
            f"A token needs a name of 1 to {NAME_CHARACTERS} characters.", "For example, the program that will use it."
        )
    return name


def _understood(said: Any) -> _Kept | None:
    """What a file says; None where it is nothing that this program writes."""
    try:
        tokens = tuple(Token(t["name"], t["created"], t["last_used"], t["digest"]) for t in said["tokens"])
        sessions = tuple(Session(s["digest"], s["token"], s["until"]) for s in said["sessions"])
    except (TypeError, KeyError):
        return None
    texts = [text for t in tokens for text in (t.name, t.created, t.last_used or "", t.digest)]
    digests = [t.digest for t in tokens] + [d for s in sessions for d in (s.digest, s.token)]
    if not all(isinstance(text, str) for text in (*texts, *digests)) or not all(map(_DIGEST.fullmatch, digests)):
        return None
    return _Kept(tokens, sessions) if all(type(s.until) is int for s in sessions) else None
