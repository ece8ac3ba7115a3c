"""The app's side of the decoder processes: started when first needed and again after one has ended, killed where one takes too long."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from PIL import Image

from src.config import PROJECT_DIR
from src.errors import UnreadableImage
from src.schema import ImageFacts

START_S = 60.0
"""For a process to start: Python and its imports, on a busy machine."""
PICTURE_S = 8.0
"""For a picture of no more than SMALL pixels."""
MEGAPIXEL_S = 0.1
"""More for each megapixel above SMALL."""
SMALL = 20_000_000

Hold = Callable[[int], AbstractContextManager[None]]
"""Holds so many bytes of memory while decoding."""


class DecoderPool:
    """A few decoder processes, shared by any number of threads."""

    def __init__(self, processes: int, memory: int, command: Sequence[str] = ()) -> None:
        """memory: bytes that decoding one picture may take. command: another program, for tests."""
        run = [*command] or [sys.executable, "-m", "src.processing.decoder_process", str(memory)]
        self._decoders = [_Decoder(run) for _ in range(processes)]
        self._idle: queue.LifoQueue[_Decoder] = queue.LifoQueue()  # the one used last is the one that runs
        for decoder in self._decoders:
            self._idle.put(decoder)

    def decode(self, request: dict[str, Any], hold: Hold) -> tuple[Image.Image, ImageFacts]:
        """What ``decoder_process`` makes of the request. Waits for an idle process. Raises UnreadableImage, OSError."""
        decoder = self._idle.get()
        try:
            return decoder.decode(request, hold)
        finally:
            self._idle.put(decoder)

    def processes(self) -> list[int]:
        """Process ids of those that run."""
        return [pid for decoder in self._decoders if (pid := decoder.pid()) is not None]

    def close(self) -> None:
        """End all processes, also those at work; what waits for them, and whatever comes later, gets UnreadableImage."""
        for decoder in self._decoders:
            decoder.close()


class _EndedError(Exception):
    """The process is gone. ``code`` as subprocess gives it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Decoder:
    """One decoder process at a time, used by one thread at a time (``close`` by any)."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._in_step = True
        self._lock = threading.Lock()

    def pid(self) -> int | None:
        process = self._process
        return process.pid if process and process.poll() is None else None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()
                self._process.wait()

    def decode(self, request: dict[str, Any], hold: Hold) -> tuple[Image.Image, ImageFacts]:
        for used in (self.pid() is not None, False):
            self._start()
            try:
                return self._ask(request, hold)
            except _EndedError as error:
                self._refuse_if_closed()
                if used:
                    continue  # an earlier picture may have harmed it: a new process tells
                if error.code == -9:  # the system's way of getting memory back
                    raise UnreadableImage("The picture is too large for this machine's memory.") from error
                raise UnreadableImage("The picture is damaged: its decoder crashes.", lasting=True) from error
            except MemoryError as error:
                raise UnreadableImage("The picture is too large for this machine's memory.") from error
            finally:
                if not self._in_step:  # an answer is on its way that nobody waits for
                    self._running().kill()
                    self._running().wait()
        raise AssertionError

    def _ask(self, request: dict[str, Any], hold: Hold) -> tuple[Image.Image, ImageFacts]:
        self._in_step = False
        started = time.monotonic()
        with self._limit(PICTURE_S):
            self._send(request)
            answer = self._line()
        if "header" not in answer:
            return self._picture(answer)
        header = answer["header"]
        seconds = PICTURE_S - (time.monotonic() - started) + MEGAPIXEL_S * max(0, header["width"] * header["height"] - SMALL) / 1e6
        with hold(header["needs"]), self._limit(max(1.0, seconds)):
            self._send({"go": True})
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
            with self._limit(START_S):
                self._line()
        except (OSError, _EndedError, UnreadableImage) as error:
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
    def _limit(self, seconds: float) -> Iterator[None]:
        """Kill the process where the block takes longer. Raises UnreadableImage then."""
        process, late = self._running(), threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            yield
        except _EndedError as error:
            if late.is_set():
                raise UnreadableImage("The picture is damaged: reading it does not come to an end.", lasting=True) from error
            raise
        finally:
            timer.cancel()
            timer.join()
            if late.is_set():
                process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process
        return self._process

    def _send(self, message: dict[str, Any]) -> None:
        process = self._running()
        assert process.stdin
        try:
            process.stdin.write(json.dumps(message).encode() + b"\n")
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
