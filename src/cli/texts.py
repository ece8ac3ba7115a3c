"""Words in pictures: read-text, of files without a library, or of the whole library."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from src import wire
from src.cli import terminal
from src.config import Settings
from src.errors import AppError, UnreadablePath
from src.models.model_manager import LoadedReader, ModelManager
from src.models.registry import BUILTIN
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import find_images, parse_path
from src.schema import Skipped
from src.schema.texts import SIDE
from src.text import shown

DONE, FAILED = 0, 1


def read_text(arguments: argparse.Namespace) -> int:
    """read-text PATH...: the lines of text in pictures, and in all pictures in folders.

    1 where one of them could not be read.
    """
    settings = Settings.from_env()
    pictures = PictureReader(settings.max_megapixels)
    rows, problems = [], 0
    try:
        for found in _read(arguments.paths, pictures, ModelManager(BUILTIN, settings).reader()):
            if isinstance(found, str):
                problems += 1
                terminal.note(found)
            else:
                rows.append(found)
                if not arguments.json:
                    _show(found)
    finally:
        pictures.close()
    if arguments.json:
        terminal.print_json(rows)
    return FAILED if problems else DONE


def _read(paths: list[str], pictures: PictureReader, reader: LoadedReader) -> Iterator[dict[str, Any] | str]:
    """Each picture's lines as --json prints them, or a sentence that says why one, or a whole folder, can't be read."""
    for text in paths:
        try:
            for found in find_images(parse_path(text)):
                yield found.reason if isinstance(found, Skipped) else _one(found.path, pictures, reader)
        except UnreadablePath as error:
            yield str(error)


def _one(path: Path, pictures: PictureReader, reader: LoadedReader) -> dict[str, Any] | str:
    name, started = display_text(path), time.perf_counter()
    try:
        image, _ = pictures.read(path, SIDE)
        lines = reader.read(image)
    except AppError as error:
        return f"{name}: {error}"
    except OSError as error:
        return f"{name}: It can't be read ({error.strerror or error})."
    took = round(1000 * (time.perf_counter() - started), 1)
    return {"path": name, "lines": [wire.text_line(line) for line in lines], "took_ms": took}


def _show(found: dict[str, Any]) -> None:
    terminal.say(shown(found["path"]))
    for line in found["lines"]:
        terminal.say(f"  {shown(line['text'])}")
