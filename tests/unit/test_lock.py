"""The library's one owner: taken, told to a second process, let go of however the first ends, never confused by what it
left behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from src.config import PROJECT_DIR
from src.database import library_lock as lock_module
from src.database.library_lock import LibraryLock, Owner
from src.errors import LibraryBusy, LibraryUnusable

HOLD = """
import sys
from pathlib import Path
from src.database.library_lock import LibraryLock
lock = LibraryLock(Path(sys.argv[1]))
lock.acquire(int(sys.argv[2]) if sys.argv[2] else None)
print("held", flush=True)
sys.stdin.read()
lock.release()
"""

LOOK = """
import select, sys
from pathlib import Path
from src.database.library_lock import LibraryLock
print("looking", flush=True)
looks = 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    LibraryLock(Path(sys.argv[1])).owner()
    looks += 1
print(looks)
"""


@contextmanager
def holder(file: Path, port: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    command = [sys.executable, "-c", HOLD, str(file), str(port or "")]
    process = subprocess.Popen(command, cwd=PROJECT_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "library.lock"


@pytest.fixture
def owner_file(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    return file.with_name("library.owner.json")


def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_process_is_told_where_the_first_is(file: Path) -> None:
    with holder(file, 8510) as first:
        with pytest.raises(LibraryBusy) as busy:
            LibraryLock(file).acquire()
        assert (
            busy.value.user_message == f"The library is open in the app at http://127.0.0.1:8510 (process {first.pid})."
        )
        assert busy.value.address == "http://127.0.0.1:8510"
        assert LibraryLock(file).owner() == Owner(first.pid, 8510) and LibraryLock(file).serving()
    assert LibraryLock(file).owner() is None and not LibraryLock(file).serving()


def test_a_process_without_pages_takes_no_jobs(file: Path) -> None:
    with holder(file) as first:
        assert LibraryLock(file).owner() == Owner(first.pid, None) and not LibraryLock(file).serving()
        with pytest.raises(LibraryBusy, match=rf"another process \({first.pid}\)") as busy:
            LibraryLock(file).acquire()
        assert busy.value.address is None


def test_after_a_kill_the_lock_is_free_and_what_was_left_names_nobody(file: Path) -> None:
    with holder(file, 8510) as first:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        left = json.loads(file.with_name("library.owner.json").read_text())
        assert left == {"pid": first.pid, "port": 8510}, "it had no time to tidy up"
        assert LibraryLock(file).owner() is None and not LibraryLock(file).serving()
        lock = LibraryLock(file)
        lock.acquire(8511)
        assert lock.owner() == Owner(os.getpid(), 8511)
        lock.release()


def test_the_dead_are_never_named_as_the_owner(file: Path, owner_file: Path) -> None:
    """The lock is held by one that could not say so (a full disk), beside what a killed app left."""
    with holder(file):
        owner_file.write_text(json.dumps({"pid": gone(), "port": 8510}))
        assert LibraryLock(file).owner() is None and not LibraryLock(file).serving()
        with pytest.raises(LibraryBusy) as busy:
            LibraryLock(file).acquire()
        assert "8510" not in busy.value.user_message


def test_the_living_who_hold_nothing_are_never_named_as_the_owner(file: Path, owner_file: Path) -> None:
    """A killed app's process id was given to another program since."""
    owner_file.write_text(json.dumps({"pid": os.getpid(), "port": 8510}))
    assert LibraryLock(file).owner() is None and not LibraryLock(file).serving()
    LibraryLock(file).acquire()
    assert json.loads(owner_file.read_text()) == {"pid": os.getpid(), "port": None}
    LibraryLock(file).release()


@pytest.mark.parametrize(
    "said",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            "{}",
            '{"pid": "x", "port": 1}',
            '{"pid": 1}',
            '{"pid": -1, "port": 1}',
            '{"pid": 1e99, "port": 1}',
        ),
        *("[" * 100_000, '{"pid":' * 100_000, '{"pid": 1e999, "port": 1}'),
    ],
    ids=lambda said: said[:24],
)
def test_an_owner_that_can_not_be_read_is_nobody(file: Path, owner_file: Path, said: str) -> None:
    with holder(file):
        owner_file.write_text(said)
        assert LibraryLock(file).owner() is None
        with pytest.raises(LibraryBusy, match="open in another process"):
            LibraryLock(file).acquire()


def test_looking_does_not_keep_another_from_taking_it(file: Path) -> None:
    """One that only looks holds the lock for a moment; whoever wants it waits that long."""
    file.parent.mkdir(parents=True)
    command = [sys.executable, "-c", LOOK, str(file)]
    looking = subprocess.Popen(command, cwd=PROJECT_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert looking.stdout and looking.stdout.readline() == "looking\n"
    try:
        for _ in range(60):
            lock = LibraryLock(file)
            lock.acquire()
            lock.release()
    finally:
        said, _ = looking.communicate(timeout=60)
    assert int(said) > 0


def test_within_a_process_it_may_be_taken_again(file: Path) -> None:
    first, second = LibraryLock(file), LibraryLock(file)
    first.acquire(8510)
    second.acquire()
    second.release()
    assert file.with_name("library.owner.json").exists(), "the first still has it"
    first.release()
    assert not file.with_name("library.owner.json").exists()


def test_the_owner_needs_not_be_written_down(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("src.files.os.fsync", full)
    lock = LibraryLock(file)
    lock.acquire()
    with holder_refused(file):
        lock.release()


@contextmanager
def holder_refused(file: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, str(file), ""]
    run = subprocess.run(command, cwd=PROJECT_DIR, input="", capture_output=True, text=True, timeout=30)
    assert run.returncode and "LibraryBusy: The library is open in another process." in run.stderr
    yield


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(LibraryUnusable, match="can't be written"):
        LibraryLock(tmp_path / "data" / "library.lock").acquire()


def test_no_clock_is_asked() -> None:
    """Set back, it would keep a lock for ever or give it away: who has it is the system's to say."""
    text = Path(lock_module.__file__).read_text()
    assert "import time" not in text and "datetime" not in text and "st_mtime" not in text
