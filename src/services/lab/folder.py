"""Labelled sets of pictures: a folder for each class, or a folder and a table of files and their labels."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from src.errors import BadInput, UnreadablePath
from src.plain_files import open_plain
from src.processing.decoding.image_io import display_text
from src.processing.discovery import find_images
from src.schema import Skipped
from src.schema.lab import Flags, Labelled, LabelledSet, Numbers, Side
from src.text import count, shown

_SIDES: dict[str, Side] = {
    **dict.fromkeys(("train", "training", "gallery", "train_images"), "train"),
    **dict.fromkeys(("test", "testing", "val", "valid", "validation", "query", "queries", "test_images"), "test"),
}
"""Names of folders, or values of a table's column ``split``, that say what their pictures are for."""
TABLE_BYTES = 256 << 20
TEST_SHARE = 0.2
SEED = 0
_HINT = "Give a folder with a folder of pictures for each class, or a table of files and labels too."


def read_set(folder: Path, table: Path | None = None, level: int = 1) -> LabelledSet:
    """The labelled pictures of a folder.

    table: CSV with the columns file and label, and maybe split; without one, and where the folder has no sub-folders
    with pictures and one such table, that is taken. level: the names of so many folders, one in another, make a class;
    where the pictures lie deeper is of no account. Raises BadInput where there are not two classes with two pictures
    each, UnreadablePath for what can't be read.
    """
    if not folder.is_dir():
        raise UnreadablePath(f"{display_text(folder)} is no folder.", _HINT)
    found = list(find_images(folder))
    skipped = [one for one in found if isinstance(one, Skipped)]
    paths = [one.path for one in found if not isinstance(one, Skipped)]
    table = table or _table_in(folder, paths)
    if table is None:
        pictures = _by_folders(folder, paths, level)
    else:
        pictures, absent = _by_table(folder, table)
        skipped += absent
    return checked(LabelledSet(folder, tuple(sorted(pictures, key=lambda one: one.name)), tuple(skipped)))


def checked(found: LabelledSet) -> LabelledSet:
    """The set without classes of one picture, which are told as skipped. Raises BadInput where too little is left."""
    where = display_text(found.folder)
    if not found.pictures:
        raise BadInput(f"There is no labelled picture in {where}.", _HINT)
    sizes = Counter(picture.label for picture in found.pictures)
    alone = tuple(
        Skipped(display_text(picture.path), f"It is the only picture of its class, {picture.label}.")
        for picture in found.pictures
        if sizes[picture.label] == 1
    )
    kept = tuple(picture for picture in found.pictures if sizes[picture.label] > 1)
    if len(sizes) < 2:
        raise BadInput(f"All pictures in {where} are of one class, {next(iter(sizes))}: two are needed.", _HINT)
    if len(sizes) - len(alone) < 2:
        few = count(len(sizes) - len(alone), "class has", "classes have")
        raise BadInput(f"In {where} {few} two pictures or more: two such classes are needed.", _HINT)
    return replace(found, pictures=kept, skipped=(*found.skipped, *alone))


# ---------------------------------------------------------------- by folders


def _by_folders(folder: Path, paths: Sequence[Path], level: int) -> list[Labelled]:
    """The folders right below the top name the classes, after those that all pictures share and those of a split."""
    steps = [path.relative_to(folder).parts[:-1] for path in paths]
    shared = _shared(steps)
    names = {parts[shared].casefold() for parts in steps if len(parts) > shared}
    split = len(names) > 1 and {_SIDES.get(name) for name in names} == {"train", "test"}
    first = shared + split
    loose = sum(len(parts) <= first for parts in steps)
    if loose and loose < len(steps):
        steps_of = zip(paths, steps, strict=True)
        path = next(path for path, parts in steps_of if len(parts) <= first)
        raise BadInput(f"{display_text(path)} is in no class's folder, and others are.", _HINT)
    if loose:  # all in one folder: one class
        return [_labelled(folder, path, path.parent.name) for path in paths]
    return [
        _labelled(
            folder,
            path,
            "/".join(parts[first : first + level]),
            _SIDES[parts[shared].casefold()] if split else None,
        )
        for path, parts in zip(paths, steps, strict=True)
    ]


def _shared(steps: Sequence[tuple[str, ...]]) -> int:
    """How many folders, one in another, all pictures are in."""
    first, last = min(steps, default=()), max(steps, default=())
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))))


def _labelled(folder: Path, path: Path, label: str, side: Side | None = None) -> Labelled:
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return Labelled(path, display_text(name), shown(label), side)


# ---------------------------------------------------------------- by a table


def _table_in(folder: Path, paths: Iterable[Path]) -> Path | None:
    """The only CSV in a folder that has its pictures in itself, or none: they then need one."""
    if any(path.parent != folder for path in paths):
        return None
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    return tables[0] if len(tables) == 1 else None


def _by_table(folder: Path, table: Path) -> tuple[list[Labelled], list[Skipped]]:
    """The pictures that a table names, paths being as seen from the folder, and those that are not there."""
    found, absent = dict[Path, Labelled](), list[Skipped]()
    columns, rows = _rows(table)
    named = [_column(columns, table, *names) for names in (("file", "filename", "path", "image"), ("label", "class"))]
    split = next((at for at, name in enumerate(columns) if name in ("split", "set")), None)
    for row in rows:
        if len(row) <= max(named):
            continue
        file, label = (row[at].strip() for at in named)
        if not file or not label:
            continue
        path = folder / file
        if not os.path.isfile(path):
            absent.append(Skipped(display_text(path), "The table names it, and it is not there."))
            continue
        side = _SIDES.get(row[split].strip().casefold()) if split is not None and len(row) > split else None
        labelled = _labelled(folder, path, label, side)
        if found.setdefault(path, labelled).label != labelled.label:
            raise BadInput(f"{display_text(table)} has two labels for {file}.", "Each picture needs one class.")
    return list(found.values()), absent


def _column(columns: Sequence[str], table: Path, *names: str) -> int:
    for name in names:
        if name in columns:
            return columns.index(name)
    raise BadInput(
        f"{display_text(table)} has no column {names[0]!r}.", "Its first line names the columns: file and label."
    )


def _rows(table: Path) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, in small letters, and the rows. Raises UnreadablePath."""
    try:
        with open_plain(table) as file:
            data = file.read(TABLE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UnreadablePath(f"{display_text(table)} can't be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UnreadablePath(f"{display_text(table)} is no text in UTF-8.") from error
    if len(data) > TABLE_BYTES or "\0" in text:
        raise UnreadablePath(f"{display_text(table)} is no table of files and labels.")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise UnreadablePath(f"{display_text(table)} is no table of files and labels ({error}).") from error
    return [name.strip().casefold() for name in rows[0]] if rows else [], rows[1:]


# ---------------------------------------------------------------- what is learned from, and what is asked


def split_of(pictures: Sequence[Labelled], numbers: Numbers, queries: int | None = None) -> tuple[Flags, str]:
    """Which pictures are asked with, (n,), and by what: ``the set`` where it says so itself, else ``chance``.

    numbers: (n,), the class of each by its number. queries: ask with about so many by chance, whatever the set says; 0
    for a sixth, as 10,000 of 60,000. By chance, and the same each time, a fifth of each class is asked with, one
    picture at least and never all.
    """
    asked = np.array([picture.side == "test" for picture in pictures])
    whole = all(picture.side for picture in pictures) and asked.any() and set(numbers[asked]) <= set(numbers[~asked])
    if whole and queries is None:
        return asked, "the set"
    share = TEST_SHARE if queries is None else queries / len(pictures) or 1 / 6
    asked[:] = False
    dice = np.random.default_rng(SEED)
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        asked[dice.permutation(own)[: min(len(own) - 1, max(1, round(share * len(own))))]] = True
    return asked, "chance"
