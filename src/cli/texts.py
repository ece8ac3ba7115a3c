"""Words in pictures: read-text, of files without a library, or of the library's photos."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from src import wire
from src.cli import terminal
from src.cli.library_access import DONE, do_job, finished, reading
from src.cli.picture_files import tell_each
from src.config import Settings
from src.models.model_manager import LoadedReader, ModelManager
from src.models.registry import BUILTIN
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import parse_path
from src.schema.texts import SIDE
from src.services.jobs.kinds import ReadTexts
from src.text import shown


def read_text(arguments: argparse.Namespace) -> int:
    """read-text PATH...: the lines of text in pictures, and in all pictures in folders; read-text: of the library.

    1 where one of the paths could not be read.
    """
    return _of_files(arguments) if arguments.paths else _of_library(arguments)


def of_photos(arguments: argparse.Namespace, paths: Sequence[str] = ()) -> dict[str, Any]:
    """Read the photos of the library that are due, or those of them at these paths, and tell as --json what came of it.

    Raises the job's problem where it has one.
    """
    with reading(arguments) as services:
        places = tuple(str(services.folders.known_as(parse_path(path))) for path in paths)
    report = do_job(arguments, "Reading text in photos (command line)", ReadTexts(places or None))
    done = finished(report)
    with reading(arguments) as services:
        photos, with_text = services.texts.counts()
    told = wire.added(done, report.skipped)
    pace = {name: told[name] for name in ("seconds", "images_per_s")}
    return {"read": told["indexed"], "skipped": told["skipped"], "photos": photos, "with_text": with_text, **pace}


def show_read(told: dict[str, Any]) -> None:
    """What ``of_photos`` told, for people."""
    for item in told["skipped"]:
        terminal.say(f"  skipped {shown(item['path'])}: {shown(item['reason'])}")
    pace = f"{told['seconds']:.1f} s ({told['images_per_s']:.1f} photos/s)"
    terminal.say(f"{told['read']:,} photos read in {pace}; text in {told['with_text']:,} of {told['photos']:,} photos.")


def _of_library(arguments: argparse.Namespace) -> int:
    told = of_photos(arguments)
    terminal.print_json(told) if arguments.json else show_read(told)
    return DONE


def _of_files(arguments: argparse.Namespace) -> int:
    reader = ModelManager(BUILTIN, Settings.from_env()).reader()
    return tell_each(arguments, partial(_one, reader), _show)


def _one(reader: LoadedReader, pictures: PictureReader, path: Path) -> dict[str, Any]:
    """A picture's lines as --json prints them."""
    started = time.perf_counter()
    image, _ = pictures.read(path, SIDE)
    lines = reader.read(image)
    took = round(1000 * (time.perf_counter() - started), 1)
    return {"path": display_text(path), "lines": [wire.text_line(line) for line in lines], "took_ms": took}


def _show(found: dict[str, Any]) -> None:
    terminal.say(shown(found["path"]))
    for line in found["lines"]:
        terminal.say(f"  {shown(line['text'])}")
