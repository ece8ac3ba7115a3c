"""Pictures in, pictures found: index, sync, search."""

from __future__ import annotations

import argparse
import codecs
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from src import wire
from src.cli import listing, terminal, texts
from src.cli.library_access import DONE, FAILED, do_job, reading, say_what_is_unheeded
from src.errors import BadInput, BadQuery, UnreadableImage, UnreadablePath
from src.models.looking import BUILTIN_VISUAL
from src.plain_files import opened_at_once
from src.processing.decoding.image_io import display_text
from src.processing.discovery import parse_path
from src.runtime import Services
from src.schema import PhotoFilter, SearchPage
from src.schema.conditions import parse_condition
from src.services.jobs.kinds import Index, Sync
from src.services.library.places import nearest
from src.services.search.service import Query
from src.text import shown, typed

QUERIES_BYTES = 16 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def index(arguments: argparse.Namespace) -> int:
    """index PATH...; with --text the words in what is there are read, too."""
    paths = [str(parse_path(text)) for text in arguments.paths]
    report = do_job(arguments, "Indexing (command line)", Index(tuple(paths), model=arguments.model))
    return _reported(arguments, report, paths if arguments.text else [])


def sync(arguments: argparse.Namespace) -> int:
    """sync [FOLDER...]: those folders, or all that the library follows.

    Raises BadInput for one that is in none of them.
    """
    paths = [parse_path(text) for text in arguments.folders]
    if paths:
        with reading(arguments) as services:
            followed = services.folders.paths()
            known = [services.folders.known_as(path) for path in paths]
        strange = next((path for path in known if nearest(path, followed) is None), None)
        if strange:
            raise BadInput(f"The library does not follow {display_text(strange)}.", "To add a folder, index it.")
    asked = Sync(tuple(map(str, paths)))
    return _reported(arguments, do_job(arguments, "Looking at the folders again (command line)", asked))


def _reported(arguments: argparse.Namespace, report: terminal.Report, to_read: Sequence[str] = ()) -> int:
    """The report is printed also where a path could not be read; the exit code is then 1.

    to_read: paths whose text is read too.
    """
    if not arguments.json:
        report.show()
    read = texts.of_photos(arguments, to_read) if to_read else None
    if arguments.json:
        terminal.print_json(report.as_json() | ({} if read is None else {"text": read}))
    elif read:
        texts.show_read(read)
    if report.problem:
        terminal.note(str(report.problem))
    return FAILED if report.problem else DONE


def search(arguments: argparse.Namespace) -> int:
    """search [TEXT] [--image FILE], search --queries FILE or search --interactive [TEXT]."""
    text = typed(" ".join(arguments.text))
    if arguments.queries is not None:
        if text or arguments.image or arguments.interactive:
            arguments.wrong_usage("--queries stands alone: give no TEXT, --image or --interactive beside it")
        return _search_file(arguments)
    if arguments.interactive:
        return _talk(arguments, text)
    if not text and not arguments.image:
        arguments.wrong_usage("say what to look for: TEXT, --image FILE, or both")
    with reading(arguments) as services:
        say_what_is_unheeded(services)
        space = _space(arguments)
        query = _example(arguments.image, text, services, space) if arguments.image else Query(text)
        page = services.search.search(
            query, arguments.top_k, only=filter_of(arguments, services), mode=arguments.mode, space=space
        )
        if arguments.image and not text:
            page = replace(page, query=str(arguments.image))
        return _told(arguments, services, [page], lambda: wire.search_page(page))


def _talk(arguments: argparse.Namespace, text: str) -> int:
    from src.cli import talk

    if arguments.image or listing.asked(arguments):
        arguments.wrong_usage("--interactive stands alone: give no --image, --json, --format or -0 beside it")
    with reading(arguments) as services:
        say_what_is_unheeded(services)
        return talk.talk(arguments, services, filter_of(arguments, services), text)


def _told(
    arguments: argparse.Namespace, services: Services, pages: Sequence[SearchPage], whole: Callable[[], Any]
) -> int:
    """Print what was found as it was asked for.

    Lines have no room for a verdict: only what fits has one, and where nothing does the exit code says so. whole: what
    --json prints.
    """
    form = listing.asked(arguments)
    for page in pages:
        if form:
            terminal.notes(page)
        else:
            _show(arguments, page)
    if form == "json":
        terminal.print_json(whole())
    if form in ("", "json"):
        return DONE
    for page in pages:
        if page.verdict != "match":
            terminal.note(terminal.verdict(page))
    rows = [row for page in pages for row in _rows(page, tell_query=arguments.queries is not None)]
    fitting = (hit.id for page in pages for hit in page.hits if hit.fits)
    lines = listing.put(arguments, rows, lambda: listing.paths_of_photos(services, fitting))
    return DONE if lines else listing.NOTHING


def _rows(page: SearchPage, tell_query: bool) -> list[dict[str, Any]]:
    """The results that fit, as --json has them."""
    told = wire.search_page(page)
    query = {"query": told["query"]} if tell_query else {}
    return [query | row for row, hit in zip(told["results"], page.hits, strict=True) if hit.fits]


def _show(arguments: argparse.Namespace, page: SearchPage) -> None:
    if arguments.queries is not None:
        terminal.say(f"\n{shown(page.query)}")
    terminal.show_page(page)


def _search_file(arguments: argparse.Namespace) -> int:
    queries = [Query(line) for line in _lines(arguments.queries) if line.strip()]
    if not queries:
        raise BadQuery(f"There is no query in {arguments.queries}.", "Write one a line.")
    with reading(arguments) as services:
        say_what_is_unheeded(services)
        pages = services.search.search_many(
            queries, arguments.top_k, only=filter_of(arguments, services), mode=arguments.mode
        )
        return _told(arguments, services, pages, lambda: [wire.search_page(page) for page in pages])


def _lines(name: str) -> list[str]:
    """The lines of a text file, in UTF-8 or what its byte order mark says. Raises UnreadablePath."""
    try:
        with open(Path(name).expanduser(), "rb", opener=opened_at_once) as file:
            os.set_blocking(file.fileno(), True)
            data = file.read(QUERIES_BYTES + 1)
        text = data.decode(next((code for mark, code in _MARKS if data.startswith(mark)), "utf-8"))
        reason = (
            "it is larger than a list of queries"
            if len(data) > QUERIES_BYTES
            else "it is no text"
            if "\0" in text
            else ""
        )
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is no text in UTF-8"
    if reason:
        raise UnreadablePath(
            f"The queries in {name} can't be read ({reason}).", "Save them as plain text in UTF-8, one a line."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def filter_of(arguments: argparse.Namespace, services: Services) -> PhotoFilter:
    """What --folder, --since, --until and --where ask of photos."""
    folder = str(services.folders.place(parse_path(arguments.folder))) if arguments.folder is not None else None
    return PhotoFilter(folder, arguments.since, arguments.until, tuple(map(parse_condition, arguments.where)))


def _space(arguments: argparse.Namespace) -> str:
    """Name of the space to search in; empty for the model's."""
    space: str = BUILTIN_VISUAL if arguments.looks_like else arguments.in_space or ""
    if space and not arguments.image:
        arguments.wrong_usage("--looks-like and --in-space compare a picture: give --image FILE")
    return space


def _example(path: Path, text: str, services: Services, space: str) -> Query:
    try:
        return services.search.example(parse_path(str(path)), text, space=space)
    except OSError as error:
        raise UnreadableImage(f"The picture {path} can't be read ({error.strerror or error}).") from error
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error.user_message}", error.hint) from error
