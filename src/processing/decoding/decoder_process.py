"""A process that decodes pictures for another one, so that a decoder which crashes or hangs takes nothing else with it.

Started by ``decoder_pool``, with the bytes of memory that a picture may take. Requests come on stdin, answers go to
stdout, each a line of JSON; a picture's answer is followed by its pixels, a request for a picture in memory by that
picture. Between its header and its pixels it waits for a line: the memory may be in use. It ends with its stdin.

How long a picture may take is counted in this process's own processor time, where the system can (all but Windows): the
system ends it with SIGPROF then. A computer that sleeps or is busy takes nothing of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from PIL import AvifImagePlugin, Image

from src import originals
from src.errors import UnreadableImage
from src.processing.decoding import camera_raw, image_io
from src.processing.decoding.image_io import Header
from src.processing.decoding.memory import Limits
from src.schema import ImageFacts

THREADS = 2
"""Of AVIF's and HEIF's decoders: several of these processes may run."""
LIFELINE_S = 120
"""After so long over one picture by the clock the system ends this process, should whoever would do it be gone."""
SLACK = 512 * 2**20
"""Address space beyond the memory for pixels: threads' stacks, files read whole."""


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a C library prints must not come between the answers
    _prepare(int(sys.argv[1]))
    _send(answers, {"ready": True})
    for line in requests:
        request = json.loads(line)
        _allow(request["seconds"])
        _answer(request, requests, answers)
        _allow(0)


def _prepare(memory: int) -> None:
    import pillow_heif

    image_io.prepare_pillow()
    AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS
    pillow_heif.options.DECODE_THREADS = THREADS
    if sys.platform != "win32":
        import resource

        try:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + memory + SLACK,) * 2)
        except (OSError, ValueError):
            pass  # not Linux: the estimate from the header is the only line of defence


def _allow(seconds: float) -> float:
    """So much processor time from now on, 0 for any. Returns what was left."""
    if sys.platform == "win32":
        return 0.0
    signal.alarm(LIFELINE_S if seconds else 0)
    return signal.setitimer(signal.ITIMER_PROF, seconds)[0]


def _answer(request: dict[str, Any], requests: IO[bytes], answers: IO[bytes]) -> None:
    def admit(header: Header) -> None:
        left = _allow(0)
        _send(answers, {"header": vars(header)})
        go = requests.readline()
        if not go:
            sys.exit()
        _allow(left + json.loads(go)["seconds"])

    try:
        with _opened(request, requests) as file:
            image, facts = _decoded(file, request, admit)
        pixels = image.tobytes()
    except UnreadableImage as error:
        _send(answers, {"refused": [error.user_message, error.hint, error.lasting]})
    except MemoryError:
        _send(answers, {"refused": ["The picture is too large for this machine's memory.", "", False]})
    except OSError as error:
        _send(answers, {"failed": [error.errno, error.strerror]})
    else:
        _send(answers, {"size": image.size, "facts": vars(facts)}, pixels)


@contextmanager
def _opened(request: dict[str, Any], requests: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file at the path asked for, if it is still the same, or a nameless copy of the picture that follows.

    The copy goes with this process, however that ends.
    """
    if "follows" in request:
        with tempfile.TemporaryFile() as copy:
            _copy(requests, request["follows"], copy)
            yield copy
        return
    with originals.open_regular(request["path"]) as file:
        found = os.fstat(file.fileno())
        if request["file"] != [found.st_dev, found.st_ino, found.st_size]:
            raise UnreadableImage(originals.CHANGED)
        yield file


def _copy(requests: IO[bytes], size: int, copy: IO[bytes]) -> None:
    """What follows is read to its end also where there is no room for it: the next request comes after it."""
    problem: OSError | None = None
    while size:
        block = requests.read(min(originals.BLOCK, size))
        if not block:
            sys.exit()
        size -= len(block)
        try:
            copy.write(block if problem is None else b"")
        except OSError as error:
            problem = error
    if problem:
        raise UnreadableImage(
            f"There is no room for a copy of it in the temporary folder ({problem.strerror})."
        ) from problem
    copy.seek(0)


def _decoded(file: IO[bytes], request: dict[str, Any], admit: image_io.Admit) -> tuple[Image.Image, ImageFacts]:
    limits, min_side = Limits(**request["limits"]), request["min_side"]
    if camera_raw.is_raw(file, request["suffix"]):
        return camera_raw.decode(file, limits, min_side, admit)
    return image_io.decode(file, limits.megapixels, min_side, limits.bytes, admit)


def _send(answers: IO[bytes], answer: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.write(pixels)
    answers.flush()
