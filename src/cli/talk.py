"""search --interactive: one search after another, and what is done with what they find."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from src.cli import prompt, terminal
from src.cli.export import write
from src.cli.library_access import DONE
from src.cli.sheet import Sheet
from src.cli.viewer import Viewer
from src.config import terminal_says
from src.errors import AppError, BadInput
from src.processing.decoding.image_io import display_text
from src.runtime import Services
from src.schema import PhotoFilter, SearchHit, SearchPage
from src.services.exchange.exporting import Selection
from src.services.search import why
from src.services.search.service import MAX_RESULTS, Query
from src.text import count, shown

HISTORY = "search_history"
"""File in the library's data folder."""
FIRST = 200
"""Results that are looked for at once, as ``export`` does; ``more`` asks for ten times as many."""
WORDS = ("help", "more", "similar ", "why ", "in images", "in objects", "in both", "export ", "quit")
HELP = """\
WORDS             search: "a red car", camera:nikon beach, sort:date; Tab completes
NUMBER            open that picture with the system's viewer
more              show further results
similar NUMBER    what looks like that picture
why NUMBER        where that picture is, and what found it
in objects        search the objects in pictures; in images, in both
export PLACE      write the strong and likely results to a new folder or ZIP
                  (options as of the command: --format FORMAT --weak --pictures)
help, quit        Ctrl-C cancels a line, Ctrl-D ends
Such words in quotation marks are searched for. A line that begins with a blank is not kept in the history."""


def talk(arguments: argparse.Namespace, services: Services, only: PhotoFilter, first: str = "") -> int:
    """Ask until there is no more. first: what is searched for before anything is asked."""
    own = Talk(arguments, services, only)
    kept = services.settings.data_dir / HISTORY
    with prompt.end_is_kept():
        if first:
            own.heed(first)
        else:
            terminal.say("Describe what you are looking for; `help` tells what else there is.")
        for line in prompt.lines(lambda: own.question, services.vocabulary, WORDS, kept):
            if not own.heed(line):
                break
    return DONE


class Talk:
    """What was found last, and what is shown of it."""

    def __init__(self, arguments: argparse.Namespace, services: Services, only: PhotoFilter) -> None:
        self._arguments = arguments
        self._services = services
        self._only = only
        self._mode = arguments.mode
        self._sheet = Sheet(arguments.pictures, services, arguments.top_k)
        self._viewer = Viewer(terminal_says())
        self._query: Query | None = None
        self._page: SearchPage | None = None
        self._limit = FIRST
        self._shown = 0
        self._commands: tuple[tuple[str, Callable[..., None]], ...] = (
            (r"help|\?", lambda: terminal.say(HELP)),
            (r"more", self._more),
            (r"in (images|objects|both)", self._in),
            (r"(\d+)", self._open),
            (r"similar (\d+)", self._similar),
            (r"why (\d+)", self._why),
            (r"export((?: .*)?)", self._export),
        )

    @property
    def question(self) -> str:
        return "search> " if self._mode == "images" else f"search ({self._mode})> "

    def heed(self, line: str) -> bool:
        """Do what a line says; whatever is wrong with it is one sentence. False where it ends all."""
        text = " ".join(line.split())
        if text in ("quit", "exit"):
            return False
        try:
            self._do(text)
        except AppError as error:
            terminal.note(str(error))
        except KeyboardInterrupt:
            terminal.note("Stopped.")
        return True

    def _do(self, text: str) -> None:
        for pattern, command in self._commands:
            if found := re.fullmatch(pattern, text):
                command(*found.groups())
                return
        if text:
            self._search(Query(text))

    # ------------------------------------------------------------ finding

    def _search(self, query: Query) -> None:
        self._query, self._limit, self._shown = query, FIRST, 0
        page = self._look(query)
        for notice in page.notices:
            terminal.note(notice.sentence)
        if page.verdict == "match":
            self._more()
        else:
            terminal.say(terminal.verdict(page) + (" `more` shows the closest." if page.hits else ""))

    def _look(self, query: Query) -> SearchPage:
        self._page = self._services.search.search(query, self._limit, only=self._only, mode=self._mode)
        return self._page

    def _more(self) -> None:
        """The next screenful; those that do not fit come only after all that do."""
        page = self._last()
        if self._shown >= len(page.hits) >= self._limit and self._limit < MAX_RESULTS and self._query:
            self._limit = min(10 * self._limit, MAX_RESULTS)
            page = self._look(self._query)
        fitting = sum(hit.fits for hit in page.hits)
        end = fitting if self._shown < fitting else len(page.hits)
        some = page.hits[self._shown : end][: self._sheet.most]
        if not some:
            terminal.say("That is all there is.")
            return
        self._sheet.show(some, self._shown + 1)
        self._shown += len(some)
        terminal.say(self._told(page, fitting, len(some)))

    def _told(self, page: SearchPage, fitting: int, number: int) -> str:
        searched = [count(page.searched, "photo")] if page.searched else []
        searched += [count(page.objects, "object")] if page.objects else []
        least = "at least " if fitting == self._limit else ""
        fits = f"{least}{fitting:,}" if self._shown <= fitting else "those that hardly fit"
        of = f"{self._shown - number + 1:,} to {self._shown:,} of {fits}, from {' and '.join(searched)}"
        more = " `more` goes on." if self._shown < len(page.hits) or fitting == self._limit else ""
        took = f", {page.took_ms:.0f} ms" if self._shown == number else ""
        return f"{of}{took}.{more}"

    def _in(self, mode: str) -> None:
        self._mode = mode
        if self._query:
            self._search(self._query)

    def _similar(self, number: str) -> None:
        hit = self._hit(number)
        self._search(Query(like=hit.segment or hit.id))

    # ------------------------------------------------------------ what was found

    def _last(self) -> SearchPage:
        if self._page is None:
            raise BadInput("Nothing was searched for yet.", "Describe what you are looking for.")
        return self._page

    def _hit(self, number: str) -> SearchHit:
        hits = self._last().hits[: self._shown]
        if not 1 <= int(number[:9]) <= len(hits):
            raise BadInput(f"There is no result {number[:9]}.", "To search for a number, put it in quotation marks.")
        return hits[int(number) - 1]

    def _file(self, hit: SearchHit) -> Path:
        path = next(self._services.library.originals(hit.id), None)
        if path is None:
            raise AppError(f"The file of {shown(hit.name)} is gone, offline or changed.", "`sync` looks again.")
        return path

    def _open(self, number: str) -> None:
        path = self._file(self._hit(number))
        terminal.say(shown(display_text(path)))
        self._viewer.open(path)

    def _why(self, number: str) -> None:
        hit, page = self._hit(number), self._last()
        terminal.say(shown(hit.path))
        if not page.listed:
            terminal.say(f"  {hit.percent} %, {hit.band} (cosine {hit.score:.3f})")
        for reason in why.told(hit.why):
            text = "".join(piece for piece, _ in reason["pieces"])
            terminal.say(f"  {reason['label']}{': ' if text else ''}{text}")

    def _export(self, rest: str) -> None:
        """As the command, of what was found last."""
        page = self._last()
        try:
            words = shlex.split(rest)
            asked = self._arguments.parser.parse_args(["export", *words])
        except ValueError as error:
            raise BadInput(f"That can't be read ({error}).", "Put a name with blanks in quotation marks.") from error
        except SystemExit:  # said already
            return
        if asked.search is not None or asked.where:
            raise BadInput("The results are exported: --search and --where can't be asked for beside that.")
        write(asked, self._services, Selection.of(page, asked.weak), {"verdict": page.verdict})
