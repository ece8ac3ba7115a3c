"""Four properties of an XMP packet changed in place: all other bytes of it stay as they are.

The places of elements come from an XML parser; what is written there is text of its own, with the packet's prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

from src.processing.facts.xmp import properties

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "rdf": RDF,
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
}
SUBJECT, TREE, RATING, DESCRIPTION = "dc:subject", "lr:hierarchicalSubject", "xmp:Rating", "dc:description"
EMPTY = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about="" xmlns:dc="{SPACES["dc"]}" xmlns:xmp="{SPACES["xmp"]}" xmlns:lr="{SPACES["lr"]}">
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()
"""A packet that says nothing."""
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>"']+)\s*=\s*("[^"]*"|'[^']*')""")
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")

Said = Mapping[str, str | Sequence[str]]
"""Name of a property -> its text, or the texts of its list (none: it goes)."""
_Edit = tuple[int, int, str]
"""What stands from the first byte up to the second becomes this text."""


class OddPacket(ValueError):
    """An XMP packet that can't be changed safely; the message is a part of a sentence that says why."""


@dataclass
class _Element:
    """Where an element stands, in bytes: ``start`` to ``open_end`` its start tag, ``close`` to ``end`` its end tag."""

    name: str
    raw: bytes
    attributes: Mapping[str, str]
    start: int
    open_end: int
    scope: Mapping[str, str]
    """Namespace -> the prefix that stands for it there."""
    close: int = 0
    end: int = 0
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    @property
    def alone(self) -> bool:
        """It has no end tag."""
        return self.close == self.end


def edited(data: bytes, said: Said) -> bytes:
    """A packet (UTF-8) in which these properties have these values; no byte of anything else is another.

    A description is the text for all languages; the others' stay. Raises OddPacket.
    """
    top = _Parser(data).descriptions()
    edits, new = list[_Edit](), list[str]()
    for name, value in said.items():
        changes = list(_edits(data, top, name, value))
        edits += [edit for edit in changes if isinstance(edit, tuple)]
        new += [text for text in changes if isinstance(text, str)]
    if new:
        edits.append(_inserted(top[0], new))
    changed = data
    for start, end, text in sorted(edits, reverse=True):
        changed = changed[:start] + text.encode() + changed[end:]
    found = properties(changed)
    if any(_read(found.get(name), name) != _wanted(value) for name, value in said.items()):
        raise OddPacket("it is written in a way that is not understood here")
    return changed


def _wanted(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _read(value: str | list[str] | None, name: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value or []
    return texts[:1] if name == DESCRIPTION else texts


# ---------------------------------------------------------------- what is changed


def _edits(data: bytes, top: Sequence[_Element], name: str, value: str | Sequence[str]) -> Iterator[_Edit | str]:
    """What is to be changed where, and elements that have no place yet."""
    prefix, _, local = name.partition(":")
    full = f"{SPACES[prefix]} {local}"
    elements = [(child, one) for one in top for child in one.children if child.name == full]
    for one in top:
        yield from ((*place, "") for place in _attribute(data, one, full))
    if elements and name == DESCRIPTION and (edit := _in_language(elements[0][0], str(value))):
        yield edit
        return
    text = "" if not value else _element((elements[0][1] if elements else top[0]).scope, prefix, local, value)
    for number, (element, _) in enumerate(elements):
        yield element.start, element.end, "" if number else text
    if not elements and text:
        yield text


def _inserted(parent: _Element, texts: Sequence[str]) -> _Edit:
    """At the end of what is in an element."""
    lines = "".join(f" {text}\n  " for text in texts)
    if parent.alone:
        return parent.end - 2, parent.end, f">\n  {lines}</{parent.raw.decode()}>"
    return parent.close, parent.close, lines


def _in_language(element: _Element, text: str) -> _Edit | None:
    """The description for all languages, where there is a list of them."""
    versions = next((child for child in element.children if child.name == f"{RDF} Alt"), None)
    if versions is None or versions.alone:
        return None
    own = next((item for item in versions.children if item.attributes.get(_LANGUAGE) == "x-default"), None)
    tag = f"{versions.scope[RDF]}li"
    if own is None:
        return versions.open_end, versions.open_end, f'<{tag} xml:lang="x-default">{escape(text)}</{tag}>'
    return own.start, own.end, f'<{tag} xml:lang="x-default">{escape(text)}</{tag}>'


def _element(scope: Mapping[str, str], prefix: str, local: str, value: str | Sequence[str]) -> str:
    """A property as an element, with the prefixes that hold there, or its own."""
    names = {own: scope.get(SPACES[own], f"{own}:") for own in (prefix, "rdf")}
    declared = "".join(f' xmlns:{own}="{SPACES[own]}"' for own in names if SPACES[own] not in scope)
    tag, rdf = f"{names[prefix]}{local}", names["rdf"]
    if f"{prefix}:{local}" == DESCRIPTION:
        inner = f'<{rdf}Alt><{rdf}li xml:lang="x-default">{escape(str(value))}</{rdf}li></{rdf}Alt>'
    elif isinstance(value, str):
        inner = escape(value)
    else:
        inner = f"<{rdf}Bag>{''.join(f'<{rdf}li>{escape(text)}</{rdf}li>' for text in value)}</{rdf}Bag>"
    return f"<{tag}{declared}>{inner}</{tag}>"


def _attribute(data: bytes, element: _Element, full: str) -> Iterator[tuple[int, int]]:
    """Where the start tag has the property as an attribute, with the blanks before it."""
    space, _, local = full.partition(" ")
    prefix = element.scope.get(space)  # without one, an attribute is in no namespace
    wanted = f"{prefix}{local}".encode() if prefix else None
    for found in _ATTRIBUTE.finditer(data, element.start, element.open_end):
        if found[1] == wanted:
            yield found.start(), found.end()


# ---------------------------------------------------------------- where everything is


class _Parser:
    """Finds the elements of a packet down to the items of its lists."""

    def __init__(self, data: bytes) -> None:
        if b"\0" in data[:4] or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise OddPacket("it is not in UTF-8")
        self._data = data
        self._stack: list[_Element] = []
        self._scopes: list[dict[str, str]] = [{}]
        self._declared: dict[str, str] = {}
        self._top: list[_Element] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begins
        self._parser.EndElementHandler = self._ends
        self._parser.CharacterDataHandler = self._has_text
        self._parser.StartNamespaceDeclHandler = self._declares
        self._parser.StartDoctypeDeclHandler = self._has_type
        self._parser.XmlDeclHandler = self._says_encoding

    def descriptions(self) -> list[_Element]:
        """The elements whose attributes and children are the properties. Raises OddPacket where there are none."""
        try:
            self._data.decode()
            self._parser.Parse(self._data, True)
        except (expat.ExpatError, UnicodeDecodeError, RecursionError) as error:
            raise OddPacket("it is no XML in UTF-8") from error
        root = self._top[0]
        rdf = [root] if root.name == f"{RDF} RDF" else [one for one in root.children if one.name == f"{RDF} RDF"]
        found = [one for one in (rdf[0].children if len(rdf) == 1 else ()) if one.name == f"{RDF} Description"]
        if not found:
            raise OddPacket("it has no description of a photo")
        return found

    def _declares(self, prefix: str | None, space: str | None) -> None:
        if space:
            self._declared[space] = f"{prefix}:" if prefix else ""

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        found = _TAG.match(self._data, start)
        if found is None:
            raise OddPacket("it is no XML in UTF-8")
        hidden = {prefix for space, prefix in self._declared.items()}
        scope = {space: prefix for space, prefix in self._scopes[-1].items() if prefix not in hidden} | self._declared
        self._declared = {}
        self._scopes.append(scope)
        raw = re.split(rb"[\s/>]", found[0][1:], maxsplit=1)[0]
        element = _Element(name, raw, attributes, start, found.end(), scope)
        (self._stack[-1].children if self._stack else self._top).append(element)
        self._stack.append(element)

    def _ends(self, _: str) -> None:
        element = self._stack.pop()
        self._scopes.pop()
        if self._data[element.open_end - 2 : element.open_end] == b"/>":
            element.close = element.end = element.open_end
        else:
            element.close = self._parser.CurrentByteIndex
            element.end = self._data.index(b">", element.close) + 1

    def _has_text(self, text: str) -> None:
        if self._stack:
            self._stack[-1].text += text

    def _has_type(self, *_: object) -> None:
        raise OddPacket("it has a document type")

    def _says_encoding(self, _: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.casefold() not in ("utf-8", "utf8", "us-ascii"):
            raise OddPacket("it is not in UTF-8")
