"""Reading picture files: formats, orientation, facts, and a reason for everything that can't be read."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from src import originals
from src.errors import UnreadableImage
from src.processing.decoding import image_io, metadata
from src.processing.thumbnails import SIDE, thumbnail_path, write_thumbnail
from src.schema import FileStamp
from tests.conftest import make_photo

CAP = 50


def encoded(image: Image.Image, form: str, **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    if form == "HEIF":
        image_io.prepare_pillow()
    image.save(buffer, form, **options)
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_every_format_is_read_by_its_content(form: str) -> None:
    image, facts = image_io.decode(encoded(Image.new("RGB", (64, 48), (200, 40, 40)), form), CAP)
    assert (image.mode, image.size, facts.format) == ("RGB", (64, 48), form)
    assert np.allclose(np.asarray(image).mean(axis=(0, 1)), (200, 40, 40), atol=8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_orientation_is_applied(form: str, orientation: int) -> None:
    upright = Image.new("RGB", (80, 40), "blue")
    upright.paste("red", (0, 0, 40, 40))  # red on the left
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image, facts = image_io.decode(encoded(stored, form, exif=exif.tobytes()), CAP)
    assert image.size == (80, 40) == (facts.width, facts.height)
    left, right = np.asarray(image)[20, 10], np.asarray(image)[20, 70]
    assert left[0] > 180 > 90 > left[2] and right[2] > 180 > 90 > right[0]


def test_capture_time_and_full_size_are_kept_by_a_reduced_decode() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2021:07:03 18:05:09"
    image, facts = image_io.decode(
        encoded(Image.new("RGB", (3200, 1600), "green"), "JPEG", exif=exif), CAP, min_side=300
    )
    assert (facts.width, facts.height, facts.taken_at) == (3200, 1600, "2021-07-03T18:05:09")
    assert 300 <= min(image.size) < 1600


def dated(form: str, main: dict[int, object], details: dict[int, object]) -> str | None:
    """The capture time that is read from a picture with these EXIF fields, main ones and those of its EXIF part."""
    exif = Image.Exif()
    for tag, value in main.items():
        exif[tag] = value
    for tag, value in details.items():
        exif.get_ifd(ExifTags.IFD.Exif)[tag] = value
    return image_io.decode(encoded(Image.new("RGB", (40, 30), "green"), form, exif=exif.tobytes()), CAP)[1].taken_at


ORIGINAL, DIGITIZED, WRITTEN = ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized, ExifTags.Base.DateTime
NO_DATES = [
    "",
    " " * 19,
    "    :  :     :  :  ",
    "0000:00:00 00:00:00",
    "2024:00:10 10:20:30",
    "2024:13:01 10:20:30",
    "2024:02:31 10:20:30",
    "2023:02:29 10:20:30",
    "2024:05:01 25:20:30",
    "2024:05:01 24:00:00",
    "2024:05:01 10:60:30",
    "2024:05:01 10:20:60",
    "1825:12:31 10:20:30",
    "0001:01:01 00:00:00",
    "9999:12:31 23:59:59",
    f"{datetime.now() + timedelta(days=3):%Y:%m:%d} 12:00:00",
    "2024:05",
    "20:05:2024 10:20:30",
    "2024:05:011 10:20:30",
    "2024:05:01 10:20:305",
    "2024:05:01 noon",
    "yesterday",
]


@pytest.mark.parametrize("nonsense", NO_DATES, ids=range(len(NO_DATES)))
def test_a_date_that_is_none_does_not_hide_a_good_one(nonsense: str) -> None:
    assert dated("JPEG", {WRITTEN: nonsense}, {ORIGINAL: nonsense, DIGITIZED: nonsense}) is None
    assert (
        dated("JPEG", {WRITTEN: "2019:07:03 18:05:09"}, {ORIGINAL: nonsense, DIGITIZED: nonsense})
        == "2019-07-03T18:05:09"
    )
    both = {ORIGINAL: nonsense, DIGITIZED: "2018:07:03 18:05:09"}
    assert dated("JPEG", {WRITTEN: "2019:07:03 18:05:09"}, both) == "2018-07-03T18:05:09"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_dates_count_in_the_order_of_trust(form: str) -> None:
    main, details = {WRITTEN: "2023:01:01 01:01:01"}, {DIGITIZED: "2022:01:01 01:01:01"}
    assert dated(form, main, {**details, ORIGINAL: "2021:01:01 01:01:01"}) == "2021-01-01T01:01:01"
    assert dated(form, main, details) == "2022-01-01T01:01:01"
    assert dated(form, main, {}) == "2023-01-01T01:01:01"
    assert dated(form, {**main, ORIGINAL: "2020:01:01 01:01:01"}, {}) == "2020-01-01T01:01:01", (
        "where TIFF/EP and DNG have it"
    )
    assert dated(form, {}, {}) is None
    assert dated("JPEG", {}, {ORIGINAL: f"{datetime.now():%Y:%m:%d} 23:59:59"}) is not None, (
        "clocks differ around the world"
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-05-01T10:20:30", "2024-05-01T10:20:30"),
        ("2024:05:01 10:20:30.123", "2024-05-01T10:20:30"),
        ("2024:05:01 10:20:30+02:00", "2024-05-01T10:20:30"),
        ("2024-05-01T23:59:59.5Z", "2024-05-01T23:59:59"),
        ("2024:05:01 10:20:30 Europe/Berlin", "2024-05-01T10:20:30"),
        ("2024/05/01 10:20:30", "2024-05-01T10:20:30"),
        ("2024.05.01 10:20:30", "2024-05-01T10:20:30"),
        ("2024:05:01  9: 3: 2", "2024-05-01T09:03:02"),
        ("2024: 5: 1 10:20", "2024-05-01T10:20:00"),
        ("  2024:05:01 10:20:30\0 ", "2024-05-01T10:20:30"),
        ("2019:07:03", "2019-07-03T00:00:00"),
        ("2019:07:03   :  :  ", "2019-07-03T00:00:00"),
        ("1826:01:01 00:00:00", "1826-01-01T00:00:00"),
        ("2024:02:29 00:00:00", "2024-02-29T00:00:00"),
    ],
)
def test_usual_ways_of_writing_a_date_are_read_and_none_is_moved_to_another_zone(written: str, read: str) -> None:
    assert dated("JPEG", {}, {ORIGINAL: written}) == read


@pytest.mark.parametrize(
    "written", [None, b"2024:05:01 10:20:30", 20240501, 2024.5, (2024, 5, 1), ("2024:05:01 10:20:30", "")]
)
def test_what_is_no_text_is_no_date(written: object) -> None:
    assert metadata.moment(written) is None


def test_a_damaged_part_of_exif_does_not_hide_a_date_in_the_other() -> None:
    exif = Image.Exif()
    exif[WRITTEN] = "2019:07:03 18:05:09"
    exif.get_ifd(ExifTags.IFD.Exif)[ORIGINAL] = "2018:07:03 18:05:09"
    before, pointer, after = exif.tobytes().partition(b"\x87\x69\0\x04\0\0\0\x01")
    for place in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\x01", bytes(4)):
        image = encoded(Image.new("RGB", (40, 30), "green"), "JPEG", exif=before + pointer + place + after[4:])
        assert pointer and image_io.decode(image, CAP)[1].taken_at == "2019-07-03T18:05:09"


@pytest.mark.skipif(not os.environ.get("MFE_TEST_DATA"), reason="needs the folder that MFE_TEST_DATA names")
@pytest.mark.parametrize("folder", ["camera", "library"])
def test_real_photos_have_the_dates_that_another_program_finds(folder: str) -> None:
    root, compared = Path(os.environ["MFE_TEST_DATA"]) / folder, 0
    for line in (root / "facts.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        facts = row.get("facts", {})
        expected = facts.get("EXIF:DateTimeOriginal") or facts.get("EXIF:CreateDate") or row.get("date_taken")
        if not expected or not (root / row["file"]).is_file():
            continue
        try:
            with (root / row["file"]).open("rb") as file:
                found = image_io.decode(file, 200, 64)[1].taken_at
        except UnreadableImage:
            continue
        compared += 1
        day, _, clock = expected.partition(" ")
        assert found == f"{day.replace(':', '-')}T{clock[:8]}" or (found is None and expected.startswith("0000")), row[
            "file"
        ]
    assert compared >= 20


def test_nonsense_beside_a_good_picture_is_not_seen_and_nothing_of_it_stays() -> None:
    for noise in (
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0",
        b"Exif\0\0no",
    ):
        data = encoded(Image.new("RGB", (40, 30), "green"), "JPEG", exif=noise, comment=b"where I live")
        image, facts = image_io.decode(data, CAP)
        assert (image.size, facts.taken_at, image.info) == ((40, 30), None, {})


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_is_reduced_as_it_looks(mode: str) -> None:
    seen = Image.linear_gradient("L").resize((400, 300)).convert({"I;16": "I"}.get(mode, mode))
    data = encoded(seen.convert(mode), "TIFF")
    whole, reduced = image_io.decode(data, CAP)[0], image_io.decode(data, CAP, min_side=75)[0]
    assert reduced.size == (100, 75)
    difference = np.asarray(whole.reduce(4), np.int16) - np.asarray(reduced, np.int16)
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), PermissionError(13, "denied"), MemoryError()])
def test_what_may_pass_does_not_last(error: Exception) -> None:
    class Failing(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise error

    with pytest.raises(UnreadableImage) as caught:
        image_io.decode(Failing(b"x"), CAP)
    assert not caught.value.lasting


def test_transparency_is_laid_on_white_and_16_bit_scaled() -> None:
    clear, _ = image_io.decode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG"), CAP)
    assert np.asarray(clear).min() == 255
    deep = Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16))
    grey, _ = image_io.decode(encoded(deep, "PNG"), CAP)
    assert abs(int(np.asarray(grey).mean()) - 128) <= 1


def test_every_bad_file_has_a_reason(tmp_path: Path) -> None:
    whole = make_photo(tmp_path / "whole.jpg", size=(400, 300)).read_bytes()
    cases = {
        b"": "The file is empty.",
        b"just some text": "It is not a picture in a format that can be read.",
        whole[: len(whole) // 2]: "The picture is damaged: it ends too early.",
    }
    for data, reason in cases.items():
        with pytest.raises(UnreadableImage) as caught:
            image_io.decode(io.BytesIO(data), CAP)
        assert caught.value.user_message == reason


def test_the_pixel_cap_is_checked_on_the_header() -> None:
    header = encoded(Image.new("1", (9000, 9000)), "PNG")
    with pytest.raises(UnreadableImage, match="9000 x 9000 pixels, more than the limit of 50 megapixels"):
        image_io.decode(header, CAP)


def test_a_stamp_is_the_same_as_far_as_both_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = FileStamp(1, 2, 3, 4, 5)
    for other in (stamp, replace(stamp, device=9), replace(stamp, ctime_ns=0)):
        assert (
            image_io.same_file(stamp, other) and image_io.same_file(other, stamp) and image_io.looks_same(stamp, other)
        )
    assert image_io.looks_same(stamp, replace(stamp, ctime_ns=6)) and not image_io.same_file(
        stamp, replace(stamp, ctime_ns=6)
    )
    for other in (replace(stamp, inode=9), replace(stamp, mtime_ns=9), replace(stamp, size=9)):
        assert not image_io.same_file(stamp, other) and not image_io.looks_same(stamp, other)
    found = tmp_path.stat()
    assert image_io.stamp_of(found).ctime_ns == (found.st_ctime_ns if os.name == "posix" else 0)
    with monkeypatch.context() as windows:
        windows.setattr("os.name", "nt")
        stamped = image_io.stamp_of(found)
    assert stamped.ctime_ns == 0, "there it is when the file was made"


def test_names_and_ids(tmp_path: Path) -> None:
    path = make_photo(tmp_path / "a.jpg")
    with path.open("rb") as file:
        digest = image_io.content_hash(file)
        assert file.tell() == 0
    assert image_io.image_id(digest) == image_io.image_id(digest) != image_io.image_id("0" * 64)
    assert image_io.display_text(Path("/x/caf\udce9.jpg")) == "/x/caf\N{REPLACEMENT CHARACTER}.jpg"


def test_a_hash_is_of_what_was_there_at_first_and_asks_whether_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 256
    (tmp_path / "a").write_bytes(data)
    monkeypatch.setattr("src.originals.BLOCK", 1024)
    with (tmp_path / "a").open("rb") as file:
        assert image_io.content_hash(file) == hashlib.sha256(data).hexdigest()
        asked = iter([False] * 9)
        with pytest.raises(UnreadableImage, match="cancelled") as caught:
            image_io.content_hash(file, lambda: next(asked, True))
        assert not caught.value.lasting and list(asked) == []
        for grown in (b"x", b""):
            size = len(data)
            with pytest.raises(UnreadableImage, match="changed while it was read") as caught:
                for number, _ in enumerate(originals.blocks(file, size)):
                    if number == 3:
                        os.truncate(tmp_path / "a", size + 1 if grown else size - 300)
            assert not caught.value.lasting
            (tmp_path / "a").write_bytes(data)


def test_thumbnail_is_small_upright_and_written_once(tmp_path: Path) -> None:
    image = Image.effect_noise((1200, 900), 30).convert("RGB")
    image_id = "ab1234cd-0000-5000-8000-000000000000"
    path = write_thumbnail(image, tmp_path, image_id)
    assert path == thumbnail_path(tmp_path, image_id) and path.parent.name == "ab"
    before = path.stat().st_mtime_ns
    assert (
        max(Image.open(path).size) == SIDE and write_thumbnail(image, tmp_path, image_id).stat().st_mtime_ns == before
    )
    assert [file.name for file in path.parent.iterdir()] == [f"{image_id}.jpg"]
