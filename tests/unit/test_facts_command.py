"""The command ``facts``: what it prints for people and for programs, and how it ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import facts as benchmark
from src.cli.arguments import main
from src.schema.facts import PhotoFacts, PictureMeasures
from src.schema.fields import BY_NAME, FIELDS, OF_THE_LIBRARY, OF_THE_USER, shown
from tests.unit.test_facts import CAMERA, PLACE, SETTINGS, exif, jpeg, xmp

KEYS = (
    *(
        "path",
        "width",
        "height",
        "format",
        "orientation",
        "taken_at",
        "offset",
        "camera_make",
        "camera_model",
    ),
    *("lens", "focal_length", "aperture", "exposure", "iso", "latitude", "longitude", "altitude", "place"),
    *("title", "caption", "keywords", "rating", "software", "sources"),
)


Capture, Patch = pytest.CaptureFixture[str], pytest.MonkeyPatch


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    words = "<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>"
    return jpeg(folder / "a.jpg", exif=exif(CAMERA, SETTINGS, PLACE), xmp=xmp(words, 'dc:title="Elephants"'))


def run(capsys: Capture, *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["facts", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_json_has_its_keys_and_null_elsewhere(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    bare = tmp_path / "photos" / "b.png"
    Image.new("RGB", (7, 5)).save(bare)
    code, out, err = run(capsys, photo.parent, "--json")
    first, second = json.loads(out)
    assert (code, err, tuple(first), tuple(second)) == (0, "", KEYS, KEYS)
    assert first["latitude"] == pytest.approx(-33.45347) and first["longitude"] == pytest.approx(25.764645)
    assert first["altitude"] == pytest.approx(190.2)
    assert {name: value for name, value in first.items() if not name.endswith("itude")} == {
        "path": str(photo),
        "width": 60,
        "height": 40,
        "format": "JPEG",
        "orientation": 6,
        "taken_at": "2020-05-04T18:39:11",
        "offset": "+02:00",
        "camera_make": "Canon",
        "camera_model": "Canon EOS 6D",
        "lens": "EF35mm f/2 IS USM",
        "focal_length": 35.0,
        "aperture": 2.8,
        "exposure": 0.004,
        "iso": 400,
        "place": ["Nomathamasanqa", "Eastern Cape", "South Africa"],
        "title": "Elephants",
        "caption": "A hill",
        "keywords": ["sea"],
        "rating": 4,
        "software": "Firmware 1.1",
        "sources": ["exif", "xmp", "place"],
    }
    known = {"path": str(bare), "width": 7, "height": 5, "format": "PNG", "sources": []}
    assert second == dict.fromkeys(KEYS) | known


def test_one_photo_is_listed_and_several_are_a_table(photo: Path, capsys: Capture) -> None:
    code, out, _ = run(capsys, photo)
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    told = {label: text.strip() for label, text in lines.items()}
    assert code == 0
    assert (told["Camera"], told["Exposure"], told["Aperture"]) == ("Canon EOS 6D", "1/250 s", "f/2.8")
    assert (told["Taken"], told["Offset from UTC"], told["Flash"]) == (
        "2020-05-04 18:39:11",
        "+02:00",
        "fired",
    )
    assert (told["Latitude"], told["Rating"], told["Keywords"]) == ("33.45347° S", "4 of 5", "sea")
    jpeg(photo.with_name("b.jpg"))
    _, out, _ = run(capsys, photo.parent)
    head, first, second = out.splitlines()
    assert head.split() == ["picture", "taken", "camera", "settings", "place", "rating", "title"]
    assert told["Place"] == "Nomathamasanqa, Eastern Cape, South Africa"
    assert "35 mm f/2.8 1/250 s ISO 400" in first and "25.76465° E" in first and first.endswith("Elephants")
    assert second == str(photo.with_name("b.jpg"))


def test_what_cannot_be_read_is_said(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    (photo.parent / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    code, out, err = run(capsys, tmp_path / "nowhere", photo.parent, "--json")
    assert code == 1
    assert [row["path"] for row in json.loads(out)] == [str(photo)]
    gone, broken = err.splitlines()
    assert gone == f"There is no file or folder {tmp_path / 'nowhere'}."
    assert broken == f"{photo.parent / 'broken.jpg'}: The picture is damaged: its header can't be read."


def test_nothing_is_written(photo: Path, tmp_path: Path, capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setenv("MFE_HOME", str(tmp_path / "home"))
    before = photo.read_bytes(), os.stat(photo).st_mtime_ns
    assert run(capsys, photo)[0] == 0
    assert (photo.read_bytes(), os.stat(photo).st_mtime_ns) == before
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.jpg", "photos"]


def test_a_path_must_be_given(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as end:
        main(["facts"])
    assert end.value.code == 2
    assert "facts: the following arguments are required: PATH" in capsys.readouterr().err


def test_the_table_of_fields_has_every_fact_once() -> None:
    names = [field.name for field in FIELDS]
    assert len(names) == len(set(names)) == len(BY_NAME) - len(OF_THE_USER) - len(OF_THE_LIBRARY)
    told = {field.name for field in FIELDS if not field.measured}
    assert told == set(PhotoFacts.__dataclass_fields__)
    assert set(names) - told == set(PictureMeasures.__dataclass_fields__)
    assert tuple(field.name for field in FIELDS if field.in_json) == KEYS[1:]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("exposure", 0.004, "1/250 s"),
        ("exposure", 1 / 3, "0.3 s"),
        ("exposure", 1.0, "1 s"),
        ("exposure", 0.3, "1/3 s"),
        ("exposure", 30.0, "30 s"),
        ("aperture", 2.8, "f/2.8"),
        ("focal_length", 4.25, "4.2 mm"),
        ("focal_length", 400.0, "400 mm"),
        ("iso", 12800, "ISO 12800"),
        ("flash", False, "did not fire"),
        ("latitude", -33.5, "33.50000° S"),
        ("longitude", 0.0, "0.00000° E"),
        ("altitude", 1218.2, "1,218 m"),
        ("rating", -1, "rejected"),
        ("rating", 0, "none"),
        ("rating", 3, "3 of 5"),
        ("keywords", ("a", "b"), "a, b"),
        ("keywords", (), ""),
        ("title", None, ""),
        ("width", 4032, "4,032 px"),
        ("shadows", 0.125, "12%"),
        ("colours", ("#ff0000",), "#ff0000"),
    ],
)
def test_values_as_people_read_them(name: str, value: Any, text: str) -> None:
    assert shown(name, value) == text


def test_the_benchmark_reads_the_sets_that_are_there(photo: Path, tmp_path: Path) -> None:
    photo.parent.rename(tmp_path / "library")
    options = benchmark.argparse.Namespace(data=tmp_path, rounds=1)
    result = benchmark.measure(options)
    assert (result["photos"], result["told"]) == ({"library": 1}, {"library": 24})
    assert result["photos_per_s"]["library"] > 0
    assert "library" in benchmark.table(result) and "bar 2,000" in benchmark.table(result)
    assert benchmark.main(["--data", str(tmp_path / "nowhere")]) == 1
