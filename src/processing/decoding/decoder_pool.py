"""The app's side of the decoder processes: started when needed, again after one ended, killed where one is stuck.

What a picture may take is counted in the process's own time on the processor, which the process has the system count:
how long it takes by the clock says nothing of a file, since computers sleep, are paused and are busy.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from PIL import Image

from src import originals
from src.config import PROJECT_DIR
from src.errors import UnreadableImage
from src.originals import Cancelled
from src.schema import ImageFacts

START_S = 60.0
"""For a process to start: Python and its imports, on a busy machine."""
PICTURE_S = 8.0
"""Of processor time, for a picture of no more than SMALL pixels."""
MEGAPIXEL_S = 0.1
"""More for each megapixel above SMALL."""
SMALL = 20_000_000
STILL_S = 30.0
"""By the clock, after which a process that was never on the processor is given up: its file's disk may hang."""
TICK_S = 0.25
"""Between two looks at a process at work."""
PAUSED_S = 2.0
"""A look that comes so late says that this program did not run meanwhile."""

_ENDLESS = -getattr(signal, "SIGPROF", signal.SIGTERM)
_CRASHES = {
    -getattr(signal, name) for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE") if hasattr(signal, name)
}
_WINDOWS_CRASH = 0xC0000000
"""And above: Windows ends a process with such a status."""
_KILLED = -9
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from src.processing.decoding.decoder_process import main; main()"
)
"""Finds this project also where Python was told (PYTHONSAFEPATH) to look for nothing in the current folder."""

Hold = Callable[[int], AbstractContextManager[None]]
"""Holds so many bytes of memory while decoding."""


class DecoderPool:
    """A few decoder processes, shared by any number of threads."""

    def __init__(self, processes: int, memory: int, command: Sequence[str] = ()) -> None:
        """memory: bytes that decoding one picture may take. command: another program, for tests."""
        run = [*command] or [sys.executable, "-c", _START, str(PROJECT_DIR), str(memory)]
        self._decoders = [_Decoder(run) for _ in range(processes)]
        self._idle: queue.LifoQueue[_Decoder] = queue.LifoQueue()  # the one used last is the one that runs
        for decoder in self._decoders:
            self._idle.put(decoder)

    def decode(
        self, request: dict[str, Any], source: IO[bytes], hold: Hold, cancelled: Cancelled = originals.never
    ) -> tuple[Image.Image, ImageFacts]:
        """What ``decoder_process`` makes of the request. Waits for an idle process. Raises UnreadableImage, OSError.

        source: what follows the request, if it says so.
        """
        decoder = self._idle_one(cancelled)
        try:
            return decoder.decode(request, source, hold, cancelled)
        finally:
            self._idle.put(decoder)

    def _idle_one(self, cancelled: Cancelled) -> _Decoder:
        while True:
            _refuse_if(cancelled)
            with suppress(queue.Empty):
                return self._idle.get(timeout=TICK_S)

    def processes(self) -> list[int]:
        """Process ids of those that run."""
        return [pid for decoder in self._decoders if (pid := decoder.pid()) is not None]

    def close(self) -> None:
        """End all processes, also those at work; what waits for them or comes later gets UnreadableImage."""
        for decoder in self._decoders:
            decoder.close()


class _EndedError(Exception):
    """The process is gone. ``code`` as subprocess gives it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Watch:
    """What was seen of a process at work."""

    def __init__(self) -> None:
        self.paused = False
        """This program did not run for a while: it was stopped, or the computer slept."""
        self.still = False
        """The process made no headway, and was ended."""

    def look(self, process: subprocess.Popen[bytes], done: threading.Event, most: float, cancelled: Cancelled) -> None:
        """Look on until ``done``; end the process if cancelled, or still for ``most`` seconds in which this ran."""
        last, used, still = time.monotonic(), _headway(process.pid), 0.0
        while not done.wait(TICK_S):
            now, before = time.monotonic(), used
            passed, last, used = now - last, now, _headway(process.pid)
            self.paused |= passed > PAUSED_S
            still = still + min(passed, 2 * TICK_S) if used == before else 0.0
            self.still |= still > most
            if self.still or cancelled():
                process.kill()
                return


class _Decoder:
    """One decoder process at a time, used by one thread at a time (``close`` by any)."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._in_step = True
        self._lock = threading.Lock()
        self._at_work = threading.Lock()
        self._watch = _Watch()

    def pid(self) -> int | None:
        process = self._process
        return process.pid if process and process.poll() is None else None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()
                self._process.wait()
        self._give_back()

    def decode(
        self, request: dict[str, Any], source: IO[bytes], hold: Hold, cancelled: Cancelled
    ) -> tuple[Image.Image, ImageFacts]:
        try:
            with self._at_work:
                return self._decode(request, source, hold, cancelled)
        finally:
            if self._closed:
                self._give_back()

    def _give_back(self) -> None:
        """After the close, let go of the process's pipes, unless it is at work: whoever waits for its answer then does
        that.
        """
        if self._at_work.acquire(blocking=False):
            try:
                self._discard()
            finally:
                self._at_work.release()

    def _decode(
        self, request: dict[str, Any], source: IO[bytes], hold: Hold, cancelled: Cancelled
    ) -> tuple[Image.Image, ImageFacts]:
        for again in (False, True):
            self._start()
            try:
                return self._ask(request, source, hold, cancelled)
            except _EndedError as error:
                self._refuse_if_closed()
                _refuse_if(cancelled)
                endless = error.code == _ENDLESS and not self._watch.paused
                # else an earlier picture or somebody from outside may have harmed it: a new process tells
                if again or endless:
                    raise _refusal(error.code, self._watch) from error
            except MemoryError as error:
                raise UnreadableImage("The picture is too large for this machine's memory.") from error
            finally:
                if not self._in_step:  # an answer is on its way that nobody waits for
                    self._running().kill()
                    self._running().wait()
        raise AssertionError

    def _ask(
        self, request: dict[str, Any], source: IO[bytes], hold: Hold, cancelled: Cancelled
    ) -> tuple[Image.Image, ImageFacts]:
        self._in_step = False
        self._watch = _Watch()
        with self._watching(STILL_S, cancelled):
            self._send(request | {"seconds": PICTURE_S})
            self._hand_over(source, request.get("follows", 0))
            answer = self._line()
        if "header" not in answer:
            return self._picture(answer)
        header = answer["header"]
        with hold(header["needs"]), self._watching(STILL_S, cancelled):
            more = MEGAPIXEL_S * max(0, header["width"] * header["height"] - SMALL) / 1e6
            self._send({"seconds": more})
            return self._picture(self._line())

    def _picture(self, answer: dict[str, Any]) -> tuple[Image.Image, ImageFacts]:
        size = answer.get("size", (0, 0))
        pixels = self._bytes(size[0] * size[1] * 3)
        self._in_step = True
        if "refused" in answer:
            raise UnreadableImage(*answer["refused"])
        if "failed" in answer:
            raise OSError(*answer["failed"])
        return Image.frombytes("RGB", size, pixels), ImageFacts(**answer["facts"])

    def _start(self) -> None:
        """Have a process that is ready. Raises UnreadableImage, which does not last: the picture is not at fault."""
        if self.pid() is not None:
            return
        try:
            with self._lock:
                self._refuse_if_closed()
                self._discard()
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=PROJECT_DIR,
                    start_new_session=True,  # Ctrl-C in the terminal is for the app, which then ends this one
                )
            self._watch = _Watch()
            with self._watching(START_S, originals.never):
                self._line()
        except (OSError, _EndedError) as error:
            self._refuse_if_closed()
            raise UnreadableImage("The process that reads this kind of picture could not be started.") from error

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise UnreadableImage("The program is ending.")

    def _discard(self) -> None:
        """Let go of a process that has ended, or is being ended."""
        if self._process and self._process.stdin and self._process.stdout:
            self._process.wait()
            self._process.stdout.close()
            with suppress(OSError):  # what it never read
                self._process.stdin.close()
        self._process = None

    @contextmanager
    def _watching(self, most: float, cancelled: Cancelled) -> Iterator[None]:
        """End the process where it makes no headway in the block for ``most`` seconds, or is cancelled."""
        done = threading.Event()
        looking = threading.Thread(target=self._watch.look, args=(self._running(), done, most, cancelled), daemon=True)
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process
        return self._process

    def _send(self, message: dict[str, Any]) -> None:
        self._write(json.dumps(message).encode() + b"\n")

    def _hand_over(self, source: IO[bytes], size: int) -> None:
        for block in originals.blocks(source, size) if size else ():
            self._write(block)

    def _write(self, data: bytes) -> None:
        process = self._running()
        assert process.stdin
        try:
            process.stdin.write(data)
            process.stdin.flush()
        except OSError as error:
            raise _EndedError(process.wait()) from error

    def _line(self) -> dict[str, Any]:
        process = self._running()
        assert process.stdout
        line = process.stdout.readline()
        if not line.endswith(b"\n"):
            raise _EndedError(process.wait())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _bytes(self, count: int) -> bytes:
        process = self._running()
        assert process.stdout
        data = process.stdout.read(count)
        if len(data) < count:
            raise _EndedError(process.wait())
        return data


def _refuse_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise UnreadableImage(originals.CANCELLED)


def _refusal(code: int, watch: _Watch) -> UnreadableImage:
    """Why a picture is refused whose process ended. It lasts where that can't be but the picture's fault."""
    if code == _ENDLESS:
        return UnreadableImage("The picture is damaged: reading it does not come to an end.", lasting=not watch.paused)
    if code in _CRASHES or code >= _WINDOWS_CRASH:
        return UnreadableImage("The picture is damaged: its decoder crashes.", lasting=True)
    if watch.still:
        return UnreadableImage("Reading it made no headway; it will be tried again.")
    if code == _KILLED:  # the system's way of getting memory back
        return UnreadableImage("The picture is too large for this machine's memory.")
    return UnreadableImage("The process that was reading it was ended; it will be tried again.")


def _headway(pid: int) -> list[bytes]:
    """Grows while a process is on the processor, were it for a moment; empty where the system does not tell so."""
    told = []
    for name in ("stat", "schedstat"):
        with suppress(OSError):
            told.append(Path(f"/proc/{pid}/{name}").read_bytes().rpartition(b")")[2])
    return [b" ".join(told[0].split()[11:13]), *told[1:]] if told else []
