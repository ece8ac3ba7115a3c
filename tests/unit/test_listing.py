"""--format and -0: what the commands that list something print for other programs."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.cli.arguments import _parser, main
from src.cli.listing import NOTHING
from src.config import PROJECT_DIR
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS

ODD = (b"line\nbreak.jpg", b'quote\'d "name".jpg', b"-rf \xff\xfe.jpg", b"\x1b[31mred\x1b]0;x\x07.jpg", b"tab\t\\.jpg")
Run = Callable[..., tuple[int, bytes, str]]


def names(lines: bytes, end: bytes = b"\0") -> set[bytes]:
    assert lines.endswith(end)
    return {os.path.basename(line) for line in lines[:-1].split(end)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of red pictures with odd names, one of them twice, and a blue one; all by a fake model."""
    folder = tmp_path_factory.mktemp("odd")
    for number, name in enumerate(ODD):
        plain = make_photo(folder / "new.jpg", COLOURS["red"], seed=number)
        os.rename(plain, os.fsencode(folder / "photos") + name)
    make_photo(folder / "blue.jpg", COLOURS["blue"])
    shutil.copy(folder / "blue.jpg", folder / "copy.jpg")
    library = tmp_path_factory.mktemp("library")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.bootstrap.ModelManager", lambda settings: fake_models(settings))
        assert main(["--library", str(library), "index", str(folder)]) == 0
    return library


@pytest.fixture
def run(home: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("src.bootstrap.ModelManager", lambda settings: fake_models(settings))

    def command(*words: object) -> tuple[int, bytes, str]:
        capfdbinary.readouterr()
        code = main(["--library", str(home), *map(str, words)])
        said = capfdbinary.readouterr()
        return code, said.out, said.err.decode()

    return command


def rows(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_paths_are_the_bytes_of_the_files_names(run: Run) -> None:
    code, out, said = run("search", "red", "--format", "paths", "-0")
    assert code == 0 and names(out) >= {b"photos" + name for name in ODD} and said == ""
    assert run("search", "red", "-0")[1] == out, "-0 means paths"
    code, out, said = run("search", "red", "--format", "paths")
    assert out.count(b"\n") == len(names(run("search", "red", "-0")[1])) + 1
    assert "1 path has a line break in it: with -0" in said


def test_xargs_copies_every_file(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("search", "name:photos*", "-0")
    subprocess.run(["xargs", "-0", "cp", "-t", str(tmp_path), "--"], input=out, check=True)
    assert {os.path.basename(name) for name in os.listdir(os.fsencode(tmp_path))} == {b"photos" + name for name in ODD}


def test_lines_of_json_have_what_json_has(run: Run) -> None:
    whole = json.loads(run("search", "blue", "--json")[1])
    assert json.loads(run("search", "blue", "--format", "json")[1])["results"] == whole["results"]
    _, out, _ = run("search", "blue", "--format", "jsonl", "--top-k", 1)
    assert rows(out) == whole["results"][:1]


def test_a_table_has_a_line_a_row_whatever_the_names_hold(run: Run) -> None:
    _, out, _ = run("search", "name:photos*", "--format", "tsv")
    table = [line.split("\t") for line in out.decode().split("\n")[:-1]]
    assert table[0][:3] == ["id", "path", "name"] and len(table) == 1 + len(ODD)
    assert {len(line) for line in table} == {len(table[0])} and b"\x1b" not in out and b"\r" not in out
    assert "photostab\\t\\\\.jpg" in {line[2] for line in table}


def test_nothing_found_is_told_by_the_exit_code(run: Run) -> None:
    for form in ("jsonl", "tsv", "paths"):
        code, out, said = run("search", "name:nobody", "--format", form)
        assert (code, out) == (NOTHING, b"") and "No photo passes the filter." in said
    code, out, said = run("search", "velvet", "--format", "paths")
    assert (code, out) == (NOTHING, b"") and "Nothing in the library fits." in said
    assert run("search", "velvet", "--json")[0] == 0, "its verdict tells"
    assert run("search", "name:nobody")[0] == 0


def test_each_photo_of_several_queries_comes_once(run: Run, tmp_path: Path) -> None:
    queries = tmp_path / "queries"
    queries.write_text("name:blue\nformat:jpeg\n")
    _, out, _ = run("search", "--queries", queries, "-0")
    assert len(out.split(b"\0")) - 1 == len(names(out)) == len(ODD) + 1
    _, out, _ = run("search", "--queries", queries, "--format", "jsonl")
    assert {row["query"] for row in rows(out)} == {"name:blue", "format:jpeg"}


def test_a_photo_whose_file_is_gone_is_left_out_and_told(run: Run, tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "going.jpg", COLOURS["green"])
    run("index", photo.parent)
    assert names(run("search", "name:going", "-0")[1]) == {b"going.jpg"}
    photo.unlink()
    code, out, said = run("search", "name:going", "-0")
    assert (code, out) == (NOTHING, b"") and "1 photo is left out, whose file is gone" in said


def test_the_other_lists(run: Run, tmp_path: Path) -> None:
    folder = rows(run("folders", "--format", "jsonl")[1])[0]["path"]
    assert os.fsencode(folder) in run("folders", "-0")[1].split(b"\0")
    groups = rows(run("duplicates", "--level", "bytes", "--format", "jsonl")[1])
    assert [{Path(path).name for path in group["files"]} for group in groups] == [{"blue.jpg", "copy.jpg"}]
    beside = names(run("duplicates", "--level", "bytes", "-0")[1])
    assert beside == {b"blue.jpg", b"copy.jpg"} - {os.fsencode(Path(groups[0]["keep"]).name)}
    photo = make_photo(tmp_path / "one.jpg")
    assert rows(run("facts", photo, "--format", "jsonl")[1])[0]["path"] == str(photo)
    assert run("facts", photo, "--format", "tsv")[1].startswith(b"path\twidth\theight\t")
    run("tag", next(iter(json.loads(run("search", "name:blue", "--json")[1])["results"]))["id"], "--add", "sea")
    assert rows(run("tags", "--format", "jsonl")[1]) == [{"tag": "sea", "photos": 1}]
    run("album", "mine", "--add", Path(folder) / "blue.jpg")
    assert names(run("album", "mine", "-0")[1]) <= {b"blue.jpg", b"copy.jpg"}
    assert rows(run("album", "--format", "jsonl")[1]) == [{"name": "mine", "photos": 1}]
    assert rows(run("history", "--format", "jsonl")[1])[0]["kind"] == "album"
    assert "builtin" in run("models", "--format", "tsv")[1].decode() and run("bin", "--format", "jsonl")[1] == b""
    assert [space["name"] for space in rows(run("spaces", "--format", "jsonl")[1])] == ["builtin"]


@pytest.mark.parametrize(
    "words",
    [
        ("search", "red", "--json", "--format", "tsv"),
        ("search", "red", "-0", "--format", "jsonl"),
        ("search", "red", "-0", "--json"),
        ("album", "-0"),
        ("search", "-i", "--json"),
        ("search", "-i", "--image", "x.jpg"),
        ("watch", "--json"),
        ("facts", "x.jpg", "--format", "paths"),
    ],
)
def test_what_goes_together_is_said(run: Run, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2


def test_a_terminal_gets_no_control_characters(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.cli.terminal.is_watched", lambda: True)
    for form in (["--format", "paths"], ["-0"]):
        _, out, _ = run("search", "name:photos*", *form)
        assert out.count(b"\n") == len(ODD) and b"\x1b" not in out and "\N{REPLACEMENT CHARACTER}".encode() in out


def test_nor_does_it_by_words_that_a_shell_made_of_names_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["index", "photos", "--\x1b]0;gone\x07.jpg"])
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\x07" not in said and "]0;gone" in said and "stands behind --" in said


def test_a_reader_that_has_seen_enough_ends_it_quietly(home: Path) -> None:
    command = [sys.executable, "-m", "src.cli", "--library", str(home), "search", "format:jpeg", "--format", "paths"]
    run = subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None and run.stderr is not None
    run.stdout.close()
    said = run.stderr.read()
    run.stderr.close()
    assert run.wait(60) == 0 and b"Traceback" not in said and b"Broken" not in said


@pytest.mark.parametrize("words", [("search", "red"), ("search", "-i"), ("stats", "--json"), ("nonsense",)])
def test_streams_that_are_closed_are_nowhere(
    home: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.bootstrap.ModelManager", lambda settings: fake_models(settings))
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, None)
    if words == ("nonsense",):
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        assert ended.value.code == 2
    else:
        assert main(["--library", str(home), *words]) == 0
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


@pytest.mark.parametrize(
    "words", [["--json"], *(["--format", form] for form in ("jsonl", "tsv", "paths")), ["-0"], [], ["-i"]]
)
def test_so_it_is_in_every_format(run: Run, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The other end of the pipe is closed before anything is written; nothing is left that fails later on."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        monkeypatch.setattr(sys, "stdin", io.StringIO("red\nblue\n"))
        code, _, said = run("search", "red", *words)
    assert code == 0 and not any(word in said for word in ("Traceback", "Broken", "Exception", "written"))


def test_every_command_with_a_format_is_tried_here() -> None:
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    with_format = {
        name for name, parser in commands.choices.items() if any(one.dest == "output" for one in parser._actions)
    }
    lists = {"search", "folders", "duplicates", "facts", "tags", "album", "history", "models", "bin", "spaces"}
    assert with_format == lists | {"classify", "labels", "watch"}
