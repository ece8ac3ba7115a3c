"""Picture files classified, without a library: classify."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from src import wire
from src.cli import terminal
from src.cli.picture_files import tell_each
from src.config import Settings
from src.errors import BadInput, UnreadablePath
from src.export.sheet import Sheet
from src.files import write_atomically
from src.models import label_lists
from src.models.label_lists import PRESETS
from src.models.model_manager import ModelManager
from src.plain_files import begins_with
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import parse_path
from src.services.lab.classifying import Classifier, Classifiers, Sorting, one_picture, sorting
from src.text import shown

COLUMNS = ("path", "place", "label", "probability")
_BEGINS = ",".join(COLUMNS).encode("utf-8-sig")
"""Of each table that is written here: only such a one is replaced, and never a picture that was named by mistake."""


def classify(arguments: argparse.Namespace) -> int:
    """classify PATH...: the likeliest labels of pictures, and of all pictures in folders.

    1 where one of them could not be read.
    """
    if arguments.top_k < 1:
        raise BadInput("--top-k is a number of labels, 1 or more.")
    models = ModelManager(arguments.model, Settings.from_env())
    classifier = Classifiers(models).of(_asked(arguments), models.model_id)
    if not classifier.measured:
        terminal.note(f"What {models.model_id} says was never compared with labelled pictures: take it as an order.")
    place = parse_path(arguments.csv, "table", "~/labels.csv") if arguments.csv else None
    with _table(place) as sheet:
        return tell_each(arguments, partial(_one, classifier, arguments.top_k, sheet), _show)


def _asked(arguments: argparse.Namespace) -> Sorting:
    said: str | None = arguments.labels
    how = {"several": arguments.several, "templates": arguments.template}
    if said is None or said in PRESETS:
        return sorting(preset=said or "", **how)
    file = Path(said).expanduser()
    if "," not in said and (file.is_file() or file.suffix in (".txt", ".csv")):
        return Sorting(label_lists.from_file(file), arguments.several, tuple(arguments.template))
    return sorting(said.split(","), **how)


@contextmanager
def _table(place: Path | None) -> Iterator[Sheet | None]:
    """A CSV file for other programs, whole or not at all. Raises BadInput where another file would be lost by it or
    there is no such folder, UnreadablePath where it can't be written there.
    """
    if place is None:
        yield None
        return
    if not place.parent.is_dir():
        raise BadInput(f"There is no folder {display_text(place.parent)} for the table.")
    if os.path.lexists(place) and not begins_with(place, _BEGINS):
        raise BadInput(f"{display_text(place)} is there already, and is no such table.", "Choose another name.")
    with ExitStack() as until_written:
        try:
            opened = until_written.enter_context(write_atomically(place))
        except OSError as error:
            reason = error.strerror or str(error)
            raise UnreadablePath(f"The table {display_text(place)} can't be written ({reason}).") from error
        yield Sheet(opened, COLUMNS)


def _one(
    classifier: Classifier, top_k: int, sheet: Sheet | None, pictures: PictureReader, path: Path
) -> dict[str, Any]:
    """A picture's labels as --json prints them; in the table, each has a line."""
    found = one_picture(classifier, pictures, path, top_k)
    told = wire.classified({"path": display_text(path)}, [(label.word, label.chance) for label in found])
    if sheet:
        for place, label in enumerate(told["labels"], 1):
            sheet.add((told["path"], place, label["label"], label["probability"]))
    return told


def _show(told: dict[str, Any]) -> None:
    terminal.say(shown(told["path"]))
    for label in told["labels"]:
        terminal.say(f"  {100 * label['probability']:5.1f} %  {shown(label['label'])}")
