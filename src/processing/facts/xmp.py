"""XMP: the properties of a packet in a picture or of an ``.xmp`` file.

No document type, no entity, nothing but the text itself is read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from xml.etree import ElementTree

Properties = dict[str, str | list[str]]
"""``prefix:name`` -> its text, or the texts of its list; of a structure ``prefix:name/prefix:part``. Prefixes
are those of NAMESPACES."""

NAMESPACES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
}
"""Those whose properties are read."""
MOST_VALUES = 2000
"""Of one list."""

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LISTS = (f"{_RDF}Bag", f"{_RDF}Seq", f"{_RDF}Alt")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(r"<![^-\[]")
"""A document type or a part of one, which could name entities and other files."""
_INSTRUCTION = re.compile(r"<\?[^>]{0,1000}\?>")
_DEPTH = 1
"""How deep structures are looked into: none that is read is in another one."""


def properties(data: bytes) -> Properties:
    """The properties of an XMP packet; none where it is no XMP, or has a document type."""
    text = _text(data)
    if text is None or _DECLARED.search(text):
        return {}
    try:
        top = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return {}
    found: Properties = {}
    for description in _descriptions(top):
        for name, value in _parts(description):
            if value:
                found.setdefault(name, value)
    return found


def encoding_of(data: bytes) -> str:
    """What an XMP packet is written in, as its first bytes tell: UTF-8 or one of the two UTF-16."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")


def _text(data: bytes) -> str | None:
    """The packet's text, from its first element to its last, without its processing instructions."""
    try:
        text = data.decode(encoding_of(data))
    except UnicodeDecodeError:
        return None
    text = _INSTRUCTION.sub("", text)
    start, end = text.find("<"), text.rfind(">")
    return text[start : end + 1] if 0 <= start < end else None


def _descriptions(top: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The elements whose attributes and children are properties."""
    inside = top if top.tag == f"{_RDF}RDF" else top.find(f"{_RDF}RDF")
    return iter([] if inside is None else inside.findall(f"{_RDF}Description"))


def _parts(element: ElementTree.Element, depth: int = 0) -> Iterator[tuple[str, str | list[str]]]:
    """Names and values of what an element has as attributes and children."""
    for tag, value in element.attrib.items():
        name = _name(tag)
        if name:
            yield name, value
    for child in element:
        name = _name(child.tag)
        if name:
            yield from _property(name, child, depth)


def _property(name: str, element: ElementTree.Element, depth: int) -> Iterator[tuple[str, str | list[str]]]:
    inner = next(iter(element), None)
    if inner is not None and inner.tag in _LISTS:
        yield name, _listed(inner)
        return
    structure = inner if inner is not None and inner.tag == f"{_RDF}Description" else element
    if inner is None:
        yield name, (element.text or "").strip()
    if depth < _DEPTH:
        yield from ((f"{name}/{part}", value) for part, value in _parts(structure, depth + 1))


def _listed(element: ElementTree.Element) -> list[str]:
    """The texts of a list. Of versions in several languages, the one for all comes first."""
    items = element.findall(f"{_RDF}li")[:MOST_VALUES]
    items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
    return [text for item in items if (text := (item.text or "").strip())]


def _name(tag: object) -> str | None:
    """``prefix:name`` for a tag of the namespaces that are read."""
    if not isinstance(tag, str) or not tag.startswith("{"):
        return None
    space, _, name = tag[1:].partition("}")
    prefix = NAMESPACES.get(space)
    return f"{prefix}:{name}" if prefix else None
