"""Sidecars: four properties change, every other byte stays; another program reads what was written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from src.processing.facts.reader import FactsReader
from src.processing.facts.xmp import properties
from src.processing.facts.xmp_edit import DESCRIPTION, EMPTY, RATING, SUBJECT, TREE, edited
from src.runtime import Services
from src.schema import Progress, Skipped
from tests.conftest import make_photo, of

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC, XMP = 'xmlns:dc="http://purl.org/dc/elements/1.1/"', 'xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
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
SAID: dict[str, Any] = {
    SUBJECT: ["Boat", "a < b & c", "Köln"],
    TREE: ["trip|italy"],
    RATING: "5",
    DESCRIPTION: "Two\nlines & <more>",
}


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
    assert "is left as it is" in skipped.reason and skipped.path.endswith("red.jpg.xmp")
    assert before is None or sidecar.read_bytes() == before
    assert odd != "a link" or (sidecar.is_symlink() and (photos / "other.xmp").read_bytes() == DARKTABLE)


def test_uploads_and_missing_photos_have_no_sidecar(library: Services, photos: Path, tmp_path: Path) -> None:
    from src.services.library.uploads import as_params

    upload = library.uploads.save("p.jpg", make_photo(tmp_path / "p.jpg", (9, 9, 9)).read_bytes())
    list(library.handlers["index"]({"files": as_params([upload])}))
    every = library.catalog.listing.ids(None, "added", 9)
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
    assert told["XMP-dc:Subject"] == SAID[SUBJECT] and told["XMP-xmp:Rating"] == 5
    assert told["XMP-lr:HierarchicalSubject"] in (["trip|italy"], "trip|italy")
    assert told["XMP-dc:Description"] == SAID[DESCRIPTION] and "ExifTool:Warning" not in told
    own = "XMP-dc:Subject", "XMP-xmp:Rating", "XMP-lr:HierarchicalSubject", "XMP-dc:Description"

    def others(facts: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in facts.items() if name.startswith("XMP-") and not name.startswith(own)}

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
