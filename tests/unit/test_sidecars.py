"""Sidecars: four properties change, every other byte stays; another program reads what was written."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from src.processing.facts.reader import FactsReader
from src.processing.facts.xmp import properties
from src.processing.facts.xmp_edit import EMPTY, OddPacket, edited
from src.runtime import Services
from src.schema import Progress, Skipped
from tests.conftest import make_photo, of

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC, XMP = 'xmlns:dc="http://purl.org/dc/elements/1.1/"', 'xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
LR = 'xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
DARKTABLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF {RDF}>
  <rdf:Description rdf:about=""
    {DC}
    {XMP}
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating = '1'
   darktable:params="a > b &amp; c"
   darktable:xmp_version="5">
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:operation="rawprepare"/>
    </rdf:Seq>
   </darktable:history>
   <dc:subject>
    <rdf:Bag><rdf:li>Boat</rdf:li></rdf:Bag>
   </dc:subject>
   <!-- a remark -->
   <dc:description><rdf:Alt><rdf:li xml:lang="de-DE">Meer</rdf:li><rdf:li xml:lang="x-default">old</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
""".encode()  # noqa: E501
ALONE = f'<rdf:RDF {RDF}><rdf:Description {XMP} xmp:Rating="2" xmp:Label="x"/></rdf:RDF>'.encode()
OTHER_PREFIXES = f"""<R:RDF {RDF.replace("xmlns:rdf", "xmlns:R")}>
<R:Description><d:subject {DC.replace("xmlns:dc", "xmlns:d")}><R:Bag><R:li>a</R:li></R:Bag></d:subject></R:Description>
<R:Description><Rating xmlns="http://ns.adobe.com/xap/1.0/">4</Rating></R:Description></R:RDF>""".encode()
SAID: dict[str, Any] = {
    "dc:subject": ["Boat", "a < b & c", "Köln"],
    "lr:hierarchicalSubject": ["trip|italy"],
    "xmp:Rating": "5",
    "dc:description": "Two\nlines & <more>",
}


def without(data: bytes, *parts: bytes) -> bytes:
    for part in parts:
        assert data.count(part) == 1, part
        data = data.replace(part, b"")
    return data


@pytest.mark.parametrize("packet", [EMPTY, DARKTABLE, ALONE, OTHER_PREFIXES, b"\xef\xbb\xbf" + DARKTABLE])
def test_what_is_said_is_read_again_and_nothing_is_lost(packet: bytes) -> None:
    changed = edited(packet, SAID)
    found, before = properties(changed), properties(packet)
    assert {name: found[name] for name in SAID} == {
        **{name: value for name, value in SAID.items() if name != "dc:description"},
        "dc:description": [SAID["dc:description"], *(["Meer"] if b"Meer" in packet else [])],
    }
    assert {name: value for name, value in before.items() if name not in SAID} == {
        name: value for name, value in found.items() if name not in SAID
    }
    assert edited(changed, SAID) == changed or properties(edited(changed, SAID)) == found


def test_every_other_byte_stays() -> None:
    changed = edited(DARKTABLE, {"xmp:Rating": "4", "dc:subject": ["Sea"], "dc:description": "new"})
    own = b"<xmp:Rating>4</xmp:Rating>", b"<dc:subject><rdf:Bag><rdf:li>Sea</rdf:li></rdf:Bag></dc:subject>"
    kept = without(changed, own[0], own[1], b'<rdf:li xml:lang="x-default">new</rdf:li>')
    former = b"<dc:subject>\n    <rdf:Bag><rdf:li>Boat</rdf:li></rdf:Bag>\n   </dc:subject>"
    before = without(DARKTABLE, b"\n   xmp:Rating = '1'", former, b'<rdf:li xml:lang="x-default">old</rdf:li>')
    assert kept.replace(b" \n  </rdf:Description>", b"</rdf:Description>").split() == before.split()
    assert b"<!-- a remark -->" in changed and b'darktable:params="a > b &amp; c"' in changed


def test_a_list_that_is_empty_goes() -> None:
    assert "dc:subject" not in properties(edited(DARKTABLE, {"dc:subject": []}))
    assert edited(EMPTY, {"dc:subject": []}) == EMPTY and edited(DARKTABLE, {}) == DARKTABLE


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"no xml",
        DARKTABLE.decode().encode("utf-16"),
        DARKTABLE.replace(b"UTF-8", b"ISO-8859-1"),
        DARKTABLE.replace(b"<x:xmpmeta", b'<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta', 1),
        DARKTABLE[:-40],
        b"<a/>",
        f"<rdf:RDF {RDF}/>".encode(),
        DARKTABLE.replace(b"old", b"\xff"),
        b"<a>" * 100_000,
    ],
    ids=range(10),
)
def test_an_odd_packet_is_refused(packet: bytes) -> None:
    with pytest.raises(OddPacket):
        edited(packet, SAID)


def test_damaged_packets_are_changed_rightly_or_refused() -> None:
    chance = random.Random(1)
    for _ in range(3_000):
        data = bytearray(DARKTABLE)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.choice((0, 1, 5))] = chance.choice((b"<", b">", b'"', b"/", b"x", b"", b"\xc3", b"&"))
        try:
            changed = edited(bytes(data), SAID)
        except OddPacket:
            continue
        assert properties(changed)["xmp:Rating"] == "5"


# ---------------------------------------------------------------- of a library


@pytest.fixture
def library(services: Services, photos: Path) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def of_names(library: Services, *names: str) -> list[str]:
    at = {hit.name: hit.id for hit in library.library.newest(9)}
    return [at[f"{name}.jpg"] for name in names]


def written(library: Services, ids: list[str]) -> int:
    events = list(library.sidecars.write(ids))
    assert of(events, Skipped) == []
    return max((event.done for event in of(events, Progress)), default=0)


def test_only_what_the_user_says_is_written_and_comes_back_as_it_was(library: Services, photos: Path) -> None:
    red, green = of_names(library, "red", "green")
    before = {file: file.read_bytes() for file in photos.iterdir()}
    library.curation.tag([red], ["trip/italy", "sea"])
    library.curation.rate([red], 4)
    library.curation.note([red], "Ask\nAnna")
    assert written(library, [red, green]) == 1 and {file: file.read_bytes() for file in before} == before
    assert sorted(file.name for file in photos.iterdir()) == [
        "blue.jpg", "green.jpg", "red.jpg", "red.jpg.xmp", "yellow.jpg"
    ]  # fmt: skip
    told = FactsReader().read(photos / "red.jpg")
    assert set(told.keywords) == {"sea", "trip/italy"} and (told.rating, told.caption) == (4, "Ask\nAnna")
    assert written(library, [red]) == 0, "it says so already"
    list(library.handlers["facts"]({"folders": [str(photos)]}))
    assert library.catalog.facts.of(red)["keywords"] == ("sea", "trip/italy")
    library.curation.tag([red], remove=["trip"])
    assert written(library, [red]) == 1
    assert FactsReader().read(photos / "red.jpg").keywords == ("sea",)
    assert properties((photos / "red.jpg.xmp").read_bytes()).get("lr:hierarchicalSubject", []) == []


def test_keywords_that_came_into_a_sidecar_meanwhile_stay(library: Services, photos: Path) -> None:
    (red,) = of_names(library, "red")
    library.curation.tag([red], ["sea"], ["boat"])
    (photos / "RED.JPG.XMP").write_bytes(DARKTABLE)
    written(library, [red])
    data = (photos / "RED.JPG.XMP").read_bytes()
    assert properties(data)["dc:subject"] == ["Boat", "sea"] and properties(data)["xmp:Rating"] == "1"
    assert not (photos / "red.jpg.xmp").exists()


@pytest.mark.parametrize("odd", ["nonsense", "a link", "a folder", "too large"])
def test_a_sidecar_that_cant_be_changed_safely_is_left_as_it_is(library: Services, photos: Path, odd: str) -> None:
    (red,) = of_names(library, "red")
    library.curation.rate([red], 4)
    sidecar = photos / "red.jpg.xmp"
    if odd == "a link":
        (photos / "other.xmp").write_bytes(DARKTABLE)
        sidecar.symlink_to("other.xmp")
    elif odd == "a folder":
        sidecar.mkdir()
    else:
        sidecar.write_bytes(b"nonsense" * (4_000_000 if odd == "too large" else 1))
    before = None if odd == "a folder" else sidecar.read_bytes()
    (skipped,) = of(library.sidecars.write([red]), Skipped)
    assert skipped.reason.startswith("It was left as it is: ") and skipped.path.endswith("red.jpg.xmp")
    assert before is None or sidecar.read_bytes() == before
    assert odd != "a link" or (sidecar.is_symlink() and (photos / "other.xmp").read_bytes() == DARKTABLE)


def test_uploads_and_missing_photos_have_no_sidecar(library: Services, photos: Path, tmp_path: Path) -> None:
    from src.services.library.uploads import as_params

    upload = library.uploads.save("p.jpg", make_photo(tmp_path / "p.jpg", (9, 9, 9)).read_bytes())
    list(library.handlers["index"]({"files": as_params([upload])}))
    every = library.catalog.newest(9)
    library.curation.rate(every, 3)
    (photos / "blue.jpg").unlink()
    assert written(library, every) == 3 and not list(upload.path.parent.glob("*.xmp"))


# ---------------------------------------------------------------- read by another program

exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")


def by_exiftool(file: Path) -> dict[str, Any]:
    command = ["exiftool", "-json", "-G1", "-struct", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (told,) = json.loads(run.stdout)
    return dict(told)


@exiftool
@pytest.mark.parametrize("packet", [EMPTY, DARKTABLE, ALONE])
def test_exiftool_reads_what_was_written_and_all_else_as_before(tmp_path: Path, packet: bytes) -> None:
    file, former = tmp_path / "after.xmp", tmp_path / "before.xmp"
    file.write_bytes(edited(packet, SAID))
    former.write_bytes(packet)
    told, before = by_exiftool(file), by_exiftool(former)
    assert told["XMP-dc:Subject"] == SAID["dc:subject"] and told["XMP-xmp:Rating"] == 5
    assert told["XMP-lr:HierarchicalSubject"] in (["trip|italy"], "trip|italy")
    assert told["XMP-dc:Description"] == SAID["dc:description"] and "ExifTool:Warning" not in told
    own = {"XMP-dc:Subject", "XMP-xmp:Rating", "XMP-lr:HierarchicalSubject", "XMP-dc:Description"}

    def others(facts: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in facts.items() if name.startswith("XMP-") and name not in own}

    assert others(told) == others(before)


@exiftool
def test_what_exiftool_writes_afterwards_is_read_again(library: Services, photos: Path) -> None:
    (red,) = of_names(library, "red")
    library.curation.tag([red], ["trip/italy"])
    written(library, [red])
    list(library.handlers["facts"]({"folders": [str(photos)]}))
    sidecar = photos / "red.jpg.xmp"
    change = ["exiftool", "-overwrite_original", "-XMP-dc:Subject+=Gull", "-XMP-xmp:Rating=2", str(sidecar)]
    subprocess.run(change, capture_output=True, timeout=60, check=True)
    list(library.handlers["facts"]({"folders": [str(photos)]}))
    known = library.catalog.facts.of(red)
    assert set(known["keywords"]) == {"trip/italy", "Gull"} and known["rating"] == 2
