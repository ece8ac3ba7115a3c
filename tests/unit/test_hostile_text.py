"""File names are data: whatever is in them, they are shown letter by letter and drive nothing."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.processing.decoding.image_io import display_text
from src.text import shown
from src.ui.format import literal

REPLACED = "\N{REPLACEMENT CHARACTER}"
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Unicode's classes of the characters that embed, override or isolate a direction."""
ANY = st.text(st.characters(), max_size=60)
MARKUP = st.text("\\`*_{}[]()<>#+-=.!|~:$&/ \tabstreamlit\n\u202e\u2060\x1b", max_size=40)


@given(ANY | MARKUP)
@example("photo\u202egpj.exe")
@example("\x1b]0;title\x07\x1b[31mred\r\n\x85\u2028\ud800")
def test_nothing_shown_turns_the_line_or_drives_a_terminal(text: str) -> None:
    result = shown(text)
    assert len(result) == len(text)
    for before, after in zip(text, result, strict=True):
        harmful = (
            unicodedata.category(before) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(before) in TURNING
        )
        assert after == (REPLACED if harmful or "\ufff9" <= before <= "\ufffb" else before)
    result.encode("utf-8")
    assert shown(result) == result


@pytest.mark.parametrize(
    "name",
    [
        "Ünï 写真.jpg",
        "שלום\u200f.jpg",
        "Screenshot 10.20\u202fAM.png",
        "👨\u200d👩\u200d👧.jpg",
        "می\u200cخواهم.jpg",
        "a\u3000b\u00a0c",
    ],
)
def test_names_that_people_give_stay_as_they_are(name: str) -> None:
    assert shown(name) == name and display_text(Path(name)) == name


@given(ANY | MARKUP)
@example("a -- b")
@example(":streamlit: :material/delete: :material_delete:")
def test_markdown_shows_every_letter(text: str) -> None:
    """Read as CommonMark reads it, a backslash before punctuation stands for the punctuation; nothing else is left to
    mean something.
    """
    result, plain, at = literal(text), "", 0
    while at < len(result):
        if result[at] == "\\":
            at += 1
            assert result[at].isascii() and result[at].isprintable() and not result[at].isalnum()
        else:
            assert not result[at].isascii() or result[at].isalnum() or result[at] == " "
        plain += result[at]
        at += 1
    assert plain.replace("\N{WORD JOINER}", "") == shown(text).replace("\N{WORD JOINER}", "")
    assert ":streamlit:" not in plain and ":material" not in plain
    assert not set(plain.split()) & {"<->", "->", "<-", "--", ">=", "<=", "~="}, "Streamlit makes other signs of these"


@given(st.binary(min_size=1, max_size=255))
@example(b"latin-\xe9.jpg")
@example("\u202e".encode() + b"\xff" * 250)
def test_any_bytes_have_a_text(raw: bytes) -> None:
    name = raw.replace(b"/", b"_").replace(b"\0", b"_").replace(b".", b"_")
    text = display_text(Path(os.fsdecode(name)))
    text.encode("utf-8")
    assert text == name.decode("utf-8", "replace")
    if os.fsencode(text) == name:
        assert REPLACED not in text or REPLACED.encode() in name


@given(ANY.map(lambda text: text.encode("utf-8", "ignore").decode()).filter(lambda text: text not in ("", ".", "..")))
def test_a_name_that_is_text_comes_back_as_it_was(text: str) -> None:
    name = text.replace("/", "_").replace("\0", "_")
    if name not in (".", ".."):
        assert display_text(Path(name)) == name
