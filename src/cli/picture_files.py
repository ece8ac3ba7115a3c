"""Pictures that a command is given by their paths, without a library."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from src.cli import listing, terminal
from src.config import Settings
from src.errors import AppError, EndpointRefused, UnreadablePath
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import find_images, parse_path
from src.schema import Skipped

T = TypeVar("T")
DONE, FAILED = 0, 1


def tell_each(
    arguments: argparse.Namespace,
    tell: Callable[[PictureReader, Path], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
    most: int = 0,
) -> int:
    """What ``tell`` has as JSON of each picture in ``arguments.paths``: shown as it comes, or printed in the end.

    most: end after so many; 0 for all. 1 where one of the paths could not be read.
    """
    pictures, problems = PictureReader(Settings.from_env().max_megapixels), list[str]()
    rows = islice(read_each(arguments.paths, partial(tell, pictures), problems), most or None)
    try:
        if listing.asked(arguments):
            listing.put(arguments, rows)
        else:
            for row in rows:
                show(row)
    finally:
        pictures.close()
    return FAILED if problems else DONE


def read_each(paths: Sequence[str], read: Callable[[Path], T], problems: list[str]) -> Iterator[T]:
    """What ``read`` tells of each picture, and of all pictures in folders.

    problems: gets a sentence, which is noted at once, for each picture or whole folder that can't be read.
    """
    for text in paths:
        try:
            for found in find_images(parse_path(text)):
                if isinstance(found, Skipped):
                    _note(found.reason, problems)
                else:
                    yield from _one(found.path, read, problems)
        except UnreadablePath as error:
            _note(str(error), problems)


def _one(path: Path, read: Callable[[Path], T], problems: list[str]) -> Iterator[T]:
    try:
        told = read(path)
    except EndpointRefused:  # it would refuse all others too
        raise
    except AppError as error:
        _note(f"{display_text(path)}: {error}", problems)
    except OSError as error:
        _note(f"{display_text(path)}: It can't be read ({error.strerror or error}).", problems)
    else:
        yield told


def _note(problem: str, problems: list[str]) -> None:
    problems.append(problem)
    terminal.note(problem)
