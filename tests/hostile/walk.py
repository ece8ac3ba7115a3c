"""Reads every file it is given through a PictureReader, some at a time, and prints what came of each as a line of JSON,
memory at the end.

Run by ``test_hostile_decode`` as a process of its own: only so can be shown that nothing reaches stderr, and how much
memory is taken.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from src.errors import UnreadableImage
from src.processing.decoding.reader import PictureReader

SIDE = 448


def resident(pids: list[int]) -> int:
    """Bytes that these processes hold, what they share counted for each."""
    return (
        sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids if Path(f"/proc/{pid}").exists())
        * 4096
    )


def peak(reader: PictureReader, done: threading.Event) -> int:
    most = 0
    while not done.wait(0.005):
        try:
            most = max(most, resident([os.getpid(), *reader._pool.processes()]))
        except (OSError, IndexError):
            continue  # one has just ended
    return most


def outcome(reader: PictureReader, path: Path, careful: bool) -> dict[str, object]:
    started = time.monotonic()
    try:
        image, _ = reader.read(path, SIDE, careful)
        found: dict[str, object] = {"size": image.size}
    except UnreadableImage as error:
        found = {"reason": error.user_message, "lasting": error.lasting}
    return {"path": os.fsencode(path).decode("latin-1"), "seconds": time.monotonic() - started} | found


def main() -> None:
    careful, threads = sys.argv[1] == "careful", int(sys.argv[2])
    paths = [Path(os.fsdecode(line)) for line in sys.stdin.buffer.read().split(b"\0") if line]
    reader, done = PictureReader(), threading.Event()
    before = resident([os.getpid()])
    with ThreadPoolExecutor(threads + 1) as pool:
        memory = pool.submit(peak, reader, done)
        try:
            for found in pool.map(lambda path: outcome(reader, path, careful), paths):
                print(json.dumps(found))
        finally:
            done.set()
        print(json.dumps({"grown": memory.result() - before}))
    reader.close()


if __name__ == "__main__":
    main()
