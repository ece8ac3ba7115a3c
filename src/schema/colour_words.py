"""The colours that people have everyday words for, and which of them a colour goes by."""

from __future__ import annotations

import colorsys
import re
from functools import lru_cache

COLOUR_WORDS = (
    "red",
    "orange",
    "yellow",
    "green",
    "cyan",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "grey",
)
_CODE = re.compile("#[0-9a-fA-F]{6}")
_HUES = ((15, "red"), (41, "orange"), (70, "yellow"), (165, "green"), (193, "cyan"), (250, "blue"), (290, "purple"))
"""Degrees on the colour wheel up to which a word goes; what is beyond is pink, and red again from 345 on."""


@lru_cache(1 << 16)
def colour_word(code: str) -> str:
    """What people call a colour that is written ``#rrggbb``; empty for what is no colour."""
    if not (isinstance(code, str) and _CODE.fullmatch(code)):
        return ""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, lightness, _ = colorsys.rgb_to_hls(red, green, blue)
    strength = max(red, green, blue) - min(red, green, blue)
    if max(red, green, blue) < 0.16:
        return "black"
    if strength < 0.12 and lightness > 0.9:
        return "white"
    if strength < min(0.14, 0.25 * max(red, green, blue)):
        return "grey"
    return _hued(hue * 360, max(red, green, blue), lightness, strength)


def _hued(hue: float, brightest: float, lightness: float, strength: float) -> str:
    """The word for a colour that is neither black, grey nor white: dark orange is brown, pale red is pink."""
    word = "red" if hue >= 345 else next((word for end, word in _HUES if hue < end), "pink")
    if word == "pink":
        return "purple" if brightest < 0.75 and hue < 330 else "red" if hue >= 330 and brightest < 0.5 else "pink"
    if word == "red" and lightness > 0.68:
        return "pink"
    if word == "red" and brightest < 0.7 and strength < 0.6 * brightest and 5 < hue < 15:
        return "brown"
    if word == "orange" and (brightest < 0.7 or (brightest < 0.88 and strength < 0.5 * brightest)):
        return "brown"
    if word == "yellow" and brightest < 0.6:
        return "brown" if hue < 55 else "green"
    return word
