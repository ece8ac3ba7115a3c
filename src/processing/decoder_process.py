"""A process that decodes pictures for another one, so that a decoder which crashes or hangs takes nothing else with it.

Started as ``python -m src.processing.decoder_process MEMORY`` by ``decoder_pool``. Requests come on stdin, answers go to stdout, each
a line of JSON; a picture's answer is followed by its pixels. Between its header and its pixels it waits for a line: the memory may be
in use. It ends with its stdin.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

from PIL import AvifImagePlugin, Image

from src.errors import UnreadableImage
from src.processing import camera_raw, image_io
from src.processing.image_io import Header
from src.processing.memory import Limits
from src.schema import ImageFacts

THREADS = 2
"""Of AVIF's and HEIF's decoders: several of these processes may run."""
LIFELINE_S = 120
"""After so long over one picture the system ends this process, should whoever would do it be gone."""
SLACK = 512 * 2**20
"""Address space beyond the memory for pixels: threads' stacks, files read whole."""


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a C library prints must not come between the answers
    _prepare(int(sys.argv[1]))
    _send(answers, {"ready": True})
    for line in requests:
        _alarm(LIFELINE_S)
        _answer(json.loads(line), requests, answers)
        _alarm(0)


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


def _alarm(seconds: int) -> None:
    if sys.platform != "win32":
        signal.alarm(seconds)


def _answer(request: dict[str, Any], requests: IO[bytes], answers: IO[bytes]) -> None:
    def admit(header: Header) -> None:
        _alarm(0)
        _send(answers, {"header": vars(header)})
        if not requests.readline():
            sys.exit()
        _alarm(LIFELINE_S)

    try:
        image, facts = _decoded(request, admit)
    except UnreadableImage as error:
        _send(answers, {"refused": [error.user_message, error.hint, error.lasting]})
    except OSError as error:
        _send(answers, {"failed": [error.errno, error.strerror]})
    else:
        _send(answers, {"size": image.size, "facts": vars(facts)}, image.tobytes())


def _decoded(request: dict[str, Any], admit: image_io.Admit) -> tuple[Image.Image, ImageFacts]:
    limits, min_side = Limits(**request["limits"]), request["min_side"]
    with open(request["path"], "rb") as file:
        stat = os.fstat(file.fileno())
        if request["file"] not in (None, [stat.st_dev, stat.st_ino, stat.st_size]):
            raise UnreadableImage("The file was changed while it was read.")
        if camera_raw.is_raw(file, request["suffix"]):
            return camera_raw.decode(file, limits, min_side, admit)
        return image_io.decode(file, limits.megapixels, min_side, limits.bytes, admit)


def _send(answers: IO[bytes], answer: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.write(pixels)
    answers.flush()


if __name__ == "__main__":
    main()
