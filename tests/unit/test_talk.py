"""search --interactive in a terminal, watch, and the scripts for shells: real processes, a fake model."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import re
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.bootstrap import build_services
from src.cli.arguments import main
from src.cli.prompt import MOST_BYTES, KeptHistory
from src.config import PROJECT_DIR, Settings
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS

FAKE = (
    "import sys, src.bootstrap; from tests.conftest import fake_models;"
    "src.bootstrap.ModelManager = lambda settings: fake_models(settings);"
    "from src.cli.arguments import main; sys.exit(main(sys.argv[1:]))"
)
PATIENCE = 30.0
CTRL_C, CTRL_D, TAB = "\x03", "\x04", "\t"
EVIL = "red \x1b]0;owned\x07\x1b[2J.jpg"
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LD_LIBRARY_PATH")}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm-256color", **more}


class Terminal:
    """A process in a terminal of 80 times 24 characters, which answers nothing that it is asked."""

    def __init__(self, *words: object, **env: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command = [sys.executable, "-c", FAKE, *map(str, words)]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=PROJECT_DIR, env=environment(**env),
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.raw = ""
        self._seen = 0

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, text: str) -> str:
        """What came since the last call up to this text, without escape codes."""
        end = time.monotonic() + PATIENCE
        while text not in (plain := _ESCAPES.sub("", self.raw[self._seen :])):
            assert time.monotonic() < end and self._more(end), f"{text!r} did not come: {plain!r}"
        self._seen = len(self.raw)
        return plain

    def ended(self) -> int:
        """The exit code, once all that was written is read."""
        end = time.monotonic() + PATIENCE
        while self._more(end):
            assert time.monotonic() < end
        os.close(self._master)
        return self.process.wait(10)

    def closed(self) -> int:
        """The exit code once the terminal is gone, as a window that somebody closes."""
        os.close(self._master)
        return self.process.wait(PATIENCE)

    def _more(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError as error:  # the other end is closed
            assert error.errno == errno.EIO
            data = b""
        self.raw += data.decode("utf-8", "replace")
        return bool(data)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of twelve red pictures, one with a name that would drive a terminal, and a blue one with a tag."""
    photos = tmp_path_factory.mktemp("photos")
    for number in range(11):
        make_photo(photos / f"red{number}.jpg", COLOURS["red"], seed=number)
    make_photo(photos / "new.jpg", COLOURS["red"], seed=99).rename(photos / EVIL)
    make_photo(photos / "blue.jpg", COLOURS["blue"])
    settings = Settings(home=tmp_path_factory.mktemp("library"))
    services = build_services(settings, models=fake_models(settings))
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.curation.tag(services.catalog.listing.ids(None, "name")[:1], ["sea side"], [])
    services.close()
    return settings.home


@pytest.fixture
def talk(home: Path) -> Iterator[Terminal]:
    terminal = Terminal("--library", home, "search", "--interactive", COLORTERM="truecolor")
    terminal.until("`help` tells")
    yield terminal
    terminal.process.kill()
    terminal.process.wait()


def test_a_talk(talk: Terminal, home: Path, tmp_path: Path) -> None:
    talk.until("search>")
    talk.type("red\r")
    first = talk.until("goes on.")
    assert "▀" in first and "1 to 6 of 13, from 13 photos" in first
    assert "owned" not in re.sub(r"\ufffd\]0;owned\ufffd", "", first), "a name drives no terminal"
    assert "\x1b]0;owned" not in talk.raw and "\x1b[2J." not in talk.raw
    talk.type("more\r")
    talk.until("7 to 12 of 13, from 13 photos.")
    talk.type("why 1\r")
    assert "What it shows" in talk.until("What it shows")
    talk.type("2\r")
    talk.until("There is no program here that shows pictures.")
    talk.type("77\r")
    talk.until("There is no result 77. To search for a number, put it in quotation marks.")
    talk.type("similar 1\r")
    talk.until("1 to 6 of ")
    talk.type("in objects\r")
    talk.until("search (objects)>")
    talk.type("in images\r")
    talk.until("search>")
    talk.type("name:blue\r")
    talk.until("1 to 1 of 1, from 1 photo")
    talk.type(f"export {tmp_path}/out --format csv\r")
    talk.until("1 pictures written to")
    talk.type(f"export {tmp_path}/out --search x\r")
    talk.until("can't be asked for beside that")
    talk.type("export 'x\r")
    talk.until("No closing quotation")
    talk.type("export\r")
    talk.until("the following arguments are required: PLACE")
    assert (tmp_path / "out").is_dir()
    talk.type("rating:nonsense\r")
    talk.until("rating")
    talk.type(f"half a line{CTRL_C}")
    talk.until("search>")
    talk.type(CTRL_D)
    assert talk.ended() == 0
    kept = home / "data" / "search_history"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    lines = kept.read_text().splitlines()
    assert "red" in lines and "name:blue" in lines and not any("half" in line for line in lines)


@pytest.mark.parametrize("pictures", ["blocks", "off"])
def test_the_end_may_be_typed_while_results_are_printed(home: Path, pictures: str) -> None:
    """Also those of a search that was asked for with the command: each is the end of the talk at the next prompt."""
    terminal = Terminal("--library", home, "search", "-i", "red", "--pictures", pictures, COLORTERM="truecolor")
    terminal.until("red")
    terminal.type(CTRL_D)
    assert terminal.ended() == 0 and "Traceback" not in terminal.raw and "Exception" not in terminal.raw


@pytest.mark.parametrize("when", ["search>", "red"])
def test_a_terminal_that_is_closed_ends_the_talk(home: Path, when: str) -> None:
    terminal = Terminal("--library", home, "search", "-i", *(["red"] if when == "red" else []))
    terminal.until(when)
    assert terminal.closed() == 0


def test_filters_and_their_values_are_completed(talk: Terminal) -> None:
    talk.until("search>")
    talk.type("cam")
    talk.until("The camera's make or model")
    talk.type(f"{CTRL_C}tag:se")
    talk.until("sea side")
    talk.type(f"{TAB}\r")
    talk.until("1 to 1 of 1, from 1 photo")
    talk.type("he" + TAB)
    talk.until("help")
    talk.type(f"{CTRL_C}quit\r")
    assert talk.ended() == 0


def test_what_was_typed_is_there_again(talk: Terminal, home: Path) -> None:
    talk.until("search>")
    talk.type("name:red3\r")
    talk.until("1 to 1 of 1")
    talk.type(" name:red4\r")  # begins with a blank: not kept
    talk.until("1 to 1 of 1")
    talk.type("quit\r")
    assert talk.ended() == 0
    again = Terminal("--library", home, "search", "-i", "--pictures", "off")
    again.until("search>")
    again.type("\x1b[A\x1b[A\r")
    assert "red3.jpg" in again.until("1 to 1 of 1")
    again.until("search>")
    again.type(CTRL_D)
    assert again.ended() == 0


def test_a_terminal_that_can_nothing_gets_plain_lines(home: Path) -> None:
    terminal = Terminal("--library", home, "search", "-i", "blue", TERM="dumb", COLORTERM="truecolor")
    assert "  1  " in terminal.until("of 1")
    terminal.type("quit\n")
    assert terminal.ended() == 0 and "\x1b" not in terminal.raw


def test_lines_may_come_through_a_pipe(home: Path) -> None:
    command = [sys.executable, "-c", FAKE, "--library", str(home), "search", "-i"]
    lines = "name:blue\nwhy 1\nexit\nred\n"
    run = subprocess.run(
        command, input=lines, capture_output=True, text=True, cwd=PROJECT_DIR, env=environment(), timeout=PATIENCE
    )
    assert run.returncode == 0 and "blue.jpg" in run.stdout and "red0" not in run.stdout and "\x1b" not in run.stdout


def test_a_history_is_cut_where_it_grows_long_and_never_another_kind_of_file(tmp_path: Path) -> None:
    history = KeptHistory(tmp_path / "history")
    for number in range(3):
        history.store_string(f"{number} " + "x" * MOST_BYTES)
    history.store_string("last \x1b[31m")
    assert (tmp_path / "history").stat().st_size < 2 * MOST_BYTES
    assert next(iter(history.load_history_strings())) == "last \N{REPLACEMENT CHARACTER}[31m"
    os.mkfifo(tmp_path / "pipe")
    waits = KeptHistory(tmp_path / "pipe")
    waits.store_string("red")
    assert list(waits.load_history_strings()) == []
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    KeptHistory(tmp_path / "link").store_string("red")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("form", ["", "jsonl", "paths"])
def test_watch_prints_what_becomes_findable(tmp_path: Path, form: str) -> None:
    settings, photos = Settings(home=tmp_path / "library"), tmp_path / "photos"
    services = build_services(settings, models=fake_models(settings))
    make_photo(photos / "before.jpg", COLOURS["blue"])
    list(services.handlers["index"]({"paths": [str(photos)]}))
    command = [
        sys.executable,
        "-c",
        FAKE,
        "--library",
        str(settings.home),
        "watch",
        *(["--format", form] if form else []),
    ]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT_DIR, env=environment()
    )
    assert run.stdout is not None and run.stderr is not None
    try:
        assert "No app has the library now" in run.stderr.readline()
        make_photo(photos / "after.jpg", COLOURS["red"])
        list(services.handlers["index"]({"paths": [str(photos)]}))
        line = run.stdout.readline()
        told = json.loads(line)["path"] if form == "jsonl" else line.rstrip("\n")
        assert told == str(photos / "after.jpg")
        run.send_signal(signal.SIGINT)
        rest, said = run.communicate(timeout=PATIENCE)
        assert (run.returncode, rest, said) == (0, "", "")
    finally:
        run.kill()
        run.wait()
        services.close()


def test_watch_ends_with_a_sentence_once_the_library_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, photos = Settings(home=tmp_path / "library"), tmp_path / "photos"
    services = build_services(settings, models=fake_models(settings))
    make_photo(photos / "before.jpg", COLOURS["blue"])
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.close()
    looks = iter([lambda: None, lambda: settings.home.rename(tmp_path / "elsewhere")])
    monkeypatch.setattr("src.cli.watch.time", SimpleNamespace(sleep=lambda _: next(looks)()))
    assert main(["--library", str(settings.home), "watch"]) == 1
    assert "was moved, deleted or replaced" in capsys.readouterr().err
