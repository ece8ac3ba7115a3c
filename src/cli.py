"""The command line: python -m src.cli index | search | stats | clear | models.

Only this module and terminal.py print. Other imports than the standard library's are made by the commands, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from src.errors import AppError, BadInput, BadQuery, LibraryBusy, UnknownModel, UnreadableImage, UnreadablePath

if TYPE_CHECKING:
    from rich.console import Console

    from src.bootstrap import Services
    from src.config import Settings
    from src.schema import JobSnapshot
    from src.terminal import Report

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed (one line on standard error), 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except AppError as error:
        return _fail(arguments, error)
    except KeyboardInterrupt:
        print("Stopped. What was done so far is kept.", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


# ---------------------------------------------------------------- commands


def run_index(arguments: argparse.Namespace) -> int:
    """index PATH...: the report is printed also where a PATH could not be read; the exit code is then 1."""
    from src import terminal
    from src.processing.discovery import parse_path

    paths = [parse_path(text) for text in arguments.paths]
    params: dict[str, Any] = {"paths": [str(path) for path in paths], "model": arguments.model}
    problem: AppError | None = None
    report = terminal.Report()
    try:
        with _opened(arguments) as services:
            report.follow(services.handlers["index"](params), _console(arguments))
    except LibraryBusy as busy:
        problem = _through_the_app(arguments, report, params, busy)
    except UnreadablePath as error:
        problem = error
    terminal.print_json(report.as_json()) if arguments.json else report.show()
    if problem:
        print(problem, file=sys.stderr)
    return FAILED if problem else DONE


def run_search(arguments: argparse.Namespace) -> int:
    """search [TEXT] [--image FILE] or search --queries FILE."""
    from src import terminal
    from src.services.search import Query

    text = " ".join(arguments.text)
    if arguments.queries is not None:
        if text or arguments.image:
            _parser().error("--queries stands alone: give no TEXT and no --image beside it")
        return _search_file(arguments)
    if not text and not arguments.image:
        _parser().error("say what to look for: TEXT, --image FILE, or both")
    with _reading(arguments) as services:
        image = _read_picture(arguments.image, services) if arguments.image else None
        page = services.search.search(Query(text, image), arguments.top_k)
    if arguments.image and not text:
        page = replace(page, query=str(arguments.image))
    terminal.print_json(terminal.page_as_json(page)) if arguments.json else terminal.show_page(page)
    return DONE


def run_stats(arguments: argparse.Namespace) -> int:
    from src import terminal

    with _reading(arguments) as services:
        stats = services.library.stats()
    fields = ("images", "files", "segments", "model", "dimensions", "bytes")
    if arguments.json:
        terminal.print_json({name: getattr(stats, name) for name in fields})
    else:
        values = [getattr(stats, name) for name in fields]
        terminal.show_table(["", ""], [[n, f"{v:,}" if isinstance(v, int) else v] for n, v in zip(fields, values, strict=True)])
    return DONE


def run_clear(arguments: argparse.Namespace) -> int:
    """clear --yes: forgets rows, index, thumbnails and stored uploads."""
    from src import terminal

    if not arguments.yes:
        _parser().error("clear forgets every image of the library (your own photo files stay): say --yes to do it")
    try:
        with _opened(arguments) as services:
            cleared = services.library.stats().images
            for _ in services.handlers["clear"]({}):
                pass
    except LibraryBusy as busy:
        with _reading(arguments) as services:
            cleared = services.library.stats().images
            _follow_job(services, busy, "clear", "Clearing the library", None)
    if arguments.json:
        terminal.print_json({"cleared": cleared})
    else:
        print(f"{cleared:,} images forgotten. Your own photo files were not touched.")
    return DONE


def run_models(arguments: argparse.Namespace) -> int:
    """models: lists them; --get ID downloads and verifies one; --use ID makes it the library's, after re-indexing."""
    from src import terminal

    if arguments.get:
        _download(arguments, arguments.get)
    if arguments.use:
        with _opened(arguments) as services:
            terminal.Report().follow(services.handlers["reindex"]({"model": arguments.use}), _console(arguments))
    with _reading(arguments) as services:
        statuses = services.library.model_statuses()
    if arguments.json:
        terminal.print_json([asdict(status) for status in statuses])
        return DONE
    rows = [[s.id, s.dimensions, "yes" if s.available else "no", "*" if s.active else "", s.title] for s in statuses]
    terminal.show_table(["id", "dimensions", "here", "in use", ""], rows)
    return DONE


# ---------------------------------------------------------------- the library


@contextlib.contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[Services]:
    """The library as its owner. Raises LibraryBusy where an app or another command has it."""
    from src.bootstrap import build_services

    services = build_services(_settings(arguments))
    try:
        yield services
    finally:
        services.close()


@contextlib.contextmanager
def _reading(arguments: argparse.Namespace) -> Iterator[Services]:
    """The library for reading, also beside a running app."""
    from src.bootstrap import build_services

    services = build_services(_settings(arguments), read_only=True)
    try:
        yield services
    finally:
        services.vectors.close()


def _settings(arguments: argparse.Namespace) -> Settings:
    from src.config import Settings
    from src.models.registry import spec

    settings = Settings.from_env()
    if arguments.library is not None:
        settings = settings.at(arguments.library)
    if arguments.model is not None:
        settings = replace(settings, model=spec(arguments.model).id)
    return settings


def _through_the_app(arguments: argparse.Namespace, report: Report, params: dict[str, Any], busy: LibraryBusy) -> AppError | None:
    """Hand an index job to the app that owns the library and follow it."""
    with _reading(arguments) as services:
        snapshot = _follow_job(services, busy, "index", "Indexing (command line)", report, **params)
    return AppError(snapshot.error) if snapshot.error else None


def _follow_job(services: Services, busy: LibraryBusy, kind: Any, title: str, report: Report | None, **params: Any) -> JobSnapshot:
    """Queue a job for the running app and wait for its end. Raises ``busy`` where no app has the library: nothing else takes jobs."""
    from src.services.jobs import stored_snapshot, submit_job

    if not services.vectors.app_is_running():
        raise busy
    print("The library is open in the app, which does the work now.", file=sys.stderr)
    job_id = submit_job(services.catalog, kind, title, **params)
    try:
        while True:
            snapshot = stored_snapshot(services.catalog, job_id)
            if snapshot is None:
                raise LibraryBusy("The job disappeared from the library.")
            if report:
                report.snapshot = snapshot
            if snapshot.finished:
                return snapshot
            if not services.vectors.app_is_running():
                raise LibraryBusy("The app ended before the job was done.", "It goes on when the app is started again.")
            time.sleep(0.3)
    except KeyboardInterrupt:
        services.catalog.jobs.update(job_id, cancel=True)
        raise


def _download(arguments: argparse.Namespace, model: str) -> None:
    from src import terminal
    from src.models.model_manager import ModelManager

    terminal.Report().follow(ModelManager(settings=_settings(arguments)).download(model), _console(arguments))


# ---------------------------------------------------------------- searching


def _search_file(arguments: argparse.Namespace) -> int:
    from src import terminal
    from src.services.search import Query

    try:
        lines = Path(arguments.queries).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UnreadablePath(f"The queries in {arguments.queries} can't be read ({reason}).") from error
    queries = [Query(line) for line in lines if line.strip()]
    if not queries:
        raise BadQuery(f"There is no query in {arguments.queries}.", "Write one a line.")
    with _reading(arguments) as services:
        pages = services.search.search_many(queries, arguments.top_k)
    if arguments.json:
        terminal.print_json([terminal.page_as_json(page) for page in pages])
    else:
        for page in pages:
            print(f"\n{page.query}")
            terminal.show_page(page)
    return DONE


def _read_picture(path: Path, services: Services) -> Any:
    try:
        with path.expanduser().open("rb") as file:
            return services.search.open_picture(file)
    except OSError as error:
        raise UnreadableImage(f"The picture {path} can't be read ({error.strerror or error}).") from error
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error.user_message}", error.hint) from error


def _console(arguments: argparse.Namespace) -> Console:
    """Progress goes to standard error, so that standard output stays one JSON value or one table."""
    from rich.console import Console

    return Console(stderr=True, quiet=arguments.json and not sys.stderr.isatty())


def _fail(arguments: argparse.Namespace, error: AppError) -> int:
    from src import terminal

    if arguments.json:
        terminal.print_json({"error": error.user_message, "hint": error.hint})
    print(" ".join(str(error).split()), file=sys.stderr)
    return WRONG_USAGE if isinstance(error, BadQuery | BadInput | UnknownModel) else FAILED


# ---------------------------------------------------------------- arguments


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line and where to read more; exit code 2."""
        self.exit(WRONG_USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _common(**defaults: Any) -> _Parser:
    """Options that are accepted before and after the subcommand; only before it do they have defaults."""
    common = _Parser(add_help=False)

    def add(name: str, **how: Any) -> None:
        common.add_argument(f"--{name}", default=defaults.get(name, argparse.SUPPRESS), **how)

    add("library", metavar="DIR", type=Path, help="folder that holds data/ and chroma_db/")
    add("model", metavar="ID", help="model to use: builtin, ViT-B/32, ... (see models)")
    add("json", action="store_true", help="print one JSON value to standard output")
    return common


def _parser() -> argparse.ArgumentParser:
    top = _common(library=None, model=None, json=False)
    parser = _Parser(prog="python -m src.cli", description="Find photos on this computer by describing them.", parents=[top])
    common = _common()
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    index = commands.add_parser("index", parents=[common], help="add pictures and folders of pictures")
    index.add_argument("paths", nargs="+", metavar="PATH", help="a picture or a folder (searched with its sub-folders)")
    index.set_defaults(run=run_index)

    search = commands.add_parser("search", parents=[common], help="find pictures by words, by an example picture, or by both")
    search.add_argument("text", nargs="*", metavar="TEXT", help="what you are looking for")
    search.add_argument("--image", metavar="FILE", type=Path, help="a picture that the results should look like")
    search.add_argument("--top-k", metavar="N", type=int, default=20, help="number of results (20)")
    search.add_argument("--queries", metavar="FILE", help="one text query a line; searches them all at once")
    search.set_defaults(run=run_search)

    stats = commands.add_parser("stats", parents=[common], help="show what is in the library")
    stats.set_defaults(run=run_stats)

    clear = commands.add_parser("clear", parents=[common], help="forget every image (your own photo files stay)")
    clear.add_argument("--yes", action="store_true", help="really do it")
    clear.set_defaults(run=run_clear)

    models = commands.add_parser("models", parents=[common], help="list the models; download or switch to one")
    models.add_argument("--get", metavar="ID", help="download and verify a model's weights")
    models.add_argument("--use", metavar="ID", help="re-index the library with a model and make it the library's own")
    models.set_defaults(run=run_models)
    return parser


if __name__ == "__main__":
    sys.exit(main())
