"""IPTC's block of words ("legacy IPTC", IIM): title, caption, keywords and date."""

from __future__ import annotations

from src.processing.facts import values
from src.processing.facts.told import NOTHING, Dated, Told
from src.schema.facts import Place

MOST_BYTES = 2**20
"""Of a block; a longer one counts as absent."""
_RESOURCE, _IPTC = b"8BIM", 0x0404
_MARK, _APPLICATION = 0x1C, 2
_CODES = (1, 90)
_TITLE, _KEYWORD, _DAY, _TIME, _CAPTION = 5, 25, 55, 60, 120
_CITY, _PART, _REGION, _COUNTRY = 90, 92, 95, 101
_UTF8 = b"\x1b%G"
_LONG = 0x8000
"""A bit of a length that is not the length itself, but how many bytes hold it."""


def in_resources(data: bytes) -> bytes:
    """The IPTC block among Photoshop's resources; empty where there is none."""
    at = 0
    while data[at : at + 4] == _RESOURCE and at + 12 <= len(data):
        code = int.from_bytes(data[at + 4 : at + 6])
        name = data[at + 6] + 1
        start = at + 6 + name + name % 2
        size = int.from_bytes(data[start : start + 4])
        if code == _IPTC:
            return data[start + 4 : start + 4 + size]
        at = start + 4 + size + size % 2
    return b""


def in_iptc(block: bytes) -> Told:
    """What an IPTC block tells; nothing where it is nonsense."""
    if not block or len(block) > MOST_BYTES:
        return NOTHING
    sets = _data_sets(block)
    utf8 = _UTF8 in sets.get(_CODES, [])[:1]
    texts = {
        number: [_text(data, utf8) for data in found]
        for (record, number), found in sets.items()
        if record == _APPLICATION
    }

    def first(number: int) -> str | None:
        return texts.get(number, [None])[0]

    return Told(
        title=values.line(first(_TITLE)),
        caption=values.caption(first(_CAPTION)),
        keywords=values.keywords(texts.get(_KEYWORD, [])),
        dates=_dates(first(_DAY), first(_TIME)),
        named=Place(*(values.name(first(number)) for number in (_PART, _CITY, _REGION, _COUNTRY))),
    )


def _data_sets(block: bytes) -> dict[tuple[int, int], list[bytes]]:
    """(record, number) -> what stands there, in order."""
    found: dict[tuple[int, int], list[bytes]] = {}
    at = 0
    while at + 5 <= len(block) and block[at] == _MARK:
        record, number, size = block[at + 1], block[at + 2], int.from_bytes(block[at + 3 : at + 5])
        at += 5
        if size & _LONG:
            more = size & ~_LONG
            size = int.from_bytes(block[at : at + more]) if more <= 4 else len(block)
            at += more
        found.setdefault((record, number), []).append(block[at : at + size])
        at += size
    return found


def _text(data: bytes, utf8: bool) -> str | None:
    """A text. Where the block does not say that it is UTF-8, it may be, or is western Windows'."""
    for encoding in ("utf-8",) if utf8 else ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _dates(day: str | None, time: str | None) -> tuple[Dated, ...]:
    """``20150216`` and ``173001+0100``."""
    day, time = (day or "").strip(), (time or "").strip()
    if len(day) != 8 or not day.isdecimal():
        return ()
    written = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if len(time) < 6 or not time[:6].isdecimal():
        return values.dated("day", written)
    return values.dated("original", f"{written}T{time[:2]}:{time[2:4]}:{time[4:6]}{time[6:]}")
