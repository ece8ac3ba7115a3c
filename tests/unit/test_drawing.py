"""Pictures in a terminal: how it is chosen, and what is written."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

from src.cli.drawing import drawn, strip, way

TRUE = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
RED = Image.new("RGB", (40, 30), (250, 10, 10))


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (TRUE, "blocks"),
        ({"TERM": "xterm-256color"}, "off"),
        ({**TRUE, "TERM": "dumb"}, "off"),
        ({**TRUE, "NO_COLOR": "1"}, "off"),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({**TRUE, "TERM": "tmux-256color", "KITTY_WINDOW_ID": "1", "TMUX": "x"}, "blocks"),
        ({**TRUE, "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"WT_SESSION": "x"}, "blocks"),
    ],
)
def test_the_terminals_variables_tell_what_it_can(said: dict[str, str], how: str) -> None:
    assert way("auto", said, True, "utf-8") == how
    assert way("auto", said, False, "utf-8") == "off" and way("kitty", said, False, "utf-8") == "off"
    assert way("sixel", said, True, "utf-8") == "sixel" and way("off", said, True, "utf-8") == "off"


def test_without_a_sign_for_half_a_block_there_is_none() -> None:
    assert way("auto", TRUE, True, "ascii") == "off"


def test_half_blocks_have_two_pixels_each() -> None:
    text = drawn(RED, "blocks", 4, 2)
    assert text.count("▀") == 8 and text.count("\n") == 1 and "38;2;250;10;10;48;2;250;10;10" in text
    assert all(line.endswith("\x1b[0m") for line in text.split("\n"))


def test_kitty_gets_the_whole_picture_in_pieces_and_answers_nothing() -> None:
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawn(noise, "kitty", 10, 5))
    assert len(pieces) > 1 and "q=2" in pieces[0][0] and "c=10,r=5" in pieces[0][0]
    assert [head[-3:] for head, _ in pieces] == ["m=1"] * (len(pieces) - 1) + ["m=0"]
    data = base64.b64decode("".join(body for _, body in pieces))
    assert Image.open(io.BytesIO(data)).tobytes() == noise.tobytes()


def test_iterm_is_told_the_size() -> None:
    found = re.fullmatch(r"\x1b\]1337;File=(.*):(.*)\x07", drawn(RED, "iterm", 10, 5))
    assert found and "inline=1" in found[1] and "width=10;height=5" in found[1]
    assert Image.open(io.BytesIO(base64.b64decode(found[2]))).size == RED.size


def test_sixels_tell_every_pixel() -> None:
    text = drawn(RED, "sixel", 2, 1, (10, 13))
    assert text.startswith('\x1bPq"1;1;20;13#') and text.endswith("\x1b\\")
    body = text[text.index("#0;2;98;4;4") + len("#0;2;98;4;4") : -2]
    bands = body[body.index("#0!") :].split("-")
    assert bands == ["#0!20~", "#0!20~", "#0!20@"], "six, six and one row of the only colour"


def test_pictures_stand_side_by_side() -> None:
    whole = strip([RED, None, RED], (20, 16), 4)
    assert whole.size == (68, 16) and whole.getpixel((5, 8)) == (250, 10, 10)
    assert whole.getpixel((30, 8)) == (0, 0, 0) and whole.getpixel((50, 8)) == (250, 10, 10)
