"""Changing properties of a sidecar: what is named changes, every other byte of other programs' files stays."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.errors import BadInput
from src.processing.facts import xmp_edit
from src.processing.facts.xmp import properties
from src.processing.facts.xmp_edit import DESCRIPTION, RATING, SUBJECT, TREE, edited

HEADS = (
    "",
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n',
    "\ufeff",
)
WRAPPED = (
    ('<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">\n', "</x:xmpmeta>"),
    ("", ""),
)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
SPACES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/" '
    'xmlns:darktable="http://darktable.sf.net/"'
)
BODIES = {
    "lightroom": f"""<rdf:Description rdf:about="" {SPACES}
    xmp:Rating="2" xmp:CreatorTool="Lightroom > 6 &amp; 'more'" crs:Exposure2012="+0.35" crs:HasCrop="False">
   <dc:subject>
    <rdf:Bag>
     <rdf:li>old</rdf:li>
     <rdf:li>other &lt;tag&gt;</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <crs:ToneCurve>
    <rdf:Seq>
     <rdf:li>0, 0</rdf:li>
     <rdf:li>255, 255</rdf:li>
    </rdf:Seq>
   </crs:ToneCurve>
   <lr:hierarchicalSubject><rdf:Bag><rdf:li>old|tree</rdf:li></rdf:Bag></lr:hierarchicalSubject>
  </rdf:Description>""",
    "darktable": f"""<rdf:Description rdf:about="" {SPACES} xmp:Rating='-1' darktable:history_end="2">
   <darktable:history><rdf:Seq><rdf:li darktable:num="0" darktable:params="0a>0b"/></rdf:Seq></darktable:history>
  </rdf:Description>""",
    "digikam": f"""<rdf:Description rdf:about="" {SPACES}><xmp:Rating>4</xmp:Rating>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">old</rdf:li>
    <rdf:li xml:lang="de-DE">alt</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>""",
    "two descriptions": f"""<rdf:Description rdf:about="" {SPACES} crs:Version="9.1"/>
  <rdf:Description rdf:about="" xmlns:x1="http://ns.adobe.com/xap/1.0/" x1:Rating="1"><!-- kept > here -->
   <x1:Label>Red</x1:Label></rdf:Description>""",
    "empty": '<rdf:Description rdf:about=""/>',
}
FILES = [
    f"{head}{start}<rdf:RDF {RDF}>\n  {body}\n</rdf:RDF>\n{end}{tail}".encode()
    for head, (start, end), body, tail in itertools.product(
        HEADS, WRAPPED, BODIES.values(), ("", "\n" + " " * 40 + "\n<?xpacket end='w'?>")
    )
]
NEW = {
    SUBJECT: ["italy", "Jürgen & <co>", "日本"],
    TREE: ["trip|italy"],
    RATING: "5",
    DESCRIPTION: 'a "quiet" day\n& more',
}


NEEDLESS = "XMP format error (no closing tag for rdf:li)"
"""What exiftool 12 says of a list's empty element with a > in an attribute, which is well-formed."""


def unknown(data: bytes) -> dict[str, object]:
    """What the file tells of anything but the properties that are written."""
    ours = {"dc:subject", "lr:hierarchicalSubject", "xmp:Rating", "dc:description"}
    return {name: value for name, value in properties(data).items() if name not in ours}


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 60 and len(set(FILES)) == len(FILES)


@pytest.mark.parametrize("data", FILES)
def test_what_is_named_changes_and_all_else_stays(data: bytes) -> None:
    found = edited(data, NEW)
    read = properties(found)
    assert read["dc:subject"] == NEW[SUBJECT] and read["lr:hierarchicalSubject"] == NEW[TREE]
    assert read["xmp:Rating"] == "5" and read["dc:description"] == [NEW[DESCRIPTION]]
    assert unknown(found) == unknown(data)
    for kept in (
        b'crs:Exposure2012="+0.35"',
        b"<rdf:li>255, 255</rdf:li>",
        b'darktable:params="0a>0b"',
        b"<!-- kept > here -->",
        b"<x1:Label>Red</x1:Label>",
        b"Lightroom > 6 &amp; 'more'",
        b"<?xpacket end='w'?>",
    ):
        assert (kept in found) == (kept in data)
    assert edited(found, NEW) == found, "the same again changes nothing"


@pytest.mark.parametrize("data", FILES)
def test_one_field_alone_touches_no_other_byte(data: bytes) -> None:
    found = edited(data, {RATING: "5"})
    back = edited(found, {RATING: properties(data).get("xmp:Rating", "")})
    assert properties(back) == properties(data)
    if b"Rating" in data:
        assert back.replace(b'"-1"', b"'-1'") == data.replace(b'"-1"', b"'-1'") or b"<xmp:Rating>" in data


@pytest.mark.parametrize("data", FILES)
def test_an_empty_value_takes_the_property_out(data: bytes) -> None:
    found = edited(data, {SUBJECT: [], TREE: [], RATING: "", DESCRIPTION: ""})
    assert properties(found) == unknown(data) == unknown(found)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_stays_in_it(encoding: str) -> None:
    texts = [data.decode().removeprefix("\ufeff").replace("UTF-8", "UTF-16") for data in FILES]
    for text in texts:
        data = ("\ufeff" + text).encode(encoding)
        found = edited(data, NEW)
        assert found == ("\ufeff" + edited(text.encode(), NEW).decode()).encode(encoding)
        assert properties(found)["dc:subject"] == NEW[SUBJECT]


def test_nothing_named_changes_nothing() -> None:
    assert all(edited(data, {}) == data for data in FILES)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<a/>",
        b"\xff\xfe<\0",
        FILES[0][:-20],
        FILES[0].replace(b"other", b"\xff\xfe"),
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + FILES[0],
        b"<?xml version='1.0'?><x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    ],
)
def test_what_can_not_be_read_whole_is_left_alone(data: bytes) -> None:
    with pytest.raises(BadInput):
        edited(data, NEW)


@given(st.lists(st.text(), max_size=5), st.text(), st.sampled_from(FILES))
def test_any_text_comes_back_but_for_what_xml_can_not_hold(words: list[str], caption: str, data: bytes) -> None:
    found = properties(edited(data, {SUBJECT: words, DESCRIPTION: caption}))
    assert len(found.get("dc:subject", [])) == len([word for word in words if xmp_edit._clean(word).strip()])


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
def test_exiftool_reads_what_was_written(tmp_path: Path) -> None:
    for number, data in enumerate([*FILES, xmp_edit.EMPTY]):
        (tmp_path / f"{number}.xmp").write_bytes(edited(data, NEW))
    told = subprocess.run(
        ["exiftool", "-j", "-G1", "-struct", str(tmp_path)], capture_output=True, text=True, check=True
    )
    rows = json.loads(told.stdout)
    assert len(rows) == len(FILES) + 1
    for row in rows:
        assert "ExifTool:Error" not in row and row.get("ExifTool:Warning", NEEDLESS) == NEEDLESS, row
        assert row["XMP-dc:Subject"] == NEW[SUBJECT] and row["XMP-xmp:Rating"] == 5
        assert row["XMP-lr:HierarchicalSubject"] == NEW[TREE]
