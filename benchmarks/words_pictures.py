"""Pictures with known words for benchmarks.words: those that it makes, and the real ones with the words that people
noted.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSans-Oblique",
    "STIXGeneral", "STIXGeneralBol", "cmr10", "cmss10", "cmtt10",
)  # fmt: skip
"""Of those that matplotlib brings."""
SIZE = (1_200, 900)
HEIGHTS = (18, 72)
"""Pixels of the fonts, between which they are drawn."""
FAINT = 45
"""Least difference of text and ground in brightness, of 255."""
TURNS = (0, 90, 270)
_WORD = re.compile(r"[^\W_]+")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Known:
    """A picture and what can be read in it."""

    name: str
    kind: str
    words: tuple[str, ...]
    """As ``words_of`` gives them."""
    complete: bool
    """Nothing else can be read in it."""
    file: Path | None = None
    image: Image.Image | None = None

    def picture(self) -> Image.Image:
        if self.image is not None:
            return self.image
        assert self.file is not None
        with Image.open(self.file) as opened:
            return opened.convert("RGB")


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: letters and digits alone, whatever their case.

    Of scripts that put no blanks between words each character counts as one.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    found = _WORD.findall(plain)
    return [part for word in found for part in (word if _IDEOGRAPH.search(word) else [word])]


def met(known: Iterable[str], read: Iterable[str]) -> int:
    """How many of the known words were read, each as often as it is there."""
    return sum((Counter(known) & Counter(read)).values())


def real(folder: Path) -> list[Known]:
    """The pictures of ocr/texts.jsonl."""
    found = []
    for row in _rows(folder / "texts.jsonl"):
        words = tuple(word for one in row["words"] if not one.get("ignore") for word in words_of(one["text"]))
        found.append(Known(row["file"], row["kind"], words, row["complete"], folder / row["file"]))
    return found


def blank(data: Path) -> list[Known]:
    """Photos without text, by ocr/no_text.jsonl."""
    return [Known(row["file"], "photo", (), True, data / row["file"]) for row in _rows(data / "ocr" / "no_text.jsonl")]


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


# ---------------------------------------------------------------- made pictures


def rendered(number: int, vocabulary: Sequence[str], seed: int) -> list[Known]:
    """So many pictures of one to six lines, of other words each; a third of them upright, a third turned to either
    side.
    """
    dice = np.random.default_rng(seed)
    return [_rendered(dice, at, vocabulary, TURNS[at % 3]) for at in range(number)]


def _rendered(dice: np.random.Generator, number: int, vocabulary: Sequence[str], turn: int) -> Known:
    ground, colour = _colours(dice)
    image = _ground(dice, ground)
    draw = ImageDraw.Draw(image)
    font_file = _fonts() / f"{FONTS[int(dice.integers(len(FONTS)))]}.ttf"
    said, top = [], int(dice.integers(20, 120))
    for _ in range(int(dice.integers(1, 7))):
        height = int(dice.integers(*HEIGHTS))
        font = ImageFont.truetype(str(font_file), height)
        line = _fitting(dice, vocabulary, font, "" if said else _own(number, vocabulary))
        if top + 2 * height > SIZE[1]:
            break
        draw.text(
            (int(dice.integers(10, 30 + max(1, SIZE[0] - int(font.getlength(line)) - 60))), top), line, colour, font
        )
        said.append(line)
        top += int(height * (1.5 + 2 * dice.random()))
    words = tuple(word for line in said for word in words_of(line))
    return Known(f"made-{number:03}", f"turned by {turn}", words, True, image=image.rotate(turn, expand=True))


def _own(number: int, vocabulary: Sequence[str]) -> str:
    """A word that no other made picture has: two short ones in one, by which the picture can be looked up."""
    short = [word for word in vocabulary if 3 < len(word) <= 6]
    return short[number % len(short)] + short[(number // len(short) + 7 * number + 13) % len(short)]


def _fitting(
    dice: np.random.Generator, vocabulary: Sequence[str], font: ImageFont.FreeTypeFont, first: str = ""
) -> str:
    """One to five words, as many as there is room for, in one of three ways to write them. first: stands first."""
    words = [vocabulary[int(place)] for place in dice.integers(len(vocabulary), size=int(dice.integers(1, 6)))]
    words = [first, *words[1:]] if first else words
    write = (str.lower, str.title, str.upper)[int(dice.integers(3))]
    while len(words) > 1 and font.getlength(write(" ".join(words))) > SIZE[0] - 80:
        words.pop()
    return write(" ".join(words))


def _colours(dice: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the ground and of the text; one in three is faint."""
    ground = dice.integers(0, 256, 3)
    least = FAINT if dice.random() < 1 / 3 else 110
    while True:
        text = dice.integers(0, 256, 3)
        apart = abs(float((text - ground) @ (0.299, 0.587, 0.114)))
        if apart >= least and (least != FAINT or apart < 80):
            return tuple(map(int, ground)), tuple(map(int, text))


def _ground(dice: np.random.Generator, colour: tuple[int, ...]) -> Image.Image:
    """A plain colour that gets a little brighter to one side, with some noise."""
    across = np.linspace(-12, 12, SIZE[0])[None, :, None]
    noise = dice.normal(0, 4, (SIZE[1], SIZE[0], 1))
    return Image.fromarray(np.clip(np.array(colour)[None, None] + across + noise, 0, 255).astype(np.uint8))


def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"
