"""Changing a few properties of an XMP sidecar and nothing else: every other byte of another program's file stays.

The file is not written anew from what was understood of it. Where the properties stand in it is found by Python's expat
parser, and there alone text is replaced, taken out or put in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from src.errors import BadInput
from src.processing.facts.xmp import encoding_of

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC, XMP, LR = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/lightroom/1.0/"
EMPTY = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about="">
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()
"""A sidecar that tells nothing."""
SUBJECT, TREE, RATING, DESCRIPTION = f"{DC} subject", f"{LR} hierarchicalSubject", f"{XMP} Rating", f"{DC} description"
"""The properties that are written: namespace and name."""
_PREFIXES = {DC: "dc", XMP: "xmp", LR: "lr"}
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>"']+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG = re.compile(rb"<([^\s/>]+)")
_TAG_END = re.compile(rb"""(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML has no way to write."""

Properties = Mapping[str, str | Sequence[str]]
"""Property -> its new value: one text, or several; an empty one takes the property out."""


def edited(data: bytes, properties: Properties) -> bytes:
    """The sidecar with these properties changed; those that are not named stay as they are.

    Of ``dc:description`` the text for all languages is changed, and takes the place of those for single ones. Raises
    BadInput for what is no XMP, or has a document type.
    """
    encoding = encoding_of(data)
    try:
        return _edited(data.decode(encoding).encode(), properties).decode().encode(encoding)
    except (expat.ExpatError, ValueError) as error:
        raise BadInput("The sidecar is left as it is: it is no XMP that can be read whole.") from error


def _edited(data: bytes, properties: Properties) -> bytes:
    """``data`` in UTF-8, whatever it says of itself. Raises ValueError or ExpatError for what is no XMP."""
    found = _Map(data)
    changes: list[tuple[int, int, bytes]] = []
    added = []
    for name, value in properties.items():
        places = found.properties.get(name, [])
        if not value:
            changes += [(*_with_blank(data, place), b"") for place in places]
            continue
        changes += [(*_with_blank(data, place), b"") for place in places[1:]]
        if not places:
            added.append(_element(name, value, found.prefix))
        elif places[0].attribute and isinstance(value, str):
            changes.append((*_value_span(data, places[0]), quoteattr(_clean(value)).encode()))
        elif places[0].attribute:
            changes.append((*_with_blank(data, places[0]), b""))
            added.append(_element(name, value, found.prefix))
        else:
            changes.append((places[0].start, places[0].end, _element(name, value, found.prefix)))
    if added:
        changes.append(found.room(added))
    for start, end, text in sorted(changes, reverse=True):
        data = data[:start] + text + data[end:]
    _Map(data)
    return data


@dataclass(frozen=True)
class _Place:
    """Where a property stands, in bytes."""

    start: int
    end: int
    attribute: bool


@dataclass
class _Open:
    """An element that the parser is in."""

    name: str
    start: int
    tag_end: int
    empty: bool
    """It closes itself."""


class _Map:
    """Where the properties of an XMP packet stand, and where more may go."""

    def __init__(self, data: bytes) -> None:
        self.properties: dict[str, list[_Place]] = {}
        self.prefix = ""
        self._data = data
        self._open: list[_Open] = []
        self._prefixes: dict[str, list[str]] = {"xml": ["http://www.w3.org/XML/1998/namespace"]}
        self._descriptions: list[tuple[_Open, int]] = []
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.StartElementHandler, parser.EndElementHandler = self._started, self._ended
        parser.StartNamespaceDeclHandler, parser.EndNamespaceDeclHandler = self._named, self._unnamed
        parser.StartDoctypeDeclHandler = _refuse
        parser.Parse(data, True)
        if not self._descriptions:
            raise ValueError("no description")
        self.description = self._descriptions[0]
        """The first one, and where its end tag begins."""

    def room(self, elements: Sequence[bytes]) -> tuple[int, int, bytes]:
        """Where more properties go, in the first description, and the text that goes there."""
        opened, end = self.description
        line = self._data.rfind(b"\n", 0, opened.start) + 1
        before = self._data[line : opened.start]
        margin = b"\n" + before[: len(before) - len(before.lstrip())]
        text = b"".join(margin + b" " + element for element in elements)
        if opened.empty:
            return opened.tag_end - 2, opened.tag_end, b">" + text + margin + b"</" + self._tag(opened) + b">"
        at = opened.tag_end + len(self._data[opened.tag_end : end].rstrip())
        return at, at, text if at < end else text + margin

    def _tag(self, opened: _Open) -> bytes:
        """How an element is called in the file."""
        tag: bytes = _TAG.findall(self._data[opened.start : opened.tag_end])[0]
        return tag

    def _named(self, prefix: str | None, uri: str) -> None:
        self._prefixes.setdefault(prefix or "", []).append(uri)

    def _unnamed(self, prefix: str | None) -> None:
        self._prefixes[prefix or ""].pop()

    def _started(self, name: str, _: object) -> None:
        start = self._parser.CurrentByteIndex
        tag = _TAG_END.match(self._data, start)
        end = tag.end() if tag else start
        opened = _Open(name, start, end, self._data[end - 2 : end] == b"/>")
        if name == f"{RDF} Description" and self._open and self._open[-1].name == f"{RDF} RDF":
            self.prefix = self.prefix or next(p for p, uris in self._prefixes.items() if uris and uris[-1] == RDF)
            self._attributes(opened)
        self._open.append(opened)

    def _attributes(self, opened: _Open) -> None:
        at = opened.start + 1 + len(self._tag(opened))
        for found in _ATTRIBUTE.finditer(self._data, at, opened.tag_end):
            prefix, _, local = found[1].decode().partition(":")
            uris = self._prefixes.get(prefix, []) if local else []
            if uris:
                self.properties.setdefault(f"{uris[-1]} {local}", []).append(_Place(*found.span(), True))

    def _ended(self, name: str) -> None:
        opened, end = self._open.pop(), self._parser.CurrentByteIndex
        above = [each.name for each in self._open[-2:]]
        if above == [f"{RDF} RDF", f"{RDF} Description"]:
            last = opened.tag_end if opened.empty else self._data.index(b">", end) + 1
            self.properties.setdefault(name, []).append(_Place(opened.start, last, False))
        if name == f"{RDF} Description" and above[-1:] == [f"{RDF} RDF"]:
            self._descriptions.append((opened, end))


def _refuse(*_: object) -> None:
    raise ValueError("a document type")


def _with_blank(data: bytes, place: _Place) -> tuple[int, int]:
    """A property with the line break and the blanks before it."""
    before = data[: place.start]
    return (place.start, place.end) if place.attribute else (len(before.rstrip()), place.end)


def _value_span(data: bytes, place: _Place) -> tuple[int, int]:
    """Of an attribute's value, with its quotation marks."""
    quote = data.index(b"=", place.start) + 1
    return quote + len(data[quote : place.end]) - len(data[quote : place.end].lstrip()), place.end


def _element(name: str, value: str | Sequence[str], rdf: str) -> bytes:
    """A property as an element that brings its own namespace."""
    uri, _, local = name.partition(" ")
    tag = f"{_PREFIXES[uri]}:{local}"
    return f'<{tag} xmlns:{_PREFIXES[uri]}="{uri}">{_content(name, value, rdf)}</{tag}>'.encode()


def _content(name: str, value: str | Sequence[str], rdf: str) -> str:
    if name == DESCRIPTION:
        return f'<{rdf}:Alt><{rdf}:li xml:lang="x-default">{_text(str(value))}</{rdf}:li></{rdf}:Alt>'
    if isinstance(value, str):
        return _text(value)
    return f"<{rdf}:Bag>{''.join(f'<{rdf}:li>{_text(one)}</{rdf}:li>' for one in value)}</{rdf}:Bag>"


def _text(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
