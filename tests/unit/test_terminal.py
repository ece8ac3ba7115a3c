"""What the command line reads and writes: files of queries, tables for people and for other programs, words of any
locale.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from src.cli import terminal
from src.cli.photos import _lines
from src.errors import UnreadablePath
from src.models.text_cache import TextCache
from src.schema import Notice, SearchPage
from src.text import typed


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-8", "utf-16", "utf-32", "utf-16-be"])
def test_queries_in_any_unicode_file(tmp_path: Path, code: str) -> None:
    mark = b"\xfe\xff" if code == "utf-16-be" else b""
    (tmp_path / "queries.txt").write_bytes(mark + "red \u4e2d\r\n\r\nblue\u2028sky\rgreen\n".encode(code))
    assert _lines(str(tmp_path / "queries.txt")) == ["red \u4e2d", "", "blue\u2028sky", "green", ""]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"r\xe9d\n", "no text in UTF-8"),
        ("red\n".encode("utf-16-le"), "no text"),
        (b"\xff\xfer\0e", "no text in UTF-8"),
        (b"a" * (17 << 20), "larger than a list of queries"),
    ],
    ids=["latin-1", "utf-16 without a mark", "half a sign", "17 MB"],
)
def test_a_file_that_holds_no_queries_is_told(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "queries.txt").write_bytes(data)
    with pytest.raises(UnreadablePath, match=says):
        _lines(str(tmp_path / "queries.txt"))


def test_queries_that_never_end_or_never_come_are_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePath, match="Is a directory"):
        _lines(str(tmp_path))
    if Path("/dev/zero").exists():
        with pytest.raises(UnreadablePath, match="larger"):
            _lines("/dev/zero")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert _lines(str(tmp_path / "pipe")) == [""]


def test_queries_may_come_through_a_pipe() -> None:
    reads, writes = os.pipe()
    os.write(writes, b"red\nblue")
    os.close(writes)
    if Path("/dev/fd").exists():
        assert _lines(f"/dev/fd/{reads}") == ["red", "blue"]
    os.close(reads)


def test_a_table_for_another_program_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/pictures/" + "a long name " * 30 + "end.jpg"
    terminal.show_table(["score", "picture"], [["0.5", path], ["0.25", "b\nc\x1b[31m.jpg"]])
    assert capsys.readouterr().out.splitlines() == ["score  picture", f"0.5    {path}", "0.25   b\ufffdc\ufffd[31m.jpg"]
    terminal.show_table(["", ""], [["images", 3]])
    assert capsys.readouterr().out == "images  3\n"


def test_words_that_python_could_not_read_by_the_locale_are_utf_8() -> None:
    assert typed("red \u4e2d") == "red \u4e2d"
    assert typed("red \u4e2d".encode().decode("ascii", "surrogateescape")) == "red \u4e2d"
    assert typed("red \udcff") == "red \ufffd"


def test_half_a_character_is_read_as_a_question_mark() -> None:
    seen: list[str] = []
    cache = TextCache(lambda texts: seen.extend(texts) or np.zeros((len(texts), 2), np.float32))
    assert cache.vectors(["a \udcff", "a ?", "b"]).shape == (3, 2)
    assert seen == ["a ?", "b"]


@pytest.mark.parametrize(
    ("notices", "command"),
    [
        ((), "index FOLDER"),
        ((Notice("no-objects", "None."),), "objects"),
        ((Notice("other-model", "Not yet."),), "models --use builtin"),
    ],
    ids=["an empty library", "no objects", "another model"],
)
def test_what_to_do_first_goes_by_the_notices_code(
    notices: tuple[Notice, ...], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.show_page(SearchPage("red", "builtin", 1.0, (), 0, "empty", notices))
    told = capsys.readouterr().out.splitlines()
    assert told == [
        *(notice.sentence for notice in notices),
        f"There is nothing to search yet. First: python -m src.cli {command}",
    ]
