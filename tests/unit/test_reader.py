"""PictureReader: what is decoded where, and what a decoder that crashes, hangs or grows leaves behind: nothing but a
reason.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import ExifTags, Image

from src.config import PROJECT_DIR
from src.errors import UnreadableImage
from src.processing.decoding import decoder_pool, image_io, memory, reader
from src.processing.decoding.decoder_pool import DecoderPool
from src.processing.decoding.memory import Budget
from src.processing.decoding.reader import READER, PictureReader
from tests.conftest import make_photo

BAD_DECODER = """
import ctypes, os, signal, sys, time
from pathlib import Path
from src.processing.decoding import decoder_process

answer = decoder_process._decoded
crashed = False

def decoded(file, request, admit):
    global crashed
    text = file.read(32).removeprefix(b"II*\\0")
    file.seek(0)
    if text == b"crash" or crashed:
        ctypes.string_at(0)
    if text == b"kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == b"hang":
        time.sleep(600)
    while text == b"turn in circles":
        pass
    if text == b"end":
        os.kill(os.getpid(), signal.SIGTERM)
    if request.get("path", "").endswith("slow.tif"):
        time.sleep(0.5)
    if text == b"leave broken":
        crashed = True
    if text == b"noise":
        os.write(1, b"a C library on stdout"), os.write(2, b"and on stderr")
    return answer(file, request, admit)

decoder_process._decoded = decoded
decoder_process.main()
"""


@pytest.fixture
def pictures() -> Iterator[PictureReader]:
    opened = PictureReader()
    yield opened
    opened.close()


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureReader]:
    """A reader with one decoder process that crashes, hangs or is killed where a file says so."""
    command = [sys.executable, "-c", BAD_DECODER, str(2**29)]
    monkeypatch.setattr(reader, "DecoderPool", lambda _, limit: DecoderPool(1, limit, command))
    opened = PictureReader()
    yield opened
    opened.close()


def saved(path: Path, form: str, size: tuple[int, int] = (64, 48), **options: object) -> Path:
    image_io.prepare_pillow()
    Image.new("RGB", size, (200, 40, 40)).save(path, form, **options)
    return path


def bad(path: Path) -> Path:
    """A file that does to the decoder what its name says; it begins as a TIFF does."""
    path.write_bytes(b"II*\0" + path.name.encode())
    return path


def _runs(pid: int) -> bool:
    """A process that ended but that nobody has asked for its exit code does not run."""
    try:
        os.kill(pid, 0)
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return not Path("/proc").is_dir()


def made_dng(preview: bytes) -> bytes:
    """A DNG of 64 x 48 grey sensor values, held upright (orientation 6), with this JPEG as its preview."""
    width, height = 64, 48
    sensor = struct.pack("<H", 2000) * (width * height)

    def directory(at: int, entries: list[tuple[int, int, bytes]]) -> bytes:
        sizes = {1: 1, 2: 1, 3: 2, 4: 4, 10: 8}
        head, more = struct.pack("<H", len(entries)), b""
        for tag, kind, data in sorted(entries):
            head += struct.pack("<HHI", tag, kind, len(data) // sizes[kind])
            head += (
                data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", at + 6 + 12 * len(entries) + len(more))
            )
            more += data if len(data) > 4 else b""
        return head + bytes(4) + more

    def short(*values: int) -> bytes:
        return struct.pack(f"<{len(values)}H", *values)

    def long(value: int) -> bytes:
        return struct.pack("<I", value)

    matrix = struct.pack(
        "<18i", *[number for row in ((1, 1, 0, 1, 0, 1), (0, 1, 1, 1, 0, 1), (0, 1, 0, 1, 1, 1)) for number in row]
    )
    whole = [
        (256, 4, long(width)),
        (257, 4, long(height)),
        (258, 3, short(16)),
        (259, 3, short(1)),
        (262, 3, short(32803)),
    ]
    whole += [
        (254, 4, long(0)),
        (273, 4, long(2048)),
        (277, 3, short(1)),
        (278, 4, long(height)),
        (279, 4, long(len(sensor))),
    ]
    whole += [(33421, 3, short(2, 2)), (33422, 1, bytes([0, 1, 1, 2]))]
    first = [
        (254, 4, long(1)),
        (256, 4, long(640)),
        (257, 4, long(480)),
        (258, 3, short(8, 8, 8)),
        (259, 3, short(7)),
        (262, 3, short(6)),
    ]
    first += [
        (271, 2, b"Made\0"),
        (272, 2, b"Made up\0"),
        (273, 4, long(2048 + len(sensor))),
        (274, 3, short(6)),
        (277, 3, short(3)),
    ]
    first += [
        (278, 4, long(480)),
        (279, 4, long(len(preview))),
        (330, 4, long(1024)),
        (50706, 1, bytes([1, 4, 0, 0])),
        (50721, 10, matrix),
    ]
    start = (b"II*\0" + long(8) + directory(8, first)).ljust(1024, b"\0") + directory(1024, whole)
    return start.ljust(2048, b"\0") + sensor + preview


def at_once(work: Callable[[], Any]) -> Any:
    """What ``work`` gives. Fails where it does not end, instead of waiting with it."""
    return ThreadPool(1).apply_async(work).get(20)


def refusal(opened: PictureReader, path: Path, **options: object) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        opened.read(path, **options)
    return caught.value


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_content_decides_where_and_how_a_file_is_decoded(tmp_path: Path, pictures: PictureReader, form: str) -> None:
    path = saved(tmp_path / "named.txt", form)
    image, facts = pictures.read(path)
    assert (image.mode, image.size, facts.format) == ("RGB", (64, 48), form)
    assert np.allclose(np.asarray(image).mean(axis=(0, 1)), (200, 40, 40), atol=8)
    assert bool(pictures._pool.processes()) == (form in ("TIFF", "HEIF", "AVIF"))
    again, careful = pictures.read(path, careful=True)
    assert careful == facts and again.tobytes() == image.tobytes() and pictures._pool.processes()


def test_files_paths_and_bytes_give_the_same(tmp_path: Path, pictures: PictureReader) -> None:
    path = saved(tmp_path / "caf\udce9\nline.tif", "TIFF")
    image, facts = pictures.read(path)
    with path.open("rb") as file:
        file.seek(7)
        assert pictures.read(file)[0].tobytes() == image.tobytes()
    assert pictures.read(io.BytesIO(path.read_bytes())) == (image, facts)
    with pytest.raises(FileNotFoundError):
        pictures.read(tmp_path / "nowhere.jpg")


def test_no_picture_in_memory_is_left_in_the_temporary_folder(
    tmp_path: Path, pictures: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while it is read: what ends this program then would leave it there."""
    place, seen = tmp_path / "temporary", list[str]()
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    take = pictures._budget.taken

    def looking(needs: int) -> AbstractContextManager[None]:
        seen.extend(path.name for path in place.iterdir())
        return take(needs)

    monkeypatch.setattr(pictures._budget, "taken", looking)
    path = saved(tmp_path / "a.tif", "TIFF")
    assert pictures.read(io.BytesIO(path.read_bytes()))[0].size == (64, 48)
    with tempfile.TemporaryFile() as nameless:
        nameless.write(path.read_bytes())
        assert pictures.read(nameless)[0].size == (64, 48)
    assert pictures._pool.processes() and seen == []


def test_a_picture_in_memory_is_handed_on_up_to_a_size(
    tmp_path: Path, pictures: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "COPY_BYTES", 3 * 2**20)
    assert pictures.read(io.BytesIO(saved(tmp_path / "a.tif", "TIFF", (1000, 1000)).read_bytes()))[0].size == (
        1000,
        1000,
    )
    large = io.BytesIO(saved(tmp_path / "b.tif", "TIFF", (1100, 1000)).read_bytes())
    with pytest.raises(UnreadableImage, match="The file has 3 MB, more than the limit of 3 MB") as caught:
        pictures.read(large)
    assert not caught.value.lasting


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files in folders")
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, pictures: PictureReader) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s.jpg"))
        cases = {
            tmp_path / "pipe.jpg": "a pipe",
            tmp_path / "s.jpg": "a socket",
            Path("/dev/zero"): "a device",
            tmp_path: "a folder",
        }
        for path, kind in cases.items():
            error = at_once(partial(refusal, pictures, path))
            assert error.user_message == f"It is {kind}, not a picture file." and not error.lasting
    with open("/dev/zero", "rb") as endless, pytest.raises(UnreadableImage, match="a device"):
        at_once(partial(pictures.read, endless))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_a_file_that_becomes_a_pipe_as_it_is_opened_is_refused(
    tmp_path: Path, pictures: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    usual = os.stat(saved(path, "JPEG"))
    path.unlink()
    os.mkfifo(path)
    with monkeypatch.context() as patch:
        patch.setattr("src.originals.os.stat", lambda *_: usual)
        error = at_once(partial(refusal, pictures, path))
    assert error.user_message == "It is a pipe, not a picture file."


def test_a_huge_file_is_judged_by_its_size_and_its_beginning(tmp_path: Path, pictures: PictureReader) -> None:
    """Holes take no space on the disk; what reads through them takes minutes, and a copy would."""
    huge = saved(tmp_path / "huge.jpg", "JPEG")
    os.truncate(huge, 50 * 2**30)
    error = at_once(partial(refusal, pictures, huge))
    assert error.user_message == "The file has 50 GB, more than the limit of 4 GB." and not error.lasting
    hollow = tmp_path / "hollow.jpg"
    hollow.touch()
    os.truncate(hollow, 3 * 2**30)
    for careful in (False, True):
        error = at_once(partial(refusal, pictures, hollow, careful=careful))
        assert error.user_message == "It is not a picture in a format that can be read." and error.lasting
    assert not pictures._pool.processes()


def test_all_orientations_of_a_tiff_with_its_facts(tmp_path: Path, pictures: PictureReader) -> None:
    upright = Image.new("RGB", (80, 40), "blue")
    upright.paste("red", (0, 0, 40, 40))
    for orientation, undo in {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.items():
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        upright.transpose(Image.Transpose(undo)).save(tmp_path / "x.tif", exif=exif)
        for side in (None, 20):
            image, facts = pictures.read(tmp_path / "x.tif", side)
            assert (facts.width, facts.height) == (80, 40) and image.size == ((80, 40) if side is None else (40, 20))
            assert image.getpixel((1, 1)) == (255, 0, 0) and image.getpixel((image.width - 2, 1)) == (0, 0, 255)


def test_a_large_picture_is_shrunk_and_not_decoded_in_the_app(
    tmp_path: Path, pictures: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "large.png", "PNG", (3000, 2000))
    here, _ = pictures.read(path, 300)
    assert here.size == (500, 334) and not pictures._pool.processes()
    monkeypatch.setattr(reader, "HERE_BYTES", 12_000_000)
    there, facts = pictures.read(path, 300)
    assert (there.tobytes(), facts.width, facts.height) == (here.tobytes(), 3000, 2000) and pictures._pool.processes()
    photo = saved(tmp_path / "photo.jpg", "JPEG", (3000, 2000))
    pictures.close()
    # at a reduced scale it needs little: in the app, without any process
    assert pictures.read(photo, 300)[0].size == (750, 500)


def test_a_jpeg_of_too_many_scans_is_decoded_elsewhere(tmp_path: Path, fragile: PictureReader) -> None:
    data = saved(tmp_path / "a.jpg", "JPEG").read_bytes()
    marks = b"\xff\xda" * (reader.SCANS + 1)
    comment = b"\xff\xfe" + struct.pack(">H", len(marks) + 2) + marks
    (tmp_path / "a.jpg").write_bytes(data[:2] + comment + data[2:])
    fragile.read(tmp_path / "a.jpg")
    assert fragile._pool.processes()


def test_a_crash_is_a_lasting_reason_and_the_next_picture_is_read(tmp_path: Path, fragile: PictureReader) -> None:
    bad(tmp_path / "crash")
    good = saved(tmp_path / "good.tif", "TIFF")
    fragile.read(good)
    for _ in range(2):
        error = refusal(fragile, tmp_path / "crash")
        assert error.user_message == "The picture is damaged: its decoder crashes." and error.lasting
    assert fragile.read(good)[0].size == (64, 48)


def test_the_picture_after_the_one_that_broke_the_process_is_not_blamed(tmp_path: Path, fragile: PictureReader) -> None:
    bad(tmp_path / "leave broken")
    refusal(fragile, tmp_path / "leave broken")
    assert fragile.read(saved(tmp_path / "good.tif", "TIFF"))[0].size == (64, 48)


def test_a_process_killed_by_the_system_is_not_the_pictures_fault(tmp_path: Path, fragile: PictureReader) -> None:
    bad(tmp_path / "kill")
    error = refusal(fragile, tmp_path / "kill")
    assert "memory" in error.user_message and not error.lasting


def test_where_the_system_tells_of_no_memory_some_is_taken_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_container", lambda: None)
    told = memory.available()
    assert 0 < told <= psutil.virtual_memory().total
    monkeypatch.setattr(memory, "_container", lambda: told // 2)
    assert memory.available() == told // 2, "a container has less"
    monkeypatch.setattr(memory, "_container", lambda: None)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "nowhere"))
    assert memory.available() == 2 * 2**30


def test_a_decoder_that_turns_in_circles_is_ended_by_its_own_time(
    tmp_path: Path, fragile: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = saved(tmp_path / "good.tif", "TIFF")
    fragile.read(good)
    (before,) = fragile._pool.processes()
    monkeypatch.setattr(decoder_pool, "PICTURE_S", 0.3)
    error = refusal(fragile, bad(tmp_path / "turn in circles"))
    assert "does not come to an end" in error.user_message and error.lasting and not fragile._pool.processes()
    monkeypatch.undo()
    fragile.read(good)
    assert fragile._pool.processes() != [before]


def test_a_decoder_that_waits_for_ever_is_killed_for_a_reason_that_passes(
    tmp_path: Path, fragile: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragile.read(saved(tmp_path / "good.tif", "TIFF"))
    for limit in ("PICTURE_S", "STILL_S"):
        monkeypatch.setattr(decoder_pool, limit, 0.5, raising=False)
    error = refusal(fragile, bad(tmp_path / "hang"))
    assert not error.lasting and "tried again" in error.user_message and not fragile._pool.processes()


@pytest.mark.skipif(sys.platform == "win32", reason="stops processes as POSIX does")
def test_a_decoder_that_was_stopped_for_longer_than_any_limit_is_replaced(
    tmp_path: Path, fragile: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = saved(tmp_path / "good.tif", "TIFF")
    fragile.read(good)
    (pid,) = fragile._pool.processes()
    for limit in ("PICTURE_S", "STILL_S"):
        monkeypatch.setattr(decoder_pool, limit, 0.5, raising=False)
    os.kill(pid, signal.SIGSTOP)
    assert fragile.read(good)[0].size == (64, 48)


@pytest.mark.skipif(sys.platform == "win32", reason="stops processes as POSIX does")
def test_a_program_that_was_stopped_in_the_middle_reads_on(tmp_path: Path) -> None:
    """A suspended computer and a paused virtual machine are like this too."""
    saved(tmp_path / "good.tif", "TIFF"), saved(tmp_path / "slow.tif", "TIFF")
    code = (
        "import sys; from pathlib import Path; from src.processing.decoding import decoder_pool, reader\n"
        "decoder_pool.PICTURE_S = decoder_pool.STILL_S = 1.0\n"
        "pool = decoder_pool.DecoderPool(1, 2**29, [sys.executable, '-c', sys.argv[2], str(2**29)])\n"
        "reader.DecoderPool = lambda *_: pool; folder = Path(sys.argv[1]); opened = reader.PictureReader()\n"
        "opened.read(folder / 'good.tif'); print(*pool.processes(), flush=True)\n"
        "print(opened.read(folder / 'slow.tif')[0].size); opened.close()"
    )
    command = [sys.executable, "-c", code, str(tmp_path), BAD_DECODER]
    with subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout
        pids = [int(run.stdout.readline()), run.pid]
        threading.Event().wait(0.1)  # it is reading the slow one now
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        threading.Event().wait(2.0)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        told, errors = run.communicate(timeout=60)
    assert (told, errors) == ("(64, 48)\n", "")


def test_a_decoder_that_was_ended_from_outside_is_not_the_pictures_fault(
    tmp_path: Path, fragile: PictureReader
) -> None:
    error = refusal(fragile, bad(tmp_path / "end"))
    assert "tried again" in error.user_message and not error.lasting


def test_cancelling_ends_a_decoder_at_work(tmp_path: Path, fragile: PictureReader) -> None:
    fragile.read(saved(tmp_path / "good.tif", "TIFF"))
    error = refusal(fragile, bad(tmp_path / "hang"), cancelled=lambda: True)
    assert "cancelled" in error.user_message and not error.lasting
    asked = iter([False] * 3)
    error = refusal(fragile, tmp_path / "hang", cancelled=lambda: next(asked, True))
    assert "cancelled" in error.user_message and not error.lasting and not fragile._pool.processes()


def test_noise_of_c_libraries_goes_nowhere(
    tmp_path: Path, fragile: PictureReader, capfd: pytest.CaptureFixture[str]
) -> None:
    bad(tmp_path / "noise")
    assert "picture" in refusal(fragile, tmp_path / "noise").user_message
    assert capfd.readouterr() == ("", "")


def test_a_process_that_does_not_start_is_not_the_pictures_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "a.tif", "TIFF")
    for command in ([sys.executable, "-c", "raise SystemExit"], ["/nowhere/python"]):
        monkeypatch.setattr(reader, "DecoderPool", partial(DecoderPool, command=command))
        error = refusal(PictureReader(), path)
        assert "could not be started" in error.user_message and not error.lasting


def test_close_ends_every_process_and_those_at_work(tmp_path: Path, fragile: PictureReader) -> None:
    bad(tmp_path / "hang")
    fragile.read(saved(tmp_path / "good.tif", "TIFF"))
    (pid,) = fragile._pool.processes()
    started = [decoder._process for decoder in fragile._pool._decoders if decoder._process]
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(refusal, fragile, tmp_path / "hang") for _ in range(2)]
        fragile.close()
        assert [error.result().lasting for error in waiting] == [False, False]
    assert fragile._pool.processes() == [] and not _runs(pid)
    assert started and all(
        process.stdin.closed and process.stdout.closed for process in started if process.stdin and process.stdout
    )
    assert refusal(fragile, tmp_path / "good.tif").user_message == "The program is ending."


@pytest.mark.skipif(sys.platform == "win32", reason="looks for the process as POSIX does")
def test_processes_end_with_an_app_that_was_killed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", "TIFF")
    code = (
        "import os, sys; from pathlib import Path; "
        "from src.processing.decoding.reader import PictureReader; r = PictureReader();"
        "r.read(Path(sys.argv[1])); print(*r._pool.processes(), flush=True); os.kill(os.getpid(), 9)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60
    )
    gone = threading.Event()
    for _ in range(200):
        if not _runs(int(run.stdout)):
            break
        gone.wait(0.05)
    assert not _runs(int(run.stdout)) and run.stderr == ""


def test_many_threads_share_few_processes(tmp_path: Path, pictures: PictureReader) -> None:
    paths = []
    for number in range(24):
        form = ("TIFF", "AVIF", "JPEG", "PNG")[number % 4]
        paths.append(saved(tmp_path / str(number), form, (20 + number, 30)))
    with ThreadPoolExecutor(12) as threads:
        sizes = [image.size for image, _ in threads.map(pictures.read, paths)]
    assert sizes == [(20 + number, 30) for number in range(24)]
    assert 1 <= len(pictures._pool.processes()) <= min(reader.PROCESSES, os.cpu_count() or 1)


def test_a_file_that_was_replaced_meanwhile_is_not_taken_for_the_old_one(
    tmp_path: Path, pictures: PictureReader
) -> None:
    path = saved(tmp_path / "a.tif", "TIFF")
    with path.open("rb") as file:
        saved(tmp_path / "b.tif", "TIFF", (10, 10)).replace(path)
        with pytest.raises(UnreadableImage, match="changed") as caught:
            pictures.read(file)
    assert not caught.value.lasting


@pytest.mark.parametrize("careful", [False, True])
def test_the_caps_name_the_size_and_the_limit(tmp_path: Path, careful: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.png", "PNG", (2000, 2000))
    error = refusal(PictureReader(2), path, careful=careful)
    assert error.user_message == "It has 2000 x 2000 pixels, more than the limit of 2 megapixels." and not error.lasting
    monkeypatch.setattr(memory, "available", lambda: 0)
    monkeypatch.setattr(memory, "LEAST_BYTES", 20 * 2**20)
    small = PictureReader()
    error = refusal(small, path, careful=careful)
    assert (
        error.user_message
        == "It has 2000 x 2000 pixels and takes 91 MB of memory to read, more than the limit of 20 MB."
    )
    assert not error.lasting and small.read(path, 200, careful)[0].size == (200, 200)
    small.close()


@pytest.mark.parametrize(("size", "passes"), [((2000, 1000), True), ((1000, 2000), True), ((2001, 1000), False)])
def test_a_picture_of_just_as_many_pixels_as_allowed_passes(
    tmp_path: Path, size: tuple[int, int], passes: bool
) -> None:
    path = saved(tmp_path / "a.png", "PNG", size)
    if passes:
        assert PictureReader(2).read(path)[1].width == size[0]
    else:
        assert "2001 x 1000 pixels" in refusal(PictureReader(2), path).user_message


def test_the_cap_goes_by_the_memory_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 64 * 2**30)
    assert memory.limits(None) == memory.Limits(200, memory.MOST_BYTES)
    assert memory.limits(500) == memory.Limits(500, 500_000_000 * memory.WORST_BYTES_PER_PIXEL)
    monkeypatch.setattr(memory, "available", lambda: 900 * 2**20)
    assert memory.limits(None).bytes == 300 * 2**20
    assert memory.limits(500).bytes == 675 * 2**20
    monkeypatch.undo()
    assert memory.available() > 0


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux only")
def test_a_decoder_that_grows_beyond_its_memory_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greedy = (
        "from src.processing.decoding import decoder_process as d; "
        "d._decoded = lambda *_: bytearray(10**9) and None; d.main()"
    )
    monkeypatch.setattr(
        reader, "DecoderPool", lambda _, limit: DecoderPool(1, limit, [sys.executable, "-c", greedy, "1000000"])
    )
    opened = PictureReader()
    (tmp_path / "a").write_bytes(b"a")
    refusal(opened, tmp_path / "a")
    opened.close()


def test_the_budget_bounds_what_is_decoded_at_once() -> None:
    budget, used, most, lock = Budget(100), [0], [0], threading.Lock()

    def work(needs: int) -> None:
        with budget.taken(needs):
            with lock:
                used[0] += needs
                most[0] = max(most[0], used[0])
            threading.Event().wait(0.002)
            with lock:
                used[0] -= needs

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, [30, 60, 90, 10, 500, 40, 30, 20] * 4))
    assert most[0] == 500 and used[0] == 0  # more than there is, alone


def test_camera_raw_without_rawpy_is_a_clear_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = (
        "import sys; sys.modules['rawpy'] = None; from src.processing.decoding import decoder_process as d; d.main()"
    )
    monkeypatch.setattr(
        reader, "DecoderPool", lambda _, limit: DecoderPool(1, limit, [sys.executable, "-c", without, str(limit)])
    )
    opened = PictureReader()
    tags = {50706: b"\x01\x04\x00\x00"}
    raws = [saved(tmp_path / "a.NEF", "TIFF"), saved(tmp_path / "tagged", "TIFF", tiffinfo=tags), tmp_path / "b.raf"]
    raws[2].write_bytes(b"FUJIFILMCCD-RAW 0201")
    for path in raws:
        assert refusal(opened, path).user_message == (
            "It is a camera RAW file; its preview can be read once the package rawpy is installed."
        )
    assert opened.read(saved(tmp_path / "really.dng", "JPEG"))[1].format == "JPEG"
    opened.close()


def test_the_preview_of_camera_raw(tmp_path: Path, pictures: PictureReader) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.dng"
    path.write_bytes(made_dng(make_photo(tmp_path / "preview.jpg", (200, 40, 40), (640, 480)).read_bytes()))
    image, facts = pictures.read(path, 320)
    assert (facts.format, facts.width, facts.height, image.size) == ("RAW", 480, 640, (480, 640))
    assert np.allclose(np.asarray(image).mean(axis=(0, 1)), (200, 40, 40), atol=10)
    assert pictures.read(saved(tmp_path / "plain.nef", "TIFF"))[1].format == "TIFF"


def test_the_version_names_the_decoders() -> None:
    assert READER.split()[1] == "pillow" and "pillow-heif" in READER and "rawpy" in READER
