"""Pictures that a command is given by their paths, without a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from src.cli import terminal
from src.errors import AppError, EndpointRefused, UnreadablePath
from src.processing.decoding.image_io import display_text
from src.processing.discovery import find_images, parse_path
from src.schema import Skipped

T = TypeVar("T")


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
