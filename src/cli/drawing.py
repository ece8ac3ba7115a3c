"""Pictures in a terminal: as its own graphics where it has some, else as coloured half blocks.

What a terminal can is told by its variables alone. It is never asked: one that does not answer would be waited for, and
one that answers late would have its answer read as something that was typed.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

CELL = (10, 20)
"""Pixels of a character, width and height, where the terminal does not tell: only sixels need them."""
_CHUNK = 4096
_KITTY = ("kitty", "ghostty")
_ITERM = ("iTerm.app", "iTerm2", "WezTerm", "mintty")
_SIXEL = ("foot", "mlterm", "yaft", "sixel", "contour")
_TRUE_COLOUR = ("truecolor", "24bit")


def way(asked: str, said: Mapping[str, str], watched: bool, encoding: str) -> str:
    """How pictures are drawn: off, blocks, kitty, iterm or sixel.

    asked: one of these, or auto. said: what the terminal tells (``config.terminal_says``). watched: the output goes to
    a terminal; to anything else no picture is drawn. encoding: of the output.
    """
    term, program = said.get("TERM", ""), said.get("TERM_PROGRAM", "") or said.get("LC_TERMINAL", "")
    if not watched or asked != "auto":
        return asked if watched else "off"
    if term == "dumb":
        return "off"
    inside = said.get("TMUX") or said.get("STY") or term.startswith(("screen", "tmux"))  # which passes no graphics on
    if not inside and (said.get("KITTY_WINDOW_ID") or any(name in term or name in program for name in _KITTY)):
        return "kitty"
    if not inside and program in _ITERM:
        return "iterm"
    if not inside and any(name in term for name in _SIXEL):
        return "sixel"
    colours = said.get("COLORTERM") in _TRUE_COLOUR or said.get("WT_SESSION") or term.endswith("-direct")
    utf8 = encoding.lower().replace("-", "") == "utf8"
    return "blocks" if colours and utf8 and "NO_COLOR" not in said else "off"


def drawn(image: Image.Image, how: str, columns: int, rows: int, cell: tuple[int, int] = CELL) -> str:
    """The text that draws an RGB picture over so many columns and rows of characters; the caret ends in its last row,
    or with half blocks and sixels below it.

    cell: pixels of a character, width and height.
    """
    if how == "blocks":
        return "\n".join(_blocks(np.asarray(image.resize((columns, 2 * rows), Image.Resampling.LANCZOS))))
    if how == "kitty":
        return "".join(_kitty(_png(image), columns, rows))
    if how == "iterm":
        data = _png(image)
        told = f"inline=1;size={len(data)};width={columns};height={rows};preserveAspectRatio=0"
        return f"\x1b]1337;File={told}:{base64.b64encode(data).decode()}\x07"
    return _sixel(image.resize((columns * cell[0], rows * cell[1])))


def strip(pictures: list[Image.Image | None], size: tuple[int, int], gap: int) -> Image.Image:
    """Pictures side by side on black, each shrunk into a box of ``size`` pixels, ``gap`` pixels between two boxes."""
    width, height = size
    whole = Image.new("RGB", (max(1, len(pictures) * (width + gap) - gap), height))
    for number, picture in enumerate(pictures):
        if picture is not None:
            small = picture.convert("RGB")
            small.thumbnail(size)
            whole.paste(small, (number * (width + gap), (height - small.height) // 2))
    return whole


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _blocks(pixels: npt.NDArray[np.uint8]) -> Iterator[str]:
    """(2 x rows, columns, 3) uint8 as lines: each character has the upper of its two pixels as its own colour and the
    lower as its background's. What is all black is left blank.
    """
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        line, before = [], None
        for over, under in zip(upper.tolist(), lower.tolist(), strict=True):
            colours = (tuple(over), tuple(under)) if any(over) or any(under) else None
            if colours != before:
                line.append(_colours(colours))
            line.append("▀" if colours else " ")
            before = colours
        yield "".join(line) + "\x1b[0m"


def _colours(pair: tuple[tuple[int, ...], tuple[int, ...]] | None) -> str:
    if pair is None:
        return "\x1b[0m"
    (r, g, b), (R, G, B) = pair
    return f"\x1b[38;2;{r};{g};{b};48;2;{R};{G};{B}m"


def _kitty(png: bytes, columns: int, rows: int) -> Iterator[str]:
    """In pieces; q=2: the terminal answers nothing."""
    text = base64.b64encode(png).decode()
    for at in range(0, len(text), _CHUNK):
        first = f"a=T,f=100,q=2,c={columns},r={rows}," if at == 0 else ""
        more = int(at + _CHUNK < len(text))
        yield f"\x1b_G{first}m={more};{text[at : at + _CHUNK]}\x1b\\"


def _sixel(image: Image.Image) -> str:
    """Of 64 colours. Bands of six rows; in each a run of characters for every colour in it."""
    flat = image.quantize(64)
    pixels, palette = np.asarray(flat), (flat.getpalette() or [])[: 3 * 64]
    colours = "".join(
        f"#{number};2;{';'.join(str(round(value / 2.55)) for value in palette[3 * number : 3 * number + 3])}"
        for number in range(len(palette) // 3)
    )
    bands = (pixels[top : top + 6] for top in range(0, len(pixels), 6))
    body = "-".join("$".join(_runs(band, colour) for colour in np.unique(band)) for band in bands)
    return f'\x1bPq"1;1;{image.width};{image.height}{colours}{body}\x1b\\'


def _runs(band: npt.NDArray[np.uint8], colour: int) -> str:
    """(<=6, width): where a colour is, column by column, the same ones after each other told by their number."""
    bits = ((band == colour) * (1 << np.arange(len(band)))[:, None]).sum(axis=0) + 63
    edges = np.flatnonzero(np.diff(bits)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(bits)]
    return f"#{colour}" + "".join(f"!{end - start}{chr(bits[start])}" for start, end in zip(starts, ends, strict=True))
