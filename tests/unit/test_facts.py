"""The facts of a photo file, in every format: from EXIF, IPTC and XMP, and which of them is believed."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from src.errors import UnreadableImage
from src.processing.decoding.image_io import prepare_pillow
from src.processing.facts import values
from src.processing.facts.reader import FactsReader
from src.schema.facts import PhotoFacts

GPS, MAIN, SHOT = ExifTags.IFD.GPSInfo, None, ExifTags.IFD.Exif
CAMERA = {
    271: "Canon",
    272: "Canon EOS 6D",
    274: 6,
    305: "Firmware 1.1",
    270: "A hill",
    18246: 4,
}
SETTINGS = {
    33434: 0.004,
    33437: 2.8,
    34855: 400,
    37386: 35.0,
    37385: 1,
    42036: "EF35mm f/2 IS USM",
    36867: "2020:05:04 18:39:11",
    36881: "+02:00",
}
PLACE = {1: "S", 2: (33.0, 27.0, 12.492), 3: "E", 4: (25.0, 45.0, 52.722), 5: b"\0", 6: 190.2}


def exif(
    main: dict[int, Any] | None = None,
    shot: dict[int, Any] | None = None,
    place: dict[int, Any] | None = None,
) -> Image.Exif:
    made = Image.Exif()
    for tag, value in (main or {}).items():
        made[tag] = value
    for kind, values_of in ((SHOT, shot), (GPS, place)):
        if values_of:
            made.get_ifd(kind).update(values_of)
    return made


def xmp(inside: str, attributes: str = "") -> bytes:
    """A packet with these properties."""
    spaces = " ".join(
        f'xmlns:{name}="{address}"'
        for name, address in (
            ("dc", "http://purl.org/dc/elements/1.1/"),
            ("xmp", "http://ns.adobe.com/xap/1.0/"),
            ("exif", "http://ns.adobe.com/exif/1.0/"),
            ("aux", "http://ns.adobe.com/exif/1.0/aux/"),
            ("tiff", "http://ns.adobe.com/tiff/1.0/"),
            ("photoshop", "http://ns.adobe.com/photoshop/1.0/"),
            ("lr", "http://ns.adobe.com/lightroom/1.0/"),
            ("Iptc4xmpCore", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"),
            ("digiKam", "http://www.digikam.org/ns/1.0/"),
            ("MicrosoftPhoto", "http://ns.microsoft.com/photo/1.0/"),
        )
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iptc(*sets: tuple[int, int, bytes]) -> bytes:
    """Photoshop's segment of a JPEG with an IPTC block of these data sets."""
    heads = (bytes((0x1C, record, number)) + len(data).to_bytes(2) for record, number, data in sets)
    block = b"".join(head + data for head, (_, _, data) in zip(heads, sets, strict=True))
    block += b"\0" * (len(block) % 2)
    return b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(block).to_bytes(4) + block


def jpeg(path: Path, segments: tuple[tuple[int, bytes], ...] = (), **options: Any) -> Path:
    """A JPEG of 60 x 40 pixels with more segments: marker and content."""
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(buffer, "JPEG", **options)
    data = buffer.getvalue()
    more = (bytes((0xFF, marker)) + (len(inside) + 2).to_bytes(2) + inside for marker, inside in segments)
    path.write_bytes(data[:2] + b"".join(more) + data[2:])
    return path


def read(path: Path) -> PhotoFacts:
    return FactsReader().read(path)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_format_that_holds_facts_tells_them(form: str, tmp_path: Path) -> None:
    prepare_pillow()
    packet = xmp("<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Elephants</rdf:li></rdf:Alt></dc:title>")
    options: dict[str, Any] = {"xmp": packet}
    if form == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
    path = tmp_path / f"photo.{form.lower()}"
    boxed = form in ("HEIF", "AVIF")  # where turning is written into a box, not into EXIF
    turned = {key: value for key, value in CAMERA.items() if key != 274 or not boxed}
    if form == "TIFF":
        options = {"tiffinfo": {**CAMERA, 700: packet, int(SHOT): SETTINGS, int(GPS): PLACE}}
    else:
        options["exif"] = exif(turned, SETTINGS, PLACE)
    Image.new("RGB", (60, 40), "green").save(path, form, **options)
    facts = read(path)
    assert (facts.width, facts.height, facts.format) == (60, 40, form)
    assert facts.orientation in ((None, 1) if boxed else (6,))
    assert (facts.camera_make, facts.camera_model, facts.lens) == (
        "Canon",
        "Canon EOS 6D",
        "EF35mm f/2 IS USM",
    )
    assert (facts.focal_length, facts.aperture, facts.exposure, facts.iso) == (35.0, 2.8, 0.004, 400)
    assert (facts.flash, facts.software, facts.rating) == (True, "Firmware 1.1", 4)
    assert (facts.taken_at, facts.offset) == ("2020-05-04T18:39:11", "+02:00")
    assert facts.latitude == pytest.approx(-33.45347) and facts.longitude == pytest.approx(25.764645)
    assert facts.altitude == pytest.approx(190.2)
    assert (facts.title, facts.caption) == ("Elephants", "A hill")
    assert facts.place == ("Nomathamasanqa", "Eastern Cape", "South Africa")
    assert facts.sources == ("exif", "xmp", "place")


@pytest.mark.parametrize("form", ["GIF", "BMP"])
def test_formats_without_facts_tell_their_size_alone(form: str, tmp_path: Path) -> None:
    Image.new("P", (61, 43)).save(tmp_path / "photo", form)
    assert read(tmp_path / "photo") == PhotoFacts(width=61, height=43, format=form)


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0"}])
def test_all_layouts_of_webp_tell_their_size(options: dict[str, Any], tmp_path: Path) -> None:
    Image.new("RGB", (301, 77), "blue").save(tmp_path / "a.webp", "WEBP", **options)
    facts = read(tmp_path / "a.webp")
    assert (facts.width, facts.height) == (301, 77)


@pytest.mark.parametrize("turn", range(1, 9))
def test_size_is_the_stored_one_beside_its_orientation(turn: int, tmp_path: Path) -> None:
    facts = read(jpeg(tmp_path / "a.jpg", exif=exif({274: turn})))
    assert (facts.width, facts.height, facts.orientation) == (60, 40, turn)


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_a_turned_avif_has_the_size_that_is_shown(turn: int, tmp_path: Path) -> None:
    Image.new("RGB", (60, 40), "green").save(tmp_path / "a.avif", "AVIF", exif=exif({274: turn}))
    facts = read(tmp_path / "a.avif")
    assert (facts.width, facts.height) == ((60, 40) if turn == 3 else (40, 60))


@pytest.mark.parametrize(
    ("main", "shot", "name", "wanted"),
    [
        ({274: 0}, {}, "orientation", None),
        ({274: 9}, {}, "orientation", None),
        ({271: "Canon\0\0junk"}, {}, "camera_make", "Canon"),
        ({271: "   "}, {}, "camera_make", None),
        ({271: b"Caf\xff\xfe"}, {}, "camera_make", None),
        ({305: "a\x1b[31mb"}, {}, "software", "a\N{REPLACEMENT CHARACTER}[31mb"),
        ({}, {42036: "----"}, "lens", None),
        ({}, {37386: 0.0}, "focal_length", None),
        ({}, {33437: 0.0, 37378: 6.0}, "aperture", 8.0),
        ({}, {37377: 8.0}, "exposure", 0.00390625),
        ({}, {33434: 0.0}, "exposure", None),
        ({}, {34855: 0}, "iso", None),
        ({}, {34855: 65535, 34866: 102400}, "iso", 102400),
        ({}, {34855: (200, 0)}, "iso", 200),
        ({}, {37385: 0x10}, "flash", False),
        ({}, {37385: 0x19}, "flash", True),
        ({}, {37385: 0x20}, "flash", False),
        ({18249: 50}, {}, "rating", 3),
        ({18249: 99}, {}, "rating", 5),
        ({18249: 0}, {}, "rating", 0),
        ({18246: 77}, {}, "rating", None),
        ({40094: "sea;Sand; sea ".encode("utf-16-le")}, {}, "keywords", ("sea", "Sand")),
        ({40091: "Meer\0".encode("utf-16-le")}, {}, "title", "Meer"),
        ({40092: "Am Meer".encode("utf-16-le")}, {}, "caption", "Am Meer"),
        ({270: "one\r\ntwo\n"}, {}, "caption", "one\ntwo"),
        ({306: "2020:05:04 18:39:11"}, {}, "taken_at", "2020-05-04T18:39:11"),
        ({}, {36867: "0000:00:00 00:00:00", 36868: "2019:01:02 03:04:05"}, "taken_at", "2019-01-02T03:04:05"),
    ],
)
def test_odd_values_of_exif(main: Any, shot: Any, name: str, wanted: Any, tmp_path: Path) -> None:
    assert getattr(read(jpeg(tmp_path / "a.jpg", exif=exif(main, shot))), name) == wanted


@pytest.mark.parametrize(
    "place",
    [
        PLACE | {2: (200.0, 0.0, 0.0)},
        PLACE | {4: (190.0, 0.0, 0.0)},
        PLACE | {4: (19.0, 75.0, 0.0)},
        {key: value for key, value in PLACE.items() if key != 1},
        PLACE | {3: "X"},
        {key: value for key, value in PLACE.items() if key != 4},
    ],
)
def test_a_place_is_told_whole_or_not_at_all(place: dict[int, Any], tmp_path: Path) -> None:
    facts = read(jpeg(tmp_path / "a.jpg", exif=exif(place=place)))
    assert (facts.latitude, facts.longitude) == (None, None)
    assert facts.altitude == pytest.approx(190.2)


def test_below_the_sea_the_altitude_is_below_zero(tmp_path: Path) -> None:
    facts = read(jpeg(tmp_path / "a.jpg", exif=exif(place=PLACE | {5: b"\1", 6: 12.5})))
    assert facts.altitude == -12.5


def test_a_fraction_over_zero_is_no_value(tmp_path: Path) -> None:
    """Written by hand: Pillow writes none."""
    entries = [(37386, 5, 1), (33437, 5, 1), (33434, 10, 1)]
    start = 8 + 2 + 12 * 1 + 4
    data_at = start + 2 + 12 * len(entries) + 4
    shot = b"".join(struct.pack("<HHLL", tag, kind, count, data_at) for tag, kind, count in entries)
    block = b"II*\0\x08\0\0\0" + struct.pack("<HHHLL", 1, 34665, 4, 1, start) + b"\0" * 4
    block += struct.pack("<H", len(entries)) + shot + b"\0" * 4 + struct.pack("<LL", 5, 0)
    facts = read(jpeg(tmp_path / "a.jpg", ((0xE1, b"Exif\0\0" + block),)))
    assert (facts.focal_length, facts.aperture, facts.exposure, facts.width) == (None, None, None, 60)
    assert facts.sources == ()


@pytest.mark.parametrize(
    ("shot", "place", "packet", "offset"),
    [
        ({36881: "+02:00", 36882: "+03:00", 36880: "+05:00"}, {}, "", "+02:00"),
        ({36882: "+03:00", 36880: "+05:00"}, {}, "", "+03:00"),
        ({36880: "-05:30"}, {}, "", "-05:30"),
        ({36881: "   :  "}, {}, "", None),
        ({36881: "+27:00"}, {}, "", None),
        ({}, {}, "2020-05-04T18:39:11.25-08:00", "-08:00"),
        ({}, {}, "2020-05-04T18:39:11Z", "+00:00"),
        ({}, {}, "2020-05-04T19:39:11-08:00", None),
        ({}, {7: (16.0, 36.0, 2.0), 29: "2020:05:04"}, "", "+02:00"),
        ({}, {7: (13.0, 9.0, 10.0), 29: "2020:05:04"}, "", "+05:30"),
        ({}, {7: (4.0, 39.0, 11.0), 29: "2020:05:05"}, "", "-10:00"),
        ({}, {7: (16.0, 39.0, 11.0), 29: "2020:05:06"}, "", None),
        ({}, {7: (16.0, 15.0, 11.0), 29: "2020:05:04"}, "", None),
        ({}, {7: (16.0, 39.0, 11.0)}, "", None),
        ({}, {}, "", None),
    ],
)
def test_the_offset_is_told_by_something_or_not_known(
    shot: dict[int, Any], place: dict[int, Any], packet: str, offset: str | None, tmp_path: Path
) -> None:
    """The wall clock stays whatever is known of its zone, and nothing is assumed."""
    attributes = f'exif:DateTimeOriginal="{packet}"' if packet else ""
    made = exif({}, {36867: "2020:05:04 18:39:11"} | shot, place)
    facts = read(jpeg(tmp_path / "a.jpg", exif=made, xmp=xmp("", attributes)))
    assert (facts.taken_at, facts.offset) == ("2020-05-04T18:39:11", offset)


def test_a_better_kind_of_date_goes_before_a_better_source(tmp_path: Path) -> None:
    packet = xmp("", 'exif:DateTimeOriginal="2001-02-03T04:05:06" xmp:CreateDate="1999-01-01T00:00:00"')
    facts = read(jpeg(tmp_path / "a.jpg", exif=exif({306: "2010:01:01 00:00:00"}), xmp=packet))
    assert facts.taken_at == "2001-02-03T04:05:06"
    packet = xmp("", 'xmp:CreateDate="1999-01-01T10:00:00+03:00"')
    facts = read(jpeg(tmp_path / "b.jpg", exif=exif({306: "2010:01:01 00:00:00"}), xmp=packet))
    assert (facts.taken_at, facts.offset) == ("1999-01-01T10:00:00", "+03:00")


def test_iptc_tells_words_and_a_date_and_knows_its_encoding(tmp_path: Path) -> None:
    sets = (
        (1, 90, b"\x1b%G"),
        (2, 5, "Kühe".encode()),
        (2, 25, b"cow"),
        (2, 25, b"COW"),
        (2, 25, b"Gras"),
        (2, 55, b"20150216"),
        (2, 60, b"173001+0100"),
        (2, 120, b"Two cows\rin the grass"),
    )
    facts = read(jpeg(tmp_path / "a.jpg", ((0xED, iptc(*sets)),)))
    assert (facts.title, facts.caption) == ("Kühe", "Two cows\nin the grass")
    assert facts.keywords == ("cow", "Gras")
    assert (facts.taken_at, facts.offset, facts.sources) == ("2015-02-16T17:30:01", "+01:00", ("iptc",))
    segment = iptc((2, 5, "Kühe".encode("cp1252")), (2, 55, b"20150216"))
    old = read(jpeg(tmp_path / "b.jpg", ((0xED, segment),)))
    assert (old.title, old.taken_at, old.offset) == ("Kühe", "2015-02-16T00:00:00", None)
    wrong = iptc((1, 90, b"\x1b%G"), (2, 5, b"K\xfche"))
    assert read(jpeg(tmp_path / "c.jpg", ((0xED, wrong),))).title is None


def test_words_come_from_xmp_then_iptc_then_exif_and_keywords_from_all(tmp_path: Path) -> None:
    words = "<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>sand</rdf:li></rdf:Bag></dc:subject>"
    paths = "<rdf:Bag><rdf:li>places|coast|Sea</rdf:li><rdf:li>a|cliff</rdf:li></rdf:Bag>"
    tree = f"<lr:hierarchicalSubject>{paths}</lr:hierarchicalSubject>"
    digikam = "<digiKam:TagsList><rdf:Seq><rdf:li>animals/gull</rdf:li></rdf:Seq></digiKam:TagsList>"
    packet = xmp(words + tree + digikam, 'dc:title="X" xmp:Rating="2"')
    segment = iptc((2, 5, b"I"), (2, 120, b"of IPTC"), (2, 25, b"boat"))
    made = exif({270: "of EXIF", 18246: 5, 40094: "sun".encode("utf-16-le")})
    facts = read(jpeg(tmp_path / "a.jpg", ((0xED, segment),), exif=made, xmp=packet))
    assert (facts.title, facts.caption, facts.rating) == ("X", "of IPTC", 2)
    assert facts.keywords == ("sea", "sand", "cliff", "gull", "boat", "sun")
    assert facts.sources == ("exif", "xmp", "iptc")


def test_the_camera_is_believed_before_what_others_copied(tmp_path: Path) -> None:
    copied = 'tiff:Make="Nikon" aux:Lens="Other" exif:FNumber="56/10" exif:FocalLength="4/1" '
    packet = xmp("", copied + 'tiff:Software="X"')
    facts = read(jpeg(tmp_path / "a.jpg", exif=exif({271: "Canon"}, {37386: 3.99}), xmp=packet))
    assert (facts.camera_make, facts.focal_length) == ("Canon", pytest.approx(3.99))
    assert (facts.lens, facts.aperture, facts.software) == ("Other", 5.6, "X")


def test_xmp_tells_place_and_flash(tmp_path: Path) -> None:
    flash = '<exif:Flash rdf:parseType="Resource"><exif:Fired>True</exif:Fired></exif:Flash>'
    attributes = 'exif:GPSLatitude="53,7.95N" exif:GPSLongitude="8,43,6W" '
    attributes += 'exif:GPSAltitude="25/2" exif:GPSAltitudeRef="1"'
    facts = read(jpeg(tmp_path / "a.jpg", xmp=xmp(flash, attributes)))
    assert facts.latitude == pytest.approx(53.1325) and facts.longitude == pytest.approx(-8.71833333)
    assert (facts.altitude, facts.flash) == (-12.5, True)
    nested = '<exif:Flash><rdf:Description exif:Fired="False"/></exif:Flash>'
    assert read(jpeg(tmp_path / "b.jpg", xmp=xmp(nested))).flash is False


@pytest.mark.parametrize(("text", "stars"), [("-1", -1), ("0", 0), ("1.0", 1), ("5", 5), ("6", None), ("x", None)])
def test_stars(text: str, stars: int | None, tmp_path: Path) -> None:
    assert read(jpeg(tmp_path / "a.jpg", xmp=xmp("", f'xmp:Rating="{text}"'))).rating == stars


def test_texts_are_bounded() -> None:
    assert values.line("a" * 5000) == "a" * values.TEXT_LENGTH
    assert len(values.caption("a" * 50_000) or "") == values.CAPTION_LENGTH
    assert len(values.keywords(map(str, range(5000)))) == values.MOST_KEYWORDS
    assert values.line("a\u202eb\ud800") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (2**40, None),
        (float("nan"), None),
        ("1/0", None),
        ("x", None),
        ([], None),
        (True, None),
        ("96/10", 9.6),
    ],
)
def test_numbers_that_make_no_sense(value: Any, wanted: float | None) -> None:
    assert values.number(value, 0, 1000) == wanted
    assert values.iso(2**40) is None and values.iso(2**80) is None


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 "])
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(UnreadableImage, match=r"^[A-Z].*\.$"):
        read(tmp_path / "a.jpg")


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="No such file"):
        read(tmp_path / "gone.jpg")
    with pytest.raises(UnreadableImage, match="It is a folder"):
        read(tmp_path)


def test_junk_between_segments_is_passed_over_as_decoders_do(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", exif=exif(CAMERA))
    data = path.read_bytes()
    length = int.from_bytes(data[4:6])
    path.write_bytes(data[: 4 + length] + b"\0\0junk\xff\xff\xff" + data[4 + length :])
    assert (read(path).camera_make, read(path).width) == ("Canon", 60)
    path.write_bytes(data[:2] + b"\xff\xee\0\0" + data[2:])  # a segment that is shorter than its own length
    assert (read(path).camera_make, read(path).width) == ("Canon", 60)


def test_facts_may_come_behind_the_picture(tmp_path: Path) -> None:
    """In a HEIF the description may stand behind the data: places in the file are told from its start."""
    prepare_pillow()
    Image.new("RGB", (64, 48)).save(tmp_path / "a.heic", "HEIF", exif=exif(CAMERA))
    data = (tmp_path / "a.heic").read_bytes()
    first = int.from_bytes(data[:4])
    filler = b"\0\0\0\x10mdat12345678"
    changed = data[:first] + filler + data[first:]
    (tmp_path / "b.heic").write_bytes(changed)
    facts = read(tmp_path / "b.heic")
    assert (facts.width, facts.height, facts.format) == (64, 48, "HEIF")


def test_a_raw_is_as_large_as_its_full_picture(tmp_path: Path) -> None:
    """A small version comes first, as cameras lay them out; the suffix is of no account then."""
    main = struct.pack("<HHLL", 254, 4, 1, 1) + struct.pack("<HHLL", 256, 4, 1, 160)
    main += struct.pack("<HHLL", 257, 4, 1, 120) + struct.pack("<HHLL", 330, 4, 1, 100)
    full = struct.pack("<HHLL", 254, 4, 1, 0) + struct.pack("<HHLL", 256, 4, 1, 6000)
    full += struct.pack("<HHLL", 257, 4, 1, 4000)
    data = (b"II*\0\x08\0\0\0" + struct.pack("<H", 4) + main).ljust(100, b"\0") + struct.pack("<H", 3) + full
    (tmp_path / "a.tif").write_bytes(data.ljust(300, b"\0"))
    facts = read(tmp_path / "a.tif")
    assert (facts.format, facts.width, facts.height) == ("RAW", 6000, 4000)


def test_a_path_that_can_be_none_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="NUL"):
        read(Path("a\0b.jpg"))
