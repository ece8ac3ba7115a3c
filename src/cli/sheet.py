"""A screenful of results with their numbers: as pictures where the terminal draws some, else a line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from PIL import Image

from src.cli import drawing, terminal
from src.config import terminal_says
from src.errors import UnreadableImage
from src.processing import thumbnails
from src.runtime import Services
from src.schema import SearchHit

WIDTH, WIDTH_OF_BLOCKS, GAP = 20, 26, 2
"""Columns of a picture with the gap behind it, at least, and of the gap: of half blocks little is seen in fewer."""
BELOW = 3
"""Lines that are left for what is said below the results, and for the prompt."""


class Sheet:
    """Shows results. pictures: how (``drawing.way``). most: results on one screen, where it has room for more."""

    def __init__(self, pictures: str, services: Services, most: int) -> None:
        self._services = services
        self._most = max(1, most)
        self._how = drawing.way(pictures, terminal_says(), terminal.is_watched(), sys.stdout.encoding)

    @property
    def most(self) -> int:
        """Results that a screen has room for."""
        _, lines = terminal.size()
        if self._how == "off":
            return max(1, min(self._most, lines - BELOW))
        across, _, rows = self._layout()
        return min(self._most, across * max(1, (lines - BELOW) // (rows + 1)))

    def show(self, hits: Sequence[SearchHit], first: int) -> None:
        """At most so many results, the first with that number."""
        if self._how == "off":
            self._show_lines(hits, first)
            return
        across, columns, rows = self._layout()
        for start in range(0, len(hits), across):
            row = hits[start : start + across]
            self._draw([self._picture(hit) for hit in row], columns, rows)
            captions = (terminal.fitted(_caption(hit, first + start + at), columns) for at, hit in enumerate(row))
            terminal.say((" " * GAP).join(captions).rstrip())

    def _layout(self) -> tuple[int, int, int]:
        """Pictures side by side, and columns and rows of each: four to three, a character being twice as high."""
        width, _ = terminal.size()
        across = max(1, width // (WIDTH_OF_BLOCKS if self._how == "blocks" else WIDTH))
        columns = max(1, width // across - GAP)
        return across, columns, max(1, round(columns * 3 / 8))

    def _draw(self, pictures: list[Image.Image | None], columns: int, rows: int) -> None:
        cell = (1, 2) if self._how == "blocks" else (terminal.cell_size() or drawing.CELL)
        whole = drawing.strip(pictures, (columns * cell[0], rows * cell[1]), GAP * cell[0])
        over = len(pictures) * (columns + GAP) - GAP
        terminal.say(drawing.drawn(whole, self._how, over, rows, cell))

    def _picture(self, hit: SearchHit) -> Image.Image | None:
        """A result's thumbnail, of an object the part that it is in; None where there is none."""
        place = thumbnails.thumbnail_path(self._services.settings.thumbs_dir, hit.id)
        picture = None
        with suppress(OSError, UnreadableImage):
            picture, _ = self._services.reader.read(place)
        picture = picture or self._services.library.picture(hit.id, thumbnails.SIDE)
        if picture is None or hit.box is None or not all(hit.size):
            return picture
        wide, high = picture.width / hit.size[0], picture.height / hit.size[1]
        left, top, right, bottom = hit.box
        box = (int(left * wide), int(top * high), round(right * wide), round(bottom * high))
        return picture.crop(box) if box[0] < box[2] and box[1] < box[3] else picture

    def _show_lines(self, hits: Sequence[SearchHit], first: int) -> None:
        width = max(1, terminal.size()[0] - 1)
        names = min(max(len(hit.name) for hit in hits), width // 2)
        for number, hit in enumerate(hits, first):
            likely = f"{hit.percent:3} % {hit.band:6}  " if hit.chance < 1 else ""
            text = f"{number:3}  {likely}{terminal.fitted(hit.name, names)}  {hit.path.removesuffix(hit.name)}"
            terminal.say(terminal.fitted(text, width).rstrip())


def _caption(hit: SearchHit, number: int) -> str:
    return f"{number} {hit.percent}% {hit.name}" if hit.chance < 1 else f"{number} {hit.name}"
