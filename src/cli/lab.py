"""Models measured on labelled pictures, without a library: evaluate."""

from __future__ import annotations

import argparse
from contextlib import closing

from src import wire
from src.cli import terminal
from src.cli.library_access import DONE
from src.config import Settings
from src.errors import BadInput
from src.models.model_manager import ModelManager
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import parse_path
from src.schema.lab import Evaluation
from src.services.lab import report, words
from src.services.lab.evaluation import Evaluator
from src.services.lab.folder import read_set
from src.services.lab.sources import offered, sources
from src.text import count

HEADINGS = ("model", "knn", "linear probe", "precision@10", "map", "r-precision", "silhouette")


def evaluate(arguments: argparse.Namespace) -> int:
    """evaluate DIR: reads pictures only, and writes nothing but the report that is asked for."""
    return _done(arguments, None)


def study(arguments: argparse.Namespace) -> int:
    """study DIR: evaluates with --queries pictures asked, altered ones too, and says what came of it."""
    if arguments.queries is not None and arguments.queries < 1:
        raise BadInput("--queries is a number of pictures, 1 or more.")
    return _done(arguments, arguments.queries or 0)


def _done(arguments: argparse.Namespace, queries: int | None) -> int:
    """queries: of a study; 0 for the usual share, None for no study."""
    if arguments.level < 1:
        raise BadInput("--level counts folders from 1 on.")
    place = parse_path(arguments.html, "file", "~/report.html") if arguments.html else None
    if place:
        report.check_place(place)
    table = parse_path(arguments.labels, "table", "~/labels.csv") if arguments.labels else None
    found = read_set(parse_path(arguments.folder, "folder", "~/pictures"), table, arguments.level)
    settings = Settings.from_env()
    models = ModelManager(settings=settings)
    measured = sources(models, _names(arguments, models))
    with closing(PictureReader(settings.max_megapixels)) as reader:
        evaluator, followed = Evaluator(found, measured, reader, queries), terminal.Report()
        followed.follow(evaluator.run(), terminal.console(arguments.json))
        done = evaluator.result
        if place:
            report.write(place, done, reader)
    if arguments.json:
        terminal.print_json(wire.evaluation(done) | ({} if queries is None else {"answer": words.answer(done)}))
    else:
        followed.show_skipped()
        _show(done)
    return DONE


def _names(arguments: argparse.Namespace, models: ModelManager) -> list[str]:
    """The models to measure: those named, else all that are here; of the others it is told why not."""
    named = arguments.models or arguments.model
    if named:
        return [name.strip() for name in named.split(",") if name.strip()]
    there = offered(models)
    if there.absent:
        terminal.note(f"Not measured, their weights not being here (`models --get ID`): {', '.join(there.absent)}.")
    return list(there.names)


def _show(done: Evaluation) -> None:
    for sentence in words.answer(done):
        terminal.say(sentence)
    terminal.say(f"{count(len(done.classes), 'picture')}, {count(len(done.found.labels), 'class', 'classes')}")
    rows = [
        [one.model, *(f"{number:.3f}" for number in (one.knn, one.linear_probe, one.precision[10])),
         *(f"{number:.3f}" for number in (one.mean_average_precision, one.r_precision, one.silhouette))]
        for one in done.models
    ]  # fmt: skip
    terminal.show_table(list(HEADINGS), rows)
    terminal.say(f"knn and linear probe: {words.split(done)}.")
    for warning in words.warnings(done):
        terminal.say(warning)
    terminal.say(words.speed(done))
