"""The command line as a user or a script runs it, with the real built-in model.

A separate process where something of the system's is looked at (how Python starts, pipes, signals, encodings);
elsewhere the same function in this one, which starts nothing anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from src.config import PROJECT_DIR
from tests.conftest import make_photo
from tests.e2e.commands import cli
from tests.fakes import COLOURS
from tests.unit.scenes import scene


def process(*arguments: object, home: Path, check: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    command = [sys.executable, "-m", "src.cli", *map(str, arguments)]
    environment = {**os.environ, "MFE_HOME": str(home), **env}
    run = subprocess.run(
        command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, errors="replace", timeout=120
    )
    assert check is None or run.returncode == check, (run.returncode, run.stdout, run.stderr)
    assert "Traceback" not in run.stderr
    return run


def as_json(run: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    for name in ("red", "green", "blue", "yellow"):
        make_photo(folder / f"{name}.jpg", COLOURS[name], (320, 240))
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, album: Path) -> Path:
    """A library made by `index`; what it said is checked here once."""
    folder = tmp_path_factory.mktemp("home")
    report = as_json(process("index", album, "--json", home=folder))
    assert set(report) == {"indexed", "already", "skipped", "seconds", "images_per_s"}
    assert (report["indexed"], report["already"]) == (4, 0) and report["images_per_s"] > 0
    assert {Path(s["path"]).name: s["reason"] for s in report["skipped"]} == {
        "text.jpg": "It is not a picture in a format that can be read.",
        "empty.png": "The file is empty.",
    }
    return folder


def test_indexing_again_finds_everything_there(home: Path, album: Path) -> None:
    report = as_json(cli("index", "--json", album, home=home))
    assert (report["indexed"], report["already"], len(report["skipped"])) == (0, 4, 2)


def test_search_as_json(home: Path, album: Path) -> None:
    answer = as_json(process("search", "a plain red picture", "--top-k", 3, "--json", home=home))
    assert set(answer) == {"query", "model", "took_ms", "results", "verdict", "notes"} and answer["model"] == "builtin"
    assert answer["notes"] == [] and as_json(cli("search", "velvet", "--json", home=home))["verdict"] == "match"
    assert as_json(cli("search", "import numpy as np", "--json", home=home))["verdict"] == "nothing"
    assert as_json(cli("search", "red", "--until", "2001-12-31", "--json", home=home))["verdict"] == "empty"
    assert len(answer["results"]) == 3 and set(answer["results"][0]) == {
        "id",
        "path",
        "name",
        "score",
        "band",
        "percent",
        "kind",
        "box",
        "size",
        "segment",
        "named",
        "why",
    }
    first = answer["results"][0]
    assert first["band"] in ("strong", "likely", "weak") and 5 <= first["percent"] <= 100
    scores = [hit["score"] for hit in answer["results"]]
    assert scores == sorted(scores, reverse=True) and Path(answer["results"][0]["path"]).parent == album


def test_search_by_picture_by_both_and_by_a_file_of_queries(home: Path, album: Path, tmp_path: Path) -> None:
    by_picture = as_json(cli("search", "--image", album / "blue.jpg", "--json", home=home))
    assert by_picture["results"][0]["name"] == "blue.jpg" and by_picture["results"][0]["score"] > 0.99
    assert (
        as_json(cli("search", "blue", "--image", album / "blue.jpg", "--json", home=home))["results"][0]["name"]
        == "blue.jpg"
    )
    (tmp_path / "queries.txt").write_text("a dog\n\nthe blue sky\n")
    answers = as_json(cli("search", "--queries", tmp_path / "queries.txt", "--json", "--top-k", "2", home=home))
    assert [answer["query"] for answer in answers] == ["a dog", "the blue sky"] and all(
        len(a["results"]) == 2 for a in answers
    )


def test_a_search_in_a_folder_or_a_span_of_days(home: Path, album: Path) -> None:
    inside = as_json(cli("search", "red", "--folder", album, "--json", home=home))
    assert len(inside["results"]) == 4 and inside["results"][0]["name"] == "red.jpg"
    nowhere = cli("search", "red", "--folder", album.parent / "elsewhere", "--json", home=home, check=2)
    assert "no such folder in the library" in nowhere.stderr
    never = ("--since", "2001-01-01", "--until", "2001-12-31")
    assert as_json(cli("search", "red", *never, "--json", home=home))["results"] == []
    told = cli("search", "red", "--until", "2001-12-31", home=home)
    assert "No photo passes" in told.stdout + told.stderr


def test_a_search_by_facts(home: Path, tmp_path: Path) -> None:
    """Those that are measured are there too: what was indexed here was read to its end here."""
    for facts, number in (
        (("width=320", "format=jpeg"), 4),
        (("brightness>=0",), 4),
        (("rating>=1",), 0),
        (("width>=321",), 0),
    ):
        where = [part for fact in facts for part in ("--where", fact)]
        assert len(as_json(cli("search", "red", *where, "--json", home=home))["results"]) == number, facts
    assert "There is no fact named 'shutter'" in cli("search", "red", "--where", "shutter=1", home=home, check=2).stderr
    written = as_json(cli("export", tmp_path / "out", "--format", "csv", "--where", "width=320", "--json", home=home))
    assert (
        written["images"] == 4
        and "brightness" in (tmp_path / "out" / "images.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    )
    assert cli("export", tmp_path / "none", "--where", "rating>=1", home=home, check=None).returncode == 2


def test_stats_models_and_tables_for_people(home: Path) -> None:
    stats = as_json(cli("stats", "--json", home=home))
    assert set(stats) == {"images", "files", "segments", "model", "dimensions", "bytes"}
    assert (stats["images"], stats["files"], stats["segments"], stats["model"], stats["dimensions"]) == (
        4,
        4,
        0,
        "builtin",
        768,
    )
    models = {model["id"]: model for model in as_json(cli("models", "--json", home=home))}
    assert models["builtin"]["available"] and models["builtin"]["active"] and not models["ViT-B/32"]["available"]
    table = cli("search", "red", home=home).stdout
    assert "red.jpg" in table and "of 4 photos" in table and "builtin" in cli("stats", home=home).stdout


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A library and its folder, whose long path no 8-bit console can show; one file's name is no text at all."""
    album = tmp_path_factory.mktemp("album") / ("\u4e2d\u6587 za\u017c\u00f3\u0142\u0107 \u6f22\u5b57" * 8)
    album.mkdir()
    make_photo(album / "r\u00f6t \U0001f600.jpg", COLOURS["red"], (320, 240))
    make_photo(album / "blue.jpg", COLOURS["blue"], (320, 240))
    os.rename(album / "blue.jpg", os.fsencode(album) + b"/\xff\xfe.jpg")
    (album / "text \u4e2d.jpg").write_text("no picture")
    home = tmp_path_factory.mktemp("home")
    cli("index", album, home=home)
    return home, album


PLAIN_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


CONSOLES = {"cp1252": partial(cli, encoding="cp1252"), "C": partial(process, **PLAIN_C)}


@pytest.mark.parametrize("run", CONSOLES.values(), ids=CONSOLES)
def test_a_console_that_is_not_utf_8_ends_no_command_in_an_error(
    strange: tuple[Path, Path], tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    home, album = strange
    run = partial(run, home=home)
    assert "\\u4e2d" in run("index", album).stdout
    assert "\\u4e2d" in run("search", "red \u4e2d", "--top-k", "2").stdout
    assert "\\u4e2d" in run("folders").stdout
    assert "is not a picture" in run("search", "--image", album / "text \u4e2d.jpg", check=1).stderr
    assert "2 pictures written" in run("export", tmp_path / "\u4e2d", "--format", "csv").stdout
    assert len(as_json(run("search", "red \u4e2d", "--json"))["results"]) == 2
    (tmp_path / "queries.txt").write_text("red \u4e2d\n", encoding="utf-8")
    assert "red \\u4e2d" in run("search", "--queries", tmp_path / "queries.txt").stdout


def test_words_are_the_same_in_every_locale(strange: tuple[Path, Path]) -> None:
    said, home = ("search", "a r\u00f6d \u4e2d", "--json"), strange[0]
    answers = [as_json(cli(*said, home=home)), as_json(process(*said, home=home, **PLAIN_C))]
    assert answers[0]["query"] == answers[1]["query"] == "a r\u00f6d \u4e2d"
    assert [hit["score"] for hit in answers[0]["results"]] == [hit["score"] for hit in answers[1]["results"]]


def test_what_is_piped_has_a_line_for_each_result(strange: tuple[Path, Path]) -> None:
    home, album = strange
    lines = cli("search", "a plain red picture", home=home, COLUMNS="40").stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.split() == ["chance", "match", "score", "picture"])
    assert lines[at + 1].split("  ")[-1] == str(album / "r\u00f6t \U0001f600.jpg")
    assert lines[at + 3].startswith("2 of 2 photos")


def piped(rest: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """``src.cli`` within a shell's line."""
    environment = {**os.environ, "MFE_HOME": str(home), **env}
    line = f"{sys.executable} -m src.cli {rest}"
    return subprocess.run(
        ["sh", "-c", line], cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_setting_that_the_model_does_not_heed_is_said(strange: tuple[Path, Path]) -> None:
    run = cli("search", "red", "--json", home=strange[0], MFE_DEVICE="cuda")
    assert len(as_json(run)["results"]) == 2
    assert (
        run.stderr == "The built-in model runs on the CPU in fp32; MFE_DEVICE=cuda is for CLIP and Segment Anything.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_to_a_full_disk_is_told(strange: tuple[Path, Path], unbuffered: str) -> None:
    run = piped("models > /dev/full", strange[0], PYTHONUNBUFFERED=unbuffered)
    assert run.returncode == 1 and len(run.stderr.splitlines()) == 1 and "The output could not be written" in run.stderr


@pytest.mark.parametrize(
    ("what", "unbuffered"), [("models", ""), ("models", "1"), ("search red --model nonsense --json", "1")]
)
def test_a_reader_that_has_seen_enough_makes_no_traceback(
    strange: tuple[Path, Path], what: str, unbuffered: str
) -> None:
    run = piped(f"{what} | true", strange[0], PYTHONUNBUFFERED=unbuffered)
    assert "Traceback" not in run.stderr and "Exception" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["search"], 2, "say what to look for"),
        (["search", ""], 2, "say what to look for"),
        (["search", "  "], 2, "The query is empty."),
        (["search", "x", "--since", "yesterday"], 2, "'yesterday' is no day. Write days as YYYY-MM-DD"),
        (["search", "x", "--top-k", "0"], 2, "0 results can't be shown."),
        (["search", "x", "--top-k", "many"], 2, "invalid int value"),
        (["search", "x", "--model", "nonsense"], 2, "nonsense"),
        (["search", "x", "--model", "ViT-B/32"], 1, "ViT-B-32.pt"),
        (["search", "--image", "/nowhere.jpg"], 1, "can't be read"),
        (["search", "--queries", "/nowhere.txt"], 1, "can't be read"),
        (["index", "/nowhere"], 1, "There is no file or folder /nowhere."),
        (["index"], 2, "PATH"),
        (["clear"], 2, "--yes"),
        (["sync", "/nowhere"], 2, "does not follow /nowhere"),
        (["forget-missing"], 2, "0 photos are missing"),
        (["folders", "--watch", "/nowhere"], 2, "does not follow a folder /nowhere"),
        (["folders", "--remove", "/nowhere"], 2, "--yes"),
        (["folders", "--remove", "/nowhere", "--yes"], 2, "does not follow a folder /nowhere"),
        (["folders", "--watch", "/a", "--unwatch", "/b"], 2, "not allowed with"),
        (["export-library"], 2, "FILE"),
        (["export-library", "/nowhere/library.zip"], 1, "can't be written"),
        (["export-library", "/etc/hostname"], 2, "There is a file /etc/hostname already."),
        (["import-library", "/nowhere.zip"], 1, "The library is not empty"),
        (["dance"], 2, "dance"),
        (["--json"], 2, "COMMAND"),
    ],
)
def test_errors_are_one_line_with_the_right_code(home: Path, arguments: list[str], code: int, says: str) -> None:
    run = cli(*arguments, home=home, check=code)
    assert says in run.stderr and len(run.stderr.strip().splitlines()) == 1, run.stderr


def test_an_unreadable_path_does_not_stop_the_others(album: Path, tmp_path: Path) -> None:
    run = cli("index", "/nowhere", album, "--json", home=tmp_path, check=1)
    assert as_json(run)["indexed"] == 4 and run.stderr.strip() == "There is no file or folder /nowhere."


def test_a_query_of_ten_thousand_characters(home: Path) -> None:
    run = cli("search", "red " * 2500, "--json", "--top-k", "1", home=home)
    assert len(as_json(run)["results"]) == 1 and "only the first 2,000 were read" in run.stderr
    assert as_json(run)["notes"] == [run.stderr.strip()]


def test_library_option_and_setting(home: Path, tmp_path: Path) -> None:
    assert as_json(cli("stats", "--json", "--library", home, home=tmp_path))["images"] == 4
    assert as_json(cli("--library", home, "stats", "--json", home=tmp_path))["images"] == 4
    assert "MFE_PRECISION is 'fp8'" in cli("stats", home=home, check=1, MFE_PRECISION="fp8").stderr


@contextlib.contextmanager
def library_owner(home: Path, port: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the library: an app where there is a port, else something like a script."""
    code = (
        f"import sys; from src.bootstrap import build_services; services = build_services(port={port}).start();"
        "print('up', flush=True); sys.stdin.read(); services.close()"
    )
    env = {**os.environ, "MFE_HOME": str(home)}
    owner = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert owner.stdout is not None and owner.stdout.readline() == b"up\n"
        yield owner
    finally:
        owner.communicate(timeout=30)


def test_beside_a_script_that_has_the_library(album: Path, tmp_path: Path) -> None:
    with library_owner(tmp_path, None):
        run = cli("index", album, home=tmp_path, check=1)
        assert "The library is open in another process" in run.stderr and run.stdout == ""
        assert "nothing to search yet" in cli("search", "red", home=tmp_path).stdout


def test_an_app_that_dies_in_mid_job_is_told(album: Path, tmp_path: Path) -> None:
    with library_owner(tmp_path, 8501) as owner:
        owner.send_signal(signal.SIGSTOP)
        command = [sys.executable, "-m", "src.cli", "index", str(album)]
        env = {**os.environ, "MFE_HOME": str(tmp_path)}
        follower = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert follower.stderr is not None and "open in the app" in follower.stderr.readline()
        owner.kill()
        _, said = follower.communicate(timeout=30)
        assert follower.returncode == 1 and "The app ended before the job was done." in said
    assert as_json(cli("index", album, "--json", home=tmp_path))["indexed"] == 4


def test_beside_a_running_app(album: Path, tmp_path: Path) -> None:
    """The app does the work: the command hands it a job and follows it."""
    with library_owner(tmp_path, 8501):
        run = cli("index", album, "--json", home=tmp_path)
        assert as_json(run)["indexed"] == 4 and "open in the app" in run.stderr and len(as_json(run)["skipped"]) == 2
        assert as_json(cli("search", "red", "--json", home=tmp_path))["results"]
        assert as_json(cli("clear", "--yes", "--json", home=tmp_path)) == {"cleared": 4}
        assert as_json(cli("stats", "--json", home=tmp_path))["images"] == 0


def test_folders_are_followed(tmp_path: Path) -> None:
    """New, moved, gone, offline and back; forgetting is only done when told to, and never what is merely offline."""
    home, photos = tmp_path / "home", tmp_path / "photos"
    for name in ("red", "green", "blue"):
        make_photo(photos / f"{name}.jpg", COLOURS[name], (320, 240))
    assert "follows no folder yet" in cli("folders", home=home).stdout
    assert as_json(cli("index", photos, "--json", home=home))["indexed"] == 3
    assert as_json(cli("folders", "--json", home=home))[0].items() >= {
        ("path", str(photos)), ("watched", True), ("offline", False), ("files", 3), ("missing", 0)
    }  # fmt: skip
    make_photo(photos / "deeper" / "yellow.jpg", COLOURS["yellow"], (320, 240))
    (photos / "red.jpg").rename(photos / "deeper" / "rouge.jpg")
    (photos / "blue.jpg").unlink()
    report = as_json(cli("sync", "--json", home=home))
    assert set(report) == {"indexed", "already", "skipped", "seconds", "images_per_s"}
    assert (report["indexed"], report["already"], report["skipped"]) == (1, 2, [])
    assert as_json(cli("search", "red", "--json", "--top-k", 1, home=home))["results"][0]["name"] == "rouge.jpg"
    assert "1 photos are missing" in cli("forget-missing", home=home, check=2).stderr

    photos.rename(tmp_path / "unplugged")
    cli("sync", photos, home=home)
    table = cli("folders", home=home).stdout
    assert "offline" in table and "There is nothing to search yet" not in table
    assert as_json(cli("stats", "--json", home=home))["images"] == 0
    assert as_json(cli("forget-missing", "--yes", "--json", home=home)) == {"forgotten": 0}
    (tmp_path / "unplugged").rename(photos)
    report = as_json(cli("sync", photos, "--json", home=home))
    assert report["indexed"] + report["already"] == 3 and as_json(cli("stats", "--json", home=home))["images"] == 3

    assert "1 missing photos forgotten" in cli("forget-missing", "--yes", home=home).stdout
    assert as_json(cli("folders", "--unwatch", photos, "--json", home=home))[0]["watched"] is False
    assert as_json(cli("folders", "--watch", photos, "--json", home=home))[0]["watched"] is True
    assert as_json(cli("folders", "--remove", photos, "--yes", "--json", home=home)) == {"removed": 3}
    assert as_json(cli("folders", "--json", home=home)) == [] and len(list(photos.rglob("*.jpg"))) == 3


def test_doctor(album: Path, tmp_path: Path) -> None:
    cli("index", album, home=tmp_path)
    assert cli("doctor", home=tmp_path).stdout.strip() == "Nothing wrong."
    next((tmp_path / "data" / "thumbs").rglob("*.jpg")).unlink()
    findings = as_json(cli("doctor", "--check", "--json", home=tmp_path, check=1))["findings"]
    assert len(findings) == 1 and set(findings[0]) == {"check", "text", "repaired"} and findings[0]["repaired"] is False
    table = cli("doctor", home=tmp_path).stdout
    assert "repaired" in table and "yes" in table and len(list((tmp_path / "data" / "thumbs").rglob("*.jpg"))) == 4
    assert as_json(cli("doctor", "--json", home=tmp_path)) == {"findings": []}


def test_an_export_of_a_search_that_nothing_fits_is_refused(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "set"
    run = cli("export", place, "--format", "yolo", "--search", "import numpy as np", home=home, check=1)
    assert (
        "fits" in run.stderr
        and "nothing was exported" in run.stderr
        and "Traceback" not in run.stderr
        and not place.exists()
    )
    weak = as_json(cli("export", place, "--search", "velvet", "--json", home=home, check=1))
    assert "weak match" in weak["error"] and "nothing was exported" in weak["error"] and not place.exists()
    answer = as_json(cli("export", place, "--search", "velvet", "--weak", "--json", home=home))
    assert answer["verdict"] == "match" and 1 <= answer["images"] <= 4 and place.is_dir()


def test_export_and_import(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "library.zip"
    said = as_json(cli("export-library", file, "--json", home=home))
    assert said == {"file": str(file), "bytes": file.stat().st_size, "skipped": []}
    assert "There is a file" in cli("export-library", file, home=home, check=2).stderr
    assert (
        "4 photos are in the library now"
        in cli("import-library", file, "--library", tmp_path / "new", home=home).stdout
    )
    before, after = (
        as_json(cli("search", "a red picture", "--json", "--library", at, home=home)) for at in (home, tmp_path / "new")
    )
    assert [(hit["id"], hit["path"]) for hit in after["results"]] == [
        (hit["id"], hit["path"]) for hit in before["results"]
    ]
    assert "not empty" in cli("import-library", file, "--library", tmp_path / "new", home=home, check=1).stderr


def committed(home: Path) -> int:
    """Images in the catalogue of a library that another process is making."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{(home / 'data' / 'catalog.sqlite3').as_uri()}?mode=ro", uri=True, timeout=0.1)
        ) as db:
            return int(db.execute("SELECT count(*) FROM images").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    for number in range(240):
        make_photo(tmp_path / "photos" / f"{number}.jpg", (number % 256, 90, 160), (320, 240), seed=number)
    home = tmp_path / "home"
    command = [sys.executable, "-m", "src.cli", "index", str(tmp_path / "photos")]
    env = {**os.environ, "MFE_HOME": str(home)}
    # a shell's background jobs are started with it ignored
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, cwd=PROJECT_DIR, env=env, stdout=pipe, stderr=pipe, text=True, preexec_fn=heard)
    while running.poll() is None and not committed(home):
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert (running.returncode, out, said) == (1, "", "Stopped; nothing in the library is lost.\n")
    kept = as_json(cli("stats", "--json", home=home))["images"]
    report = as_json(cli("sync", "--json", home=home))
    assert 0 < kept < 240 and (report["indexed"], report["already"]) == (240 - kept, kept)


def test_the_library_is_looked_after_beside_a_running_app(album: Path, tmp_path: Path) -> None:
    home, photos, file = tmp_path / "home", tmp_path / "photos", tmp_path / "library.zip"
    shutil.copytree(album, photos)
    with library_owner(home, 8501):
        cli("index", photos, home=home)
        (photos / "red.jpg").unlink()
        assert as_json(cli("sync", "--json", home=home))["already"] == 3
        assert as_json(cli("folders", "--json", home=home))[0]["missing"] == 1
        cli("folders", "--unwatch", photos, home=home)
        assert as_json(cli("doctor", "--json", home=home)) == {"findings": []}
        assert as_json(cli("forget-missing", "--yes", "--json", home=home)) == {"forgotten": 1}
        cli("export-library", file, home=home)
        busy = cli("import-library", file, home=home, check=1).stderr
        assert "The library is open in the app at http://127.0.0.1:8501" in busy
        assert as_json(cli("folders", "--remove", photos, "--yes", "--json", home=home)) == {"removed": 3}
        assert as_json(cli("bin", "--empty", "--yes", "--json", home=home)) == {"forgotten": 4}
    assert as_json(cli("import-library", file, "--json", home=home)) == {"images": 3, "files": 3}


def test_clear(album: Path, tmp_path: Path) -> None:
    cli("index", album, home=tmp_path)
    assert "4 photos are in the bin now" in cli("clear", "--yes", home=tmp_path).stdout
    assert "nothing to search yet" in cli("search", "red", home=tmp_path).stdout and len(list(album.iterdir())) == 6
    assert "Undone: clear, 4 photos." in cli("undo", home=tmp_path).stdout
    assert as_json(cli("redo", "--json", home=tmp_path)) == {"kind": "clear", "photos": 4, "operation": 1}
    assert "--empty forgets 4 photos for good" in cli("bin", "--empty", home=tmp_path, check=2).stderr
    assert as_json(cli("bin", "--empty", "--yes", "--json", home=tmp_path)) == {"forgotten": 4}
    assert "nothing to undo" in cli("undo", home=tmp_path, check=2).stderr


def test_help_answers_at_once_because_it_imports_nothing_heavy() -> None:
    heavy = ("numpy", "PIL", "sqlalchemy", "rich", "torch")
    code = (
        "import sys, src.cli.arguments; src.cli.arguments._parser().format_help(); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "[]"
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "src.cli", "--help"], cwd=PROJECT_DIR, capture_output=True, timeout=60, check=True
    )
    print(f"--help took {time.perf_counter() - started:.3f} s")


def test_duplicates(tmp_path: Path) -> None:
    """Copies at three levels, in the exact form that scripts read; the photos themselves are left as they are."""
    home, folder = tmp_path / "home", tmp_path / "photos"
    folder.mkdir()
    original = folder / "a.png"
    scene(1, (640, 480)).save(original)
    shutil.copy(original, folder / "a copy.png")
    scene(1, (640, 480)).save(folder / "b.png", compress_level=1)
    scene(1, (640, 480)).crop((20, 30, 600, 470)).save(folder / "part.jpg", quality=90)
    scene(2, (640, 480)).save(folder / "other.jpg")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    cli("index", folder, home=home)
    groups = as_json(cli("duplicates", "--json", home=home))
    assert all(set(group) == {"level", "files", "keep", "reasons"} for group in groups)
    assert [group["level"] for group in groups] == ["bytes", "pixels", "picture"]
    assert all(group["keep"] == group["files"][0] and group["reasons"] for group in groups)
    names = [{Path(file).name for file in group["files"]} for group in groups]
    assert names[0] == {"a.png", "a copy.png"} and "b.png" in names[1] and "part.jpg" in names[2]
    assert all(len(some) == 2 for some in names) and all(
        Path(file).is_file() for group in groups for file in group["files"]
    )
    (whole,) = as_json(cli("duplicates", "--level", "picture", "--json", home=home))
    assert {Path(file).name for file in whole["files"]} == {"a.png", "a copy.png", "b.png", "part.jpg"}
    assert as_json(cli("duplicates", "--level", "shot", "--json", home=home)) == []
    assert "No file was changed" in cli("duplicates", home=home).stdout
    assert "invalid choice" in cli("duplicates", "--level", "twin", home=home, check=2).stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_assistant_searches_over_standard_input_and_output(home: Path, album: Path) -> None:
    """As the assistants that are in use talk (protocol 2025-06-18), from a folder of their own, and nothing else is
    written to standard output.
    """
    command = [sys.executable, "-m", "src.cli", "mcp", "--library", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR), "PYTHONWARNINGS": "always"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    server = subprocess.Popen(command, cwd=album, env=environment, text=True, encoding="utf-8", **pipes)  # type: ignore[call-overload]
    asked = iter(range(1, 100))

    def ask(method: str, **params: Any) -> Any:
        number = next(asked)
        said = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        server.stdin.write(json.dumps(said) + "\n")
        server.stdin.flush()
        while True:
            answer = json.loads(server.stdout.readline())
            if answer.get("id") == number:
                return answer["result"]

    who = {"name": "test", "version": "1"}
    begun = ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=who)
    assert begun["protocolVersion"] == "2025-06-18" and "maker of this assistant" in begun["instructions"]
    server.stdin.write('this is no message\n{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    found = ask("tools/call", name="search", arguments={"query": "red", "top_k": 2})
    first = found["structuredContent"]["results"][0]
    assert first["name"] == "red.jpg" and first["id"] in found["content"][0]["text"]
    shown = ask("tools/call", name="show", arguments={"ids": [first["id"]]})["content"]
    assert [block["type"] for block in shown] == ["text", "image"]
    assert str(album) not in json.dumps([found, shown])
    rest, errors = server.communicate(timeout=30)
    assert (server.returncode, rest) == (0, "") and "Traceback" not in errors
