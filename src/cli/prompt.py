"""Asks for a line: with a history and completion in a terminal, a line of standard input anywhere else."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.utils import is_dumb_terminal

from src.errors import AppError
from src.plain_files import open_plain
from src.services.search.completing import begins_some, offers
from src.services.search.vocabulary import Vocabulary
from src.text import shown

MOST_BYTES = 256 << 10
"""Of the history: the oldest lines are dropped from a longer one."""
MENU = 6
"""Lines of the list of completions."""


def lines(question: Callable[[], str], vocabulary: Vocabulary, words: Sequence[str], kept: Path) -> Iterator[str]:
    """Each line that is typed, until the end of the input (Ctrl-D). A line that Ctrl-C cancels is none.

    A terminal that knows no escape codes gets a plain prompt.

    question: what stands before it. words: that a line may begin with. kept: file of the history.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield from (line.rstrip("\r\n") for line in sys.stdin)
        return
    ask = input if is_dumb_terminal() else _session(vocabulary, words, kept).prompt
    while True:
        try:
            yield ask(question())
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


@contextlib.contextmanager
def end_is_kept() -> Iterator[None]:
    """Ctrl-D that is typed while something is still being printed reaches the next prompt.

    Between two prompts the terminal itself puts lines together, and takes it for an end that nobody reads.
    """
    handle = sys.stdin.fileno() if sys.stdin.isatty() and not is_dumb_terminal() else -1
    before = _with_end(handle, None)
    try:
        yield
    finally:
        if before is not None:
            _with_end(handle, before)


def _with_end(handle: int, sign: bytes | None) -> bytes | None:
    """Have a terminal take this sign (None: none) for the end of the input; the one that it took before.

    None where it is no such terminal, or gone.
    """
    try:
        import termios
    except ImportError:
        return None
    try:
        modes = termios.tcgetattr(handle)
        signs = modes[6]
        before, signs[termios.VEOF] = signs[termios.VEOF], sign or bytes([os.fpathconf(handle, "PC_VDISABLE")])
        termios.tcsetattr(handle, termios.TCSANOW, modes)
    except (termios.error, OSError, ValueError):
        return None
    return bytes(before)


def _session(vocabulary: Vocabulary, words: Sequence[str], kept: Path) -> PromptSession[str]:
    def may_be_completed(before: str) -> bool:
        return begins_some(before) or bool(begun(words, before))

    session: PromptSession[str] = PromptSession(
        history=KeptHistory(kept) if kept.parent.is_dir() else InMemoryHistory(),
        auto_suggest=AutoSuggestFromHistory(),
        completer=QueryCompleter(vocabulary, words),
        complete_in_thread=True,
        # the list takes its lines from what stands above the prompt: not before there is something to complete
        complete_while_typing=Condition(lambda: may_be_completed(session.default_buffer.document.text_before_cursor)),
        reserve_space_for_menu=MENU,
        output=_output(),
    )
    return session


def begun(words: Sequence[str], before: str) -> list[str]:
    """Those of the words of which two letters or more are typed, and nothing else."""
    return [word for word in words if len(before) > 1 and word.startswith(before) and word != before]


def _output() -> Output:
    """The terminal. It is not asked where its caret is: an answer that comes late would be read as typed."""
    output = create_output()
    if hasattr(output, "enable_cpr"):
        output.enable_cpr = False
    return output


class QueryCompleter(Completer):
    """Completes queries as the page's boxes do, and what a line may begin with."""

    def __init__(self, vocabulary: Vocabulary, words: Sequence[str]) -> None:
        self._vocabulary = vocabulary
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        try:
            piece, found = offers(self._vocabulary, before)
        except AppError:  # the search will say it
            return
        for word in begun(self._words, before):
            yield Completion(word, -len(before))
        for offer in found:
            yield Completion(offer.text, -len(piece), display=offer.label, display_meta=offer.help)


class KeptHistory(History):
    """What was typed, a line each, in a file that only its owner may read; without it where it can't be written.

    A line that begins with a blank is not kept.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> Iterable[str]:
        """The latest first."""
        try:
            with open_plain(self._file) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_BYTES))
                data = file.read(MOST_BYTES)
        except OSError:
            return []
        return [shown(line) for line in reversed(data.decode("utf-8", "replace").split("\n")) if line]

    def append_string(self, string: str) -> None:
        if not string.startswith(" "):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError), open(self._file, "ab", opener=_opened_privately) as file:
            if file.tell() > 2 * MOST_BYTES:
                kept = "".join(f"{line}\n" for line in reversed(list(self.load_history_strings())))
                file.truncate(0)
                file.write(kept.encode())
            file.write(f"{shown(string)}\n".encode())


def _opened_privately(path: str, flags: int) -> int:
    """An ``opener`` for a plain file that its owner alone may read; a link is not followed. Raises OSError."""
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", path)
    return handle
