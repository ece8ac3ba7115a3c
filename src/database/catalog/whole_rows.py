"""What is wrong with a row of a stranger's catalogue as a whole, where each of its values may be right by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from src import masks
from src.database.catalog.descriptions import in_row
from src.database.catalog.kinds import IMAGE, TEXT
from src.database.catalog.row_rules import (
    FINISHED,
    MASK_PIXELS,
    NORM_SLACK,
    OBJECT,
    PIXELS,
    Row,
    on_the_calendar,
    os_text,
    path,
)
from src.database.catalog.text_lines import folded_lines, lines_in
from src.errors import BadInput
from src.identity import UPLOAD_NAME, image_id, is_id
from src.plain_files import json_in
from src.schema import FIRST_PHOTO
from src.text import folded

if TYPE_CHECKING:
    from src.database.catalog.vectors import Collection


def image(row: Row) -> str | None:
    """What is wrong with a row of images as a whole, None where nothing is. (The same of those that follow.)"""
    taken = row["taken_at"]
    if taken is not None and not (on_the_calendar(taken) and taken >= f"{FIRST_PHOTO}"):
        row["taken_at"] = None  # a camera's nonsense, which earlier versions stored
    if row["width"] * row["height"] > PIXELS:
        return f"an image of {row['width']} x {row['height']} pixels"
    return (
        None
        if row["id"] == image_id(row["sha256"])
        else f"an image under {row['id']}, which is not the id of its bytes"
    )


def file(row: Row) -> str | None:
    """An upload goes by its stored name, which must be its image's; any other file by an absolute path."""
    place = row["path"]
    if row["uploaded"]:
        name = os_text(place) if isinstance(place, bytes) else ""
        own = UPLOAD_NAME.fullmatch(name) is not None and name.partition(".")[0] == row["image_id"]
        return None if own else f"an upload at {place!r:.100}"
    return None if path(place) else f"a file at {place!r:.100}"


def vector(row: Row, of: Collection | None) -> str | None:
    """of: its collection; the kind is empty in a catalogue of a version that did not say it."""
    if of is None or of.dimensions is None or len(row["vector"]) != 2 * of.dimensions:
        return f"a vector of another length than its collection's ({row['id']!r:.60})"
    numbers = np.frombuffer(row["vector"], "<f2").astype(np.float32)
    norm = float(np.sqrt(numbers @ numbers)) if np.isfinite(numbers).all() else 0.0
    if abs(norm - 1.0) > NORM_SLACK:
        return f"a vector that is not finite or not of norm 1 ({row['id']!r:.60})"
    place, rest = row["id"][:36], row["id"][36:]
    image = row.get("image_id")
    if of.owner == "library" and not (is_id(place) and (not rest or OBJECT.fullmatch(rest))):
        return f"a vector of {row['id']!r:.60}, which is no image and no object"
    part = of.owner == "library" and of.kind != IMAGE
    numbered = part and of.kind != TEXT
    if of.kind and (image != (place if part else None) or (of.owner == "library" and bool(rest) != numbered)):
        return f"a vector of {row['id']!r:.60} that names another image ({image!r:.60})"
    return None


def segment(row: Row, sizes: Mapping[str, tuple[int, int]]) -> str | None:
    """sizes: image id -> its width and height."""
    width, height = sizes.get(row["image_id"], (0, 0))
    if not row["id"].startswith(row["image_id"]) or not OBJECT.fullmatch(row["id"][36:]):
        return f"an object {row['id']!r} that is not its image's"
    if not (row["x0"] < row["x1"] <= width and row["y0"] < row["y1"] <= height):
        return f"an object outside its image ({row['id']})"
    try:
        if row["mask_height"] * row["mask_width"] > MASK_PIXELS:
            return f"a mask that is far too large ({row['id']})"
        masks.from_compressed(row["mask"], row["mask_height"], row["mask_width"])
    except BadInput:
        return f"a mask whose runs don't add up ({row['id']})"
    return None


def photo_tag(row: Row) -> str | None:
    """A tag stands under its own spelling, folded, and somebody said something of it."""
    spelled = [text for text in (row["file"], row["said"]) if text]
    own = all(folded(text) == row["tag"] for text in spelled)
    said = row["file"] is not None or row["said"] is not None
    return None if own and said and row["tag"] and row["file"] != "" else f"a tag under {row['tag']!r:.80}"


def pair(row: Row) -> str | None:
    """Two images that are alike, or were decided about: the lower id comes first, so that there is one row of them."""
    in_order = row["first"] < row["second"] or ("verdict" in row and row["first"] == row["second"])
    return None if in_order else f"a pair of images in no order ({row['first']})"


def finished_job(row: Row) -> bool:
    """A job of the past, asked for in words that parse.

    What was still to be done on another computer is nobody's business here.
    """
    return row["state"] in FINISHED


def text(row: Row) -> str | None:
    """Each line must be one, and what searches go through must be what the lines say."""
    lines = lines_in(row["lines"])
    if len(lines) != len(json_in(row["lines"])) or any("\0" in line.text for line in lines):
        return f"a text that is none, in {row['image_id']}"
    return None if row["folded"] == folded_lines(lines) else f"a text under other words, in {row['image_id']}"


def description(row: Row) -> str | None:
    """What searches go through must be what it says, and nothing where it was deleted."""
    found = in_row(row)
    if len(found.objects) != len(json_in(row["objects"])) or found.text != row["said"]:
        return f"a description that is none, of {row['image_id']}"
    return f"a deleted description that says something, of {row['image_id']}" if row["deleted"] and found.text else None
