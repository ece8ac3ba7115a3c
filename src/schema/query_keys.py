"""The keys of the query language: what may stand before a colon, what of a photo it asks for, and how it is written."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from src.errors import BadInput
from src.schema import query_values
from src.schema.conditions import ALIASES, STAR, Condition
from src.schema.fields import BY_NAME
from src.schema.query_values import Reader

SORTS = ("relevance", "date", "name", "size", "album")
"""What results can be in the order of."""
DIRECTIVES = ("similar", "sort")
"""What may stand before a colon too, and is no condition on what is known of a photo."""


@dataclass(frozen=True)
class Key:
    """One key: the facts of which one must fit, and what the help screen says of it."""

    name: str
    fields: tuple[str, ...]
    """Names in the table of fields."""
    label: str
    example: str
    help: str
    read: Reader
    """Makes a condition of one value."""
    aliases: tuple[str, ...] = ()
    either: bool = False
    """Of several restrictions by this key one must hold; of those by others all must."""


def _key(
    name: str,
    fields: str | tuple[str, ...],
    example: str,
    help: str,
    label: str = "",
    read: Reader | None = None,
    aliases: tuple[str, ...] = (),
    either: bool = False,
) -> Key:
    """A key that is called as its first fact is, and whose values are read by what kind that fact is of."""
    names = (fields,) if isinstance(fields, str) else fields
    first = BY_NAME[names[0]]
    return Key(name, names, label or first.label, example, help, read or query_values.reader(first), aliases, either)


_TABLE = (
    _key("in", "folder", "in:2019/italy", "In a folder of that name or path, or below it.",
         read=query_values.folder, either=True),
    _key("name", "name", "name:IMG_20*", "The file's name has that text in it."),
    _key("camera", ALIASES["camera"], "camera:nikon|canon", "The camera's make or model has that text in it.",
         "Camera", either=True),
    _key("lens", "lens", "lens:50mm", "The lens's name has that text in it.", either=True),
    _key("title", "title", 'title:"summer party"', "The title has that text in it."),
    _key("caption", "caption", "caption:birthday", "The caption has that text in it."),
    _key("software", "software", "software:lightroom", "The program that wrote the file has that text in its name."),
    _key("tag", "keywords", "tag:wedding", "One of the tags is that, or one below it (wedding/dance).",
         aliases=("tags", "keyword", "keywords")),
    _key("place", "place", "place:paris", "The place, its city, region or country is called that."),
    _key("format", "format", "format:jpg|png", "The file is of that format.",
         read=query_values.file_format, either=True),
    _key("colour", "colours", "colour:red", "One of the colours that cover most of the photo is that.",
         "Colour", query_values.colour, ("color",)),
    _key("date", "taken_at", "date:2019-05..2019-08", "Taken in that year or month, on that day, or between two.",
         "Date taken"),
    _key("before", "taken_at", "before:2019", "Taken before that year, month or day begins.",
         "Taken before", query_values.before),
    _key("after", "taken_at", "after:2019-05-31", "Taken after that year, month or day ends.",
         "Taken after", query_values.after),
    _key("added", "added_at", "added:2024", "Added to the library in that year or month, or on that day."),
    _key("rating", "rating", "rating:>=4", "How many stars it has, 0 to 5."),
    _key("iso", "iso", "iso:100..400", "The sensitivity."),
    _key("aperture", "aperture", "aperture:f/2.8", "The f-number."),
    _key("focal", "focal_length", "focal:50mm", "The focal length in millimetres, as the lens has it."),
    _key("exposure", "exposure", "exposure:<1/250", "The exposure time in seconds."),
    _key("width", "width", "width:>=1920", "The width in pixels."),
    _key("height", "height", "height:<1080", "The height in pixels."),
    _key("megapixels", "megapixels", "megapixels:>12", "Width times height, in millions of pixels.", aliases=("mp",)),
    _key("size", "bytes", "size:>5mb", "The size of the file, in b, kb, mb or gb."),
    _key("sharpness", "sharpness", "sharpness:<10", "Under 10 is blurred or empty, over 100 crisp."),
    _key("brightness", "brightness", "brightness:>80%", "From 0 (black) to 1 (white), or in percent."),
    _key("flash", "flash", "flash:yes", "Whether the flash fired."),
    _key("album", "albums", 'album:"best of 2024"', "It is in the album of that name.", "Album", either=True),
    _key("note", "note", "note:ask", "Your own note has that text in it."),
    _key("text", "text", "text:receipt", "What was read in the photo has that in it."),
    _key("is", ("shape", "favourite"), "is:portrait", f"It is {', '.join(query_values.IS)}.", "Is",
         query_values.is_so),
    Key("has", (), "Known", "has:gps", f"That is known: {', '.join(query_values.KNOWN)}.", query_values.known),
)  # fmt: skip

KEYS: dict[str, Key] = {spelling: key for key in _TABLE for spelling in (key.name, *key.aliases)}
"""Every spelling -> its key, in the order of the help screen."""


def condition(key: str, values: Sequence[str], negative: bool = False) -> Condition:
    """What ``key:value``, ``key:a|b`` or with ``negative`` ``-key:value`` asks of a photo.

    Raises BadInput, in one plain sentence, for a value that makes no sense, and KeyError for a key that there is none
    of.
    """
    asked = KEYS[key]
    if not values:
        raise BadInput(f"“{asked.name}:” needs a value, as in “{asked.example}”.")
    some = []
    for value in dict.fromkeys(values):
        try:
            some.append(asked.read(asked.fields, value))
        except BadInput as error:
            said = error.user_message.rstrip(".").replace(STAR, "*")
            raise BadInput(f"{said}; write it as in “{asked.example}”.") from error
    text = f"{'-' * negative}{asked.name}:{'|'.join(dict.fromkeys(values))}".replace(STAR, "\\*")
    if len(some) == 1:
        return replace(some[0], text=text, negative=negative)
    return Condition((), text, "equals", negative=negative, any_of=tuple(some))


def nearest_key(key: str) -> str | None:
    """The key that somebody meant who mistyped it; None where none is near."""
    return next(iter(difflib.get_close_matches(key, [*KEYS, *DIRECTIVES], 1, 0.7)), None)
